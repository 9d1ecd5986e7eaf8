"""Alerts of a partition over time: holds, silence, coverage, deadlines, what a successor knows."""

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.alert_records import AlertRecord, DeadlineRecord, Link, MetricRecord
from monitor.core.alerts import AlertBook
from monitor.core.engine import Engine
from monitor.core.events import Event
from monitor.core.instants import DAY, HOUR, SECOND, Instant, isoformat
from monitor.core.journal import Journal
from monitor.core.ledger_keys import parse_key
from monitor.core.readings import Level
from monitor.core.standing import QUIET
from tests.core.test_engine import at, document, event, placed, rulebook

NOON = at("2018-03-01T12:00:00Z")
CUT = {"orders": (0, 0)}


def policy(metric: str = "late_shipment_rate", **over: Any) -> dict[str, Any]:
    """A policy of one metric; ``alert`` is that metric's table."""
    alert = over.pop("alert", {})
    table = document()["metrics"][metric] | {"alert": alert}
    return document(metrics={metric: table}) | over


class Shop:
    """An engine with its alerts, looked at once in a while."""

    def __init__(
        self, *policies: dict[str, Any], now: Instant = NOON, complete_from: Instant | None = None
    ) -> None:
        self.journal = Journal()
        rules = rulebook(*(policies or (policy(),)))
        self.engine = Engine(rules, now, self.journal)
        self.engine.cover(complete_from)
        self.book = AlertBook("1.0", self.journal)
        self.said: list[AlertRecord] = []

    def hears(self, *events: Event, feed: str = "orders") -> None:
        self.engine.apply(events, feed)

    def at(self, now: Instant | str, *events: Event, caught_up: bool = False) -> list[AlertRecord]:
        """What is said at a point, after these events."""
        self.engine.advance(at(now) if isinstance(now, str) else now)
        self.hears(*events)
        changed = self.engine.readings() if caught_up else self.engine.changed()
        records = self.book.step(self.engine, changed, CUT, caught_up=caught_up)
        self.said += records
        return records

    def goes_on(self, then: Instant) -> list[AlertRecord]:
        """What is said until an instant, where each second at which anything is due is a point."""
        records = []
        while (wake_at := self._next_at()) and wake_at <= then:
            records += self.at(wake_at)
        return records

    def _next_at(self) -> Instant | None:
        found = [at for at in (self.engine.next_at(), self.book.next_at()) if at is not None]
        return min((at + -at % SECOND for at in found), default=None)


def moves(records: list[AlertRecord]) -> list[tuple[str, str, str]]:
    return [(str(one.from_), str(one.to), one.reason) for one in records]


def heartbeat(when: str) -> Event:
    return event("heartbeat", when)


LATE = placed("2018-02-26T08:00:00Z", ship_by="2018-03-01T13:00:00Z")


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


DEADLINES = {"shipment": {"warn_before_hours": 6}, "reply": {"repeat_every_hours": 1}}


def due(name: str, ship_by: str) -> Event:
    return placed("2018-03-01T08:00:00Z", order=name, ship_by=ship_by)


def deadline_shop(*policies: dict[str, Any]) -> Shop:
    tables = document()["metrics"]
    for name in tables:
        tables[name] |= {"limit": "under 100%" if name != "contact_response_rate" else "over 0%"}
    return Shop(*(policies or (document(metrics=tables, deadlines=DEADLINES),)))


def items(records: list[AlertRecord]) -> list[DeadlineRecord]:
    return [one for one in records if isinstance(one, DeadlineRecord)]


def test_a_deadline_warns_escalates_and_is_over_when_done() -> None:
    shop = deadline_shop()
    shop.at(NOON, due("o-1", "2018-03-01T20:00:00Z"), due("o-2", "2018-03-02T20:00:00Z"))
    shop.goes_on(at("2018-03-01T21:00:00Z"))
    shop.at("2018-03-01T22:00:00Z", event("order_shipped", "2018-03-01T21:59:00Z", order="o-1"))
    near, over, done = items(shop.said)
    assert (near.alert, near.kind, near.as_of) == (
        "shop/m/shipment",
        "shipment",
        "2018-03-01T14:00:00Z",
    )
    assert (near.open, near.overdue, near.subjects) == (2, 0, ("o-1",))
    assert near.first_due_at == "2018-03-01T20:00:00Z"
    assert (over.as_of, over.overdue) == ("2018-03-01T20:00:01Z", 1)
    assert moves(shop.said) == [
        ("ok", "approaching", "time"),
        ("approaching", "breached", "time"),
        ("breached", "ok", "events"),
    ]
    assert (done.open, done.overdue, done.subjects, done.subjects_total) == (1, 0, (), 0)


