"""Alerts of a partition over time: holds, reminders, and a policy that changes."""

from monitor.core.instants import DAY
from tests.core.alert_shop import LATE, NOON, Shop, moves, policy
from tests.core.test_engine import at, event, placed


def test_a_hold_begins_at_a_point_and_ends_at_one() -> None:
    shop = Shop(policy(alert={"hold_minutes": 30}))
    assert shop.at(NOON, LATE) == []
    assert shop.at("2018-03-01T13:00:01Z") == []
    assert shop.at("2018-03-01T13:30:00Z") == []
    assert moves(shop.at("2018-03-01T13:30:01Z")) == [("ok", "breached", "time")]
    assert shop.said[0].as_of == "2018-03-01T13:30:01Z"


def test_what_is_mended_within_its_hold_is_not_said() -> None:
    shop = Shop(policy(alert={"hold_minutes": 30}))
    shop.at(NOON, LATE)
    shop.at("2018-03-01T13:00:01Z")
    shop.at("2018-03-01T13:10:00Z", event("order_shipped", "2018-03-01T12:59:00Z"))
    assert shop.goes_on(NOON + 3 * DAY) == []


def test_an_episode_opens_and_closes_once() -> None:
    shop = Shop(policy(alert={"hold_minutes": 30, "recovery_hold_hours": 24}))
    shop.at(NOON, LATE)
    shop.goes_on(at("2018-03-20T12:00:00Z"))
    assert moves(shop.said) == [("ok", "breached", "time"), ("breached", "no_data", "time")]
    assert [one.episode for one in shop.said] == [1, 1]
    # The order left the window of ten days at midnight, a day before.
    assert shop.said[1].as_of == "2018-03-09T00:00:00Z"


def test_an_open_alert_reminds_until_it_is_over() -> None:
    shop = Shop(policy(alert={"repeat_every_hours": 48}))
    shop.at(NOON, LATE)
    shop.goes_on(at("2018-03-20T12:00:00Z"))
    reminders = [one.as_of for one in shop.said if one.reason == "reminder"]
    assert reminders == [f"2018-03-0{day}T13:00:01Z" for day in (3, 5, 7)]
    assert [one.seq for one in shop.said] == list(range(1, 6))


def test_a_new_policy_moves_alerts_at_once_and_closes_what_it_does_not_know() -> None:
    slow = {"hold_minutes": 600, "recovery_hold_hours": 600}
    lax = policy(alert=slow)
    lax["metrics"]["late_shipment_rate"]["limit"] = "at most 100%"
    strict = policy(alert=slow, valid_from="2018-03-02")
    none = policy("order_defect_rate", valid_from="2018-03-03")
    shop = Shop(lax, strict, none)
    shop.at(NOON, placed("2018-02-27T08:00:00Z", ship_by="2018-02-28T08:00:00Z"))
    shop.goes_on(at("2018-03-02T00:00:00Z"))
    shop.goes_on(at("2018-03-03T00:00:00Z"))
    assert moves(shop.said) == [("ok", "breached", "policy"), ("breached", "no_data", "policy")]
