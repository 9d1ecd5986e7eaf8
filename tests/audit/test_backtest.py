"""A history through engine and alerts on a grid: the same as one that looks at every point."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor import __version__
from monitor.audit.backtest import backtest
from monitor.core.alert_records import AlertRecord, MetricRecord
from monitor.core.alerts import AlertBook
from monitor.core.engine import Engine
from monitor.core.events import Event
from monitor.core.instants import DAY, HOUR, Instant, instant_of, isoformat
from monitor.core.rules import Rulebook
from tests.audit.backtests import day, decoded, limit_of_ten_percent, order, records_of
from tests.core.test_alert_laws import ALERTS, life_policy, lives
from tests.core.test_engine import rulebook


def changes(records: list[AlertRecord]) -> list[tuple[str, str, str]]:
    return [
        (record.from_.value, record.to.value, record.as_of)
        for record in records
        if isinstance(record, MetricRecord)
    ]


def good_and_late(good: int, *late_days: float) -> list[dict[str, Any]]:
    """Good orders of the first day, then late ones."""
    events = [one for number in range(good) for one in order(f"g-{number}", 0)]
    for number, placed_day in enumerate(late_days):
        events += order(f"l-{number}", placed_day, late=True)
    return events


def test_nothing_is_said_of_no_history() -> None:
    assert records_of([], limit_of_ten_percent()) == []


def test_a_warning_and_a_breach_come_at_the_points_after_the_orders_were_due() -> None:
    events = good_and_late(18, 2, 7)
    assert changes(records_of(events, limit_of_ten_percent())) == [
        ("ok", "approaching", isoformat(day(3) + HOUR)),
        ("approaching", "breached", isoformat(day(8) + HOUR)),
    ]


def test_of_a_coarser_grid_the_next_point_decides() -> None:
    events = good_and_late(18, 2, 7)
    found = changes(records_of(events, limit_of_ten_percent(), every=12 * HOUR))
    assert [at for _, _, at in found] == [
        isoformat(day(3.5)),
        isoformat(day(8.5)),
    ]


def test_time_alone_ends_a_breach_between_two_events_far_apart() -> None:
    events = good_and_late(4, 2) + order("much later", 60)
    found = changes(records_of(events, limit_of_ten_percent()))
    assert [(from_, to) for from_, to, _ in found] == [("ok", "breached"), ("breached", "no_data")]
    assert isoformat(day(31)) < found[1][2] < isoformat(day(40))


def test_nothing_happens_after_the_last_event() -> None:
    left_lying = order("l", 0, late=True)[:1]
    assert records_of(left_lying, limit_of_ten_percent()) == []


def test_events_in_any_order_say_the_same() -> None:
    events = good_and_late(18, 2, 7)
    rules = limit_of_ten_percent()
    assert records_of(events[::-1], rules) == records_of(events, rules)


def test_progress_is_told_of_every_event() -> None:
    heard: list[int] = []
    events = decoded(good_and_late(18, 2, 7))
    list(backtest(events, limit_of_ten_percent(), HOUR, lambda _: None, heard.append))
    assert sum(heard) == len(events)


def everywhere(events: list[Event], rules: Rulebook, every: int) -> list[AlertRecord]:
    """The same with all readings looked at, at every point of the grid."""
    if not events:
        return []
    ats = [instant_of(event.at) for event in events]
    point: Instant = -(-min(ats) // every) * every
    engine, book, said = Engine(rules, point), AlertBook(__version__), list[AlertRecord]()
    left = sorted(events, key=lambda event: event.at)
    while True:
        engine.advance(point)
        engine.apply([event for event in left if instant_of(event.at) <= point])
        left = [event for event in left if instant_of(event.at) > point]
        said += book.step(engine, engine.changed(), {})
        if not left:
            return said
        point += every


@pytest.mark.parametrize("every", [HOUR, 7 * HOUR, DAY])
@given(events=lives(), alert=ALERTS, heartbeat_hours=st.sampled_from([None, 30]))
def test_points_left_out_would_have_said_nothing(
    every: int, events: list[Event], alert: dict[str, Any], heartbeat_hours: int | None
) -> None:
    rules = rulebook(life_policy(alert, heartbeat_hours))
    found = list(backtest(events, rules, every, lambda _: None, lambda _: None))
    assert found == everywhere(events, rules, every)