def test_more_items_are_told_at_most_once_an_hour() -> None:
    shop = deadline_shop()
    names = ("o-1", "o-2", "o-3")
    for minute, name in enumerate(names):
        shop.hears(due(name, f"2018-03-01T20:{20 * minute:02d}:00Z"))
    shop.at(NOON)
    shop.goes_on(at("2018-03-01T16:00:00Z"))
    assert [(one.reason, one.as_of, one.subjects_total) for one in items(shop.said)] == [
        ("time", "2018-03-01T14:00:00Z", 1),
        ("reminder", "2018-03-01T15:00:00Z", 3),
    ]
    assert items(shop.said)[1].subjects == names


def test_other_items_are_told_where_as_many_were_done_meanwhile() -> None:
    shop = deadline_shop()
    shop.at(NOON, *(due(f"o-{n}", f"2018-03-01T2{n}:00:00Z") for n in range(4)))
    for done, hour in enumerate((16, 17, 18)):
        shop.goes_on(at(f"2018-03-01T{hour}:30:00Z"))
        shipped = event("order_shipped", f"2018-03-01T{hour}:30:00Z", order=f"o-{done}")
        shop.at(f"2018-03-01T{hour}:30:01Z", shipped)
    # One after the other came within its six hours, never more than three at a time.
    assert [(one.as_of, one.subjects) for one in items(shop.said)] == [
        ("2018-03-01T14:00:00Z", ("o-0",)),
        ("2018-03-01T15:00:00Z", ("o-0", "o-1")),
        ("2018-03-01T16:00:00Z", ("o-0", "o-1", "o-2")),
        ("2018-03-01T17:00:00Z", ("o-1", "o-2", "o-3")),
    ]


def test_each_item_that_is_overdue_is_told_of() -> None:
    shop = deadline_shop()
    shop.at(NOON, *(due(f"o-{n}", f"2018-03-01T18:0{n}:00Z") for n in range(2)))
    shop.goes_on(at("2018-03-02T12:00:00Z"))
    assert [(one.reason, one.as_of, one.overdue) for one in items(shop.said)] == [
        ("events", "2018-03-01T12:00:00Z", 0),
        ("reminder", "2018-03-01T13:00:00Z", 0),
        ("time", "2018-03-01T18:00:01Z", 1),
        ("reminder", "2018-03-01T19:00:01Z", 2),
    ]


def test_a_message_is_warned_of_at_twenty_of_its_twenty_four_hours() -> None:
    shop = deadline_shop()
    message = {"message": "n-1", "thread": "t"}
    shop.at(NOON, event("message_received", "2018-03-01T12:00:00Z", **message))
    shop.goes_on(at("2018-03-02T11:00:00Z"))
    shop.at("2018-03-02T11:00:00Z", event("message_answered", "2018-03-02T11:00:00Z", **message))
    near, done = items(shop.said)
    assert (near.alert, near.as_of, near.subjects) == (
        "shop/m/reply",
        "2018-03-02T08:00:00Z",
        ("n-1",),
    )
    assert (near.first_due_at, done.to) == ("2018-03-02T12:00:00Z", Level.OK)


def test_a_kind_without_a_table_is_not_watched() -> None:
    shop = Shop(document())
    shop.at(NOON, event("claim_opened", "2018-03-01T12:00:00Z", claim="c", kind="guarantee"))
    assert items(shop.goes_on(NOON + 10 * DAY)) == []


