"""When a partition counts as too far behind to be believed."""

from hypothesis import given
from hypothesis import strategies as st

from monitor.core.events import SOURCE_TOPICS, SourceTopic
from monitor.stream.lateness import BEHIND_RECORDS, BEHIND_SECONDS, Lateness


def at(orders: int) -> dict[SourceTopic, int]:
    return dict.fromkeys(SOURCE_TOPICS, 0) | {"orders": orders}


def test_whoever_is_read_to_the_end_is_not_late() -> None:
    lateness = Lateness()
    assert not lateness.is_late(at(7), {"orders": 7}, 0)
    assert not lateness.is_late(at(7), {"orders": 7}, 1000)


def test_records_that_are_not_applied_for_long_make_late() -> None:
    lateness = Lateness()
    assert not lateness.is_late(at(7), {"orders": 8}, 0)
    assert not lateness.is_late(at(7), {"orders": 9}, BEHIND_SECONDS - 1)
    assert lateness.is_late(at(7), {"orders": 9}, BEHIND_SECONDS)
    assert not lateness.is_late(at(9), {"orders": 9}, BEHIND_SECONDS + 1)


def test_a_worker_at_full_speed_always_has_some_records_before_it() -> None:
    lateness = Lateness()
    for second in range(100):
        assert not lateness.is_late(at(1000 * second), {"orders": 1000 * second + 900}, second)


def test_months_of_history_that_come_at_once_make_late_at_once() -> None:
    assert Lateness().is_late(at(0), {"orders": BEHIND_RECORDS}, 0)


def test_an_end_that_is_not_known_is_nothing_to_wait_for() -> None:
    lateness = Lateness()
    assert not lateness.is_late(at(0), {"orders": None}, 0)
    assert not lateness.is_late(at(0), {}, 1000)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5), st.floats(0.1, 20)), max_size=40))
def test_late_is_who_has_not_applied_for_long_what_was_there_and_always_who_applies_nothing(
    steps: list[tuple[int, int, float]],
) -> None:
    lateness = Lateness()
    position = end = 0
    now = waits_since = 0.0
    reached: list[tuple[float, int]] = []
    for applied, came, seconds in steps:
        now, moved = now + seconds, min(end, position + applied)
        if moved != position or position == end:
            waits_since = now
        position, end = moved, end + came
        reached.append((now, end))
        is_late = lateness.is_late(at(position), {"orders": end}, now)
        waited = [seen for seen, there in reached if there > position]
        if is_late:
            assert now - min(waited) >= BEHIND_SECONDS
        if waited and now - waits_since >= BEHIND_SECONDS:
            assert is_late
