"""Groups: every record is in one, none is lost, and of each alert the latest is told."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.alert_records import AlertRecord
from monitor.core.instants import HOUR, SECOND
from monitor.core.standing import Reason
from monitor.notify.grouping import Group, Grouping, Groups
from tests.stream.delivery.fakes import NOON, record

WAIT = 5.0


@dataclass
class Origin:
    settled: int = 0

    def settle_one(self) -> None:
        self.settled += 1


Arrival = tuple[float, str, int]
ARRIVALS = st.lists(
    st.tuples(st.floats(0, 4), st.sampled_from(["s1", "s2", "s3"]), st.sampled_from([30, 60])),
    max_size=40,
)


def grouped(
    arrivals: list[Arrival], sends: list[bool]
) -> tuple[list[AlertRecord], list[Group], Origin, Groups]:
    """Records as they come in, with a sender that is ready only now and then."""
    groups, origin, done = Groups(Grouping(WAIT)), Origin(), list[Group]()
    now, said, seqs = 0.0, list[AlertRecord](), dict[str, int]()

    def send() -> None:
        if (group := groups.due(now)) is not None:
            done.append(group)
            groups.settle(group)

    for turn, (idle, seller, days) in enumerate(arrivals):
        now += idle
        alert = f"{seller}/{days}"
        seqs[alert] = seqs.get(alert, 0) + 1
        one = record(seqs[alert], seller=seller, window_days=days)
        said.append(one)
        groups.add(one, 0, origin, now, NOON)
        if turn < len(sends) and sends[turn]:
            send()
    now += WAIT
    while groups.held:
        send()
    return said, done, origin, groups


@given(ARRIVALS, st.lists(st.booleans(), max_size=40))
def test_each_record_is_dealt_with_once(arrivals: list[Arrival], sends: list[bool]) -> None:
    said, done, origin, groups = grouped(arrivals, sends)
    assert origin.settled == len(said)
    assert sum(len(group.records) + group.passed_over for group in done) == len(said)
    assert groups.due_at_seconds() is None


@given(ARRIVALS, st.lists(st.booleans(), max_size=40))
def test_an_alert_is_told_in_order_and_last_of_its_last_record(
    arrivals: list[Arrival], sends: list[bool]
) -> None:
    said, done, _, _ = grouped(arrivals, sends)
    told: dict[str, list[int]] = {}
    for group in done:
        for alert, one in group.records.items():
            told.setdefault(alert, []).append(one.seq)
    last = {one.alert: one.seq for one in said}
    assert {alert: seqs[-1] for alert, seqs in told.items()} == last
    assert all(seqs == sorted(seqs) for seqs in told.values())


@given(ARRIVALS, st.lists(st.booleans(), max_size=40))
def test_whatever_the_sender_does_a_group_takes_in_only_what_comes_within_its_wait(
    arrivals: list[Arrival], sends: list[bool]
) -> None:
    _, done, _, _ = grouped(arrivals, sends)
    _, never_ready, _, _ = grouped(arrivals, [])
    assert all(len({one.seller for one in group.records.values()}) == 1 for group in done)
    # A sender that is always behind, as where the receiver is down, changes no group.
    prompt = [sorted(group.records) for group in grouped(arrivals, [True] * 40)[1]]
    assert [sorted(group.records) for group in never_ready] == prompt


def test_what_came_while_the_receiver_was_down_is_not_merged_into_what_waits() -> None:
    groups, origin = Groups(Grouping(WAIT)), Origin()
    groups.add(record(1), 0, origin, 0.0, NOON)
    groups.add(record(2), 0, origin, WAIT, NOON)
    first = groups.due(2 * WAIT)
    assert first is not None
    assert [one.seq for one in first.records.values()] == [1]


def test_what_has_caught_up_and_what_is_late_are_summaries_of_their_partition() -> None:
    groups, origin = Groups(Grouping(WAIT, late_hours=24.0)), Origin()
    for number, partition in enumerate((0, 0, 1)):
        caught_up = record(1, seller=f"s{number}", reason="caught_up")
        groups.add(caught_up, partition, origin, 0.0, NOON)
        late = record(1, seller=f"late{number}", at=NOON - 24 * HOUR - SECOND)
        groups.add(late, partition, origin, 0.0, NOON)
    found = []
    while (group := groups.due(WAIT)) is not None:
        found.append((group.partition, group.key, group.occasion, len(group.records)))
        groups.settle(group)
    assert sorted(found) == [
        (0, ("caught_up",), "summary", 2),
        (0, ("late",), "summary", 2),
        (1, ("caught_up",), "summary", 1),
        (1, ("late",), "summary", 1),
    ]


@pytest.mark.parametrize("reason", ["stale", "policy"])
def test_what_befalls_many_sellers_at_once_is_a_summary_and_a_change_of_one(
    reason: Reason,
) -> None:
    groups, origin = Groups(Grouping(WAIT)), Origin()
    groups.add(record(1, reason=reason), 0, origin, 0.0, NOON)
    groups.add(record(1, reason=reason, seller="s2"), 0, origin, 0.0, NOON)
    groups.add(record(1, reason=reason), 1, origin, 0.0, NOON)
    found = []
    while (group := groups.due(WAIT)) is not None:
        found.append((group.partition, group.occasion, len(group.records)))
        groups.settle(group)
    assert found == [(0, "summary", 2), (1, "change", 1)]


def test_where_very_many_are_held_nothing_waits() -> None:
    groups = Groups(Grouping(WAIT), records_max=3)
    for number in range(3):
        groups.add(record(1, seller=f"s{number}"), 0, Origin(), 0.0, NOON)
    assert groups.is_full
    assert groups.due(0.0) is not None


def test_what_was_dropped_can_still_be_settled() -> None:
    groups, origin = Groups(Grouping(WAIT)), Origin()
    groups.add(record(1), 0, origin, 0.0, NOON)
    group = groups.due(WAIT)
    assert group is not None
    groups.drop()
    groups.settle(group)
    assert (groups.held, origin.settled) == (0, 0)