def test_a_new_policy_that_knows_no_deadline_ends_it() -> None:
    lax = document()["metrics"] | {}
    lax = {"contact_response_rate": lax["contact_response_rate"] | {"limit": "over 0%"}}
    shop = deadline_shop(
        document(metrics=lax, deadlines=DEADLINES),
        document(metrics=lax, valid_from="2018-03-02"),
    )
    shop.at(NOON, due("o-1", "2018-03-01T20:00:00Z"))
    shop.goes_on(at("2018-03-02T00:00:00Z"))
    (*_, last) = items(shop.said)
    assert (last.from_, last.to, last.reason) == (Level.BREACHED, Level.NO_DATA, "policy")
    assert (last.open, last.overdue, last.first_due_at) == (0, 0, None)


def successor_of(shop: Shop, *policies: dict[str, Any], evaluated_at: Instant) -> Shop:
    """Who takes over what the ledger holds, as of a point."""
    other = Shop(*policies, now=evaluated_at)
    other.book.chain, other.book.evaluated_at = Link(100, ""), evaluated_at
    for key, value in shop.journal.take(1).records:
        assert value is not None
        if b"/alert/" in key:
            other.book.restore(parse_key(key), value, superseded=False)
        else:
            other.engine.restore(parse_key(key), value)
    return other


def test_a_hold_goes_on_under_the_next_owner() -> None:
    slow = policy(alert={"hold_minutes": 30})
    shop = Shop(slow)
    shop.at(NOON, LATE)
    shop.at("2018-03-01T13:00:01Z")
    other = successor_of(shop, slow, evaluated_at=shop.engine.now)
    assert other.at("2018-03-01T13:20:00Z", caught_up=True) == []
    assert moves(other.goes_on(at("2018-03-01T13:40:00Z"))) == [("ok", "breached", "time")]
    assert other.said[0].as_of == "2018-03-01T13:30:01Z"


def test_a_hold_that_began_in_a_write_that_was_cut_short_never_began() -> None:
    slow = policy(alert={"hold_minutes": 30})
    shop = Shop(slow)
    shop.at(NOON, LATE)
    shop.at("2018-03-01T13:00:01Z")
    other = successor_of(shop, slow, evaluated_at=NOON)
    other.at("2018-03-01T13:20:00Z", caught_up=True)
    assert moves(other.goes_on(at("2018-03-01T14:00:00Z"))) == [
        ("unknown", "breached", "caught_up")
    ]
    assert other.said[0].as_of == "2018-03-01T13:50:00Z"


def test_a_hold_noted_by_a_superseded_owner_leaves_what_it_said_before() -> None:
    shop = Shop(policy(alert={"recovery_hold_hours": 24}))
    shop.at(NOON, LATE)
    (said,) = shop.at("2018-03-01T13:00:01Z")
    shop.journal.take(1)
    early = event("order_shipped", "2018-03-01T12:30:00Z")
    assert shop.at("2018-03-01T14:00:00Z", early) == []
    (alert,) = [one for one in shop.journal.take(1).records if b"/alert/" in one[0]]
    assert alert[1] is not None
    book = AlertBook("1.0", Journal())
    book.chain, book.evaluated_at = Link(100, ""), shop.engine.now
    book.restore(parse_key(alert[0]), alert[1], superseded=True)
    (state,) = book._states.values()
    assert (state.present.seq, state.present.pending) == (1, "")
    assert book.unpublished(0) == [said.encode()]


def test_an_alert_of_the_ledgers_first_format_is_read() -> None:
    shop = Shop(policy(alert={"repeat_every_hours": 48}))
    shop.at(NOON, LATE)
    (said,) = shop.at("2018-03-01T13:00:01Z")
    old = msgspec.msgpack.encode([1, ["breached", 1, 1], ["ok", 0, 0], 1, said.encode()])
    other = Shop(policy(alert={"repeat_every_hours": 48}))
    other.book.chain = Link(1, "")
    key = parse_key(b"shop/m/alert/late_shipment_rate/10|1")
    other.book.restore(key, old, superseded=False)
    other.hears(LATE)
    shop.goes_on(NOON + 3 * DAY)
    other.at("2018-03-01T13:00:02Z", caught_up=True)
    other.goes_on(NOON + 3 * DAY)
    assert [one.as_of for one in other.said] == ["2018-03-03T13:00:01Z"]
    assert other.said[0].seq == shop.said[1].seq == 2


MOMENTS = [NOON + hour * HOUR for hour in range(0, 15 * 24, 5)]


