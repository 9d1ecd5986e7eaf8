"""When a partition counts as too far behind to be believed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.events import SOURCE_TOPICS, SourceTopic
from monitor.stream.lateness import BEHIND_RECORDS, BEHIND_SECONDS, SILENT_SECONDS, Lateness


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


def test_a_topic_that_answers_with_nothing_is_not_silent() -> None:
    lateness = Lateness()
    for second in range(100):
        assert lateness.silent(at(7), {"orders": 7}, {"orders": second, "claims": 3}, 0) == []


@pytest.mark.parametrize("answer", [None, 5])
def test_a_topic_that_does_not_answer_is_silent_until_it_does(answer: int | None) -> None:
    lateness = Lateness()
    ends: dict[SourceTopic, int | None] = {"orders": 7}
    silent: list[list[SourceTopic]] = [
        lateness.silent(at(7), ends, {"orders": answer, "claims": second}, second)
        for second in (0, int(SILENT_SECONDS) - 1, int(SILENT_SECONDS), 100)
    ]
    assert silent == [[], [], ["orders"], ["orders"]]
    assert lateness.silent(at(7), ends, {"orders": 6, "claims": 101}, 101) == []


def test_what_waits_is_not_asked_for_and_its_topic_not_silent() -> None:
    lateness = Lateness()
    assert lateness.silent(at(7), {"orders": 9}, {"orders": 1}, 0) == []
    assert lateness.silent(at(7), {"orders": 9}, {"orders": 1}, 1000) == []
    assert lateness.silent(at(9), {"orders": 9}, {"orders": 1}, 1001) == []
    assert lateness.silent(at(9), {"orders": 9}, {"orders": 1}, 1016) == ["orders"]


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
