"""Alerts while a feed is silent, or history does not cover a window."""

from monitor.core.instants import DAY, HOUR
from monitor.core.readings import Level
from tests.core.alert_shop import LATE, NOON, Shop, heartbeat, moves, policy
from tests.core.test_engine import at, document, event, placed


def test_a_feed_that_falls_silent_never_looks_like_late_shipments() -> None:
    shop = Shop(policy(heartbeat_hours=6))
    shop.hears(heartbeat("2018-03-01T12:00:00Z"))
    shop.at(NOON, LATE)
    assert shop.goes_on(NOON + 30 * HOUR) == []
    (reading,) = shop.engine.readings()
    assert (reading.level, reading.alarm) == (Level.BREACHED, Level.UNKNOWN)


def test_late_shipments_open_once_the_feed_has_told_that_none_is_missing() -> None:
    shop = Shop(policy(heartbeat_hours=6))
    shop.hears(heartbeat("2018-03-01T12:00:00Z"))
    shop.at(NOON, LATE)
    assert shop.goes_on(at("2018-03-01T13:30:00Z")) == []
    told = shop.at("2018-03-01T14:00:00Z", heartbeat("2018-03-01T13:59:59Z"))
    assert moves(told) == [("ok", "breached", "time")]


def test_what_an_event_tells_needs_no_heartbeat() -> None:
    shop = Shop(policy(heartbeat_hours=6))
    shop.hears(heartbeat("2018-03-01T12:00:00Z"))
    shop.at(NOON, LATE)
    shipped = event("order_shipped", "2018-03-01T13:00:02Z")
    assert shop.at("2018-03-01T13:00:01Z") == []
    assert shop.at("2018-03-01T13:00:03Z", shipped) == []
    other = placed("2018-02-20T08:00:00Z", order="o-2", ship_by="2018-02-21T08:00:00Z")
    fresh = Shop(policy(heartbeat_hours=6))
    fresh.hears(heartbeat("2018-03-01T12:00:00Z"))
    told = fresh.at(NOON, other, event("order_shipped", "2018-03-01T11:00:00Z", order="o-2"))
    assert moves(told) == [("ok", "breached", "events")]


def test_an_event_that_comes_with_a_deadline_does_not_vouch_for_it() -> None:
    shop = Shop(policy(heartbeat_hours=6))
    shop.hears(heartbeat("2018-03-01T12:00:00Z"))
    shop.at(NOON, LATE)
    other = placed("2018-03-01T13:00:00Z", order="o-2", ship_by="2018-03-04T08:00:00Z")
    assert shop.at("2018-03-01T13:00:01Z", other) == []
    told = shop.at("2018-03-01T14:00:00Z", heartbeat("2018-03-01T13:59:59Z"))
    assert moves(told) == [("ok", "breached", "time")]


def test_out_of_the_unknown_nothing_is_late_that_may_have_been_shipped() -> None:
    table = {"alert": {}, "approach": "10%", "limit": "under 50%"}
    late = document()["metrics"]["late_shipment_rate"] | table
    shop = Shop(document(metrics={"late_shipment_rate": late}, heartbeat_hours=6))
    shop.hears(heartbeat("2018-03-01T12:00:00Z"))
    fine = [
        placed("2018-02-26T08:00:00Z", order=f"f-{n}", ship_by="2018-03-01T21:00:00Z")
        for n in range(3)
    ]
    shop.at(NOON, LATE, *fine)
    shop.goes_on(at("2018-03-01T13:30:00Z"))
    shop.at("2018-03-01T14:00:00Z", heartbeat("2018-03-01T13:59:59Z"))
    shop.goes_on(at("2018-03-01T22:00:00Z"))
    assert moves(shop.said) == [("ok", "approaching", "time"), ("approaching", "unknown", "stale")]
    back = heartbeat("2018-03-01T20:00:00Z")
    assert moves(shop.at("2018-03-01T23:00:00Z", back)) == [("unknown", "approaching", "caught_up")]
    shipped = [event("order_shipped", "2018-03-01T19:00:00Z", order=f"f-{n}") for n in range(3)]
    assert shop.at("2018-03-01T23:00:05Z", *shipped) == []
    assert shop.at("2018-03-02T01:00:00Z", heartbeat("2018-03-02T00:59:00Z")) == []


def test_an_open_alert_is_unknown_while_its_feed_is_silent_and_open_again_after() -> None:
    shop = Shop(policy(heartbeat_hours=6))
    shop.hears(heartbeat("2018-03-01T12:00:00Z"))
    shop.at(NOON, LATE)
    shop.at("2018-03-01T14:00:00Z", heartbeat("2018-03-01T14:00:00Z"))
    shop.goes_on(at("2018-03-02T12:00:00Z"))
    assert shop.said[-1].as_of == "2018-03-01T20:00:01Z"
    shop.at("2018-03-02T13:00:00Z", heartbeat("2018-03-02T12:59:00Z"))
    assert moves(shop.said) == [
        ("ok", "breached", "time"),
        ("breached", "unknown", "stale"),
        ("unknown", "breached", "caught_up"),
    ]
    assert [one.episode for one in shop.said] == [1, 1, 1]


def test_one_silent_feed_of_several_is_enough() -> None:
    shop = Shop(policy(heartbeat_hours=6))
    for feed in ("orders", "claims"):
        shop.hears(heartbeat("2018-03-01T12:00:00Z"), feed=feed)
    shop.at(NOON, LATE)
    for hour in range(13, 24):
        shop.hears(heartbeat(f"2018-03-01T{hour}:00:00Z"), feed="claims")
        shop.at(f"2018-03-01T{hour}:00:01Z")
    assert shop.said == []


def test_the_same_heartbeat_on_two_feeds_vouches_for_both_even_before_its_time() -> None:
    shop = Shop(policy(heartbeat_hours=6))
    for feed in ("orders", "claims"):
        shop.hears(heartbeat("2018-03-01T14:00:00Z"), feed=feed)
    shop.at("2018-03-01T14:00:00Z")
    (account,) = shop.engine._accounts.values()
    assert {one.id for one in account.feeds} == {"orders", "claims"}
    assert account.feeds.complete_to(NOON) == at("2018-03-01T14:00:00Z")


def test_a_seller_of_which_no_heartbeat_ever_came_is_not_watched() -> None:
    shop = Shop(policy(heartbeat_hours=6))
    shop.at(NOON, LATE)
    assert moves(shop.goes_on(NOON + DAY)) == [("ok", "breached", "time")]


def test_a_window_that_begins_before_history_is_unknown_and_opens_nothing() -> None:
    shop = Shop(policy(), complete_from=at("2018-02-25T00:00:00Z"))
    shop.at(NOON, LATE)
    assert shop.goes_on(at("2018-03-05T23:59:59Z")) == []
    # From the 6th on the window of ten days begins on the 25th.
    opened = shop.goes_on(at("2018-03-06T00:00:00Z"))
    assert moves(opened) == [("ok", "breached", "time")]