@st.composite
def lives(draw: st.DrawFn) -> list[Event]:
    """Orders of a fortnight, some late, some bad, some spoken of."""
    events: list[Event] = []
    for number in range(draw(st.integers(1, 6))):
        name = f"o-{number}"
        began = draw(st.sampled_from(MOMENTS))
        ship_by = began + draw(st.integers(1, 60)) * HOUR
        events.append(placed(isoformat(began), order=name, ship_by=isoformat(ship_by)))
        if draw(st.booleans()):
            shipped = began + draw(st.integers(1, 90)) * HOUR
            events.append(event("order_shipped", isoformat(shipped), order=name))
        if draw(st.booleans()):
            left = began + draw(st.integers(1, 90)) * HOUR
            events.append(
                event("feedback_left", isoformat(left), order=name, feedback="f", rating=1)
            )
            if draw(st.booleans()):
                gone = left + draw(st.integers(0, 30)) * HOUR
                events.append(event("feedback_removed", isoformat(gone), order=name, feedback="f"))
        if draw(st.booleans()):
            beat = draw(st.sampled_from(MOMENTS))
            events.append(heartbeat(isoformat(beat)))
    return events


ALERTS = st.fixed_dictionaries(
    {
        "hold_minutes": st.sampled_from([0, 30, 600]),
        "recovery_hold_hours": st.sampled_from([0, 24]),
        "repeat_every_hours": st.sampled_from([24, 72]),
        "approach_headroom": st.sampled_from([0, 3]),
    }
)


def life_policy(alert: dict[str, Any], heartbeat_hours: int | None) -> dict[str, Any]:
    tables = {
        name: table | {"alert": alert, "approach": "3%"}
        for name, table in document()["metrics"].items()
        if name in ("late_shipment_rate", "order_defect_rate")
    }
    tables["order_defect_rate"] |= {"approach": "0.5%"}
    own = {} if heartbeat_hours is None else {"heartbeat_hours": heartbeat_hours}
    return document(metrics=tables, deadlines=DEADLINES) | own


def lived(events: list[Event], own: dict[str, Any], idle: set[Instant], order: int) -> Shop:
    """A fortnight with points at each event, each wake, and at ``idle`` instants."""
    shop = Shop(own)
    by_instant: dict[Instant, list[Event]] = {}
    for one in events[::order]:
        by_instant.setdefault(at(one.at.isoformat()), []).append(one)
    for instant in sorted({*by_instant, *idle, *(NOON + day * DAY for day in range(30))}):
        shop.goes_on(instant - SECOND)
        shop.at(instant, *by_instant.get(instant, ()))
    return shop


@given(
    lives(),
    ALERTS,
    st.sampled_from([None, 30]),
    st.sets(st.sampled_from([NOON + hour * HOUR for hour in range(0, 700, 7)]), max_size=5),
    st.sampled_from([1, -1]),
)
def test_neither_idle_points_nor_the_order_of_events_change_a_byte(
    events: list[Event],
    alert: dict[str, Any],
    heartbeat_hours: int | None,
    idle: set[Instant],
    order: int,
) -> None:
    own = life_policy(alert, heartbeat_hours)
    one = lived(events, own, idle, 1)
    other = lived(events, own, set(), order)
    assert [record.encode() for record in one.said] == [record.encode() for record in other.said]


@given(lives(), ALERTS, st.sampled_from([None, 30]))
def test_each_alert_counts_its_words_and_closes_what_it_opens(
    events: list[Event], alert: dict[str, Any], heartbeat_hours: int | None
) -> None:
    shop = lived(events, life_policy(alert, heartbeat_hours), set(), 1)
    for name in {one.alert for one in shop.said}:
        level, episode = Level.OK, 0
        for seq, one in enumerate((one for one in shop.said if one.alert == name), start=1):
            assert one.seq == seq
            assert one.from_ == level or (level in QUIET and one.reason == "caught_up")
            assert (one.to == one.from_) == (one.reason == "reminder")
            assert not (level in QUIET and one.to in QUIET)
            episode = seq if level in QUIET else episode
            assert one.episode == episode
            level = one.to
    figures = [one for one in shop.said if isinstance(one, MetricRecord)]
    assert all(one.denominator or one.to in QUIET or one.to is Level.UNKNOWN for one in figures)
