"""The partitions of sellers, one after the other."""

from collections.abc import Iterator
from math import lcm

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.audit.logs import LogRecord
from monitor.audit.paths import Path, Stretch, counts_of, path_of, paths
from monitor.audit.verification import partition_of
from monitor.core.instants import SECOND, parse_instant
from monitor.core.position import Point
from monitor.errors import UnreadableSource
from monitor.stream.evaluations_topic import message_of
from tests.audit.memory import MemoryLog

COUNTS = st.lists(st.integers(1, 12), min_size=1, max_size=3, unique=True).map(sorted).map(tuple)
NOON = parse_instant("2026-03-02T12:00:00Z")


def journal(*begun: int | None) -> MemoryLog:
    """A journal, by how many partitions there were when each began; None: nothing was decided."""
    partitions = {number: list(_records(count)) for number, count in enumerate(begun)}
    return MemoryLog(partitions, "evaluations")


def _records(count: int | None) -> Iterator[LogRecord]:
    """The first point of a worker, and one at which it found a change."""
    if count is None:
        return
    first = Point(NOON, {"orders": 0}, caught_up=True, policies=("d",), partitions=count)
    for offset, point in enumerate([first, Point(NOON + SECOND, {"orders": 1})]):
        message = message_of(0, point)
        yield LogRecord(offset, message.key, message.value, message.headers)


@given(COUNTS, st.binary(min_size=1, max_size=9))
def test_each_seller_has_one_path_and_its_partitions_are_those_of_its_key(
    counts: tuple[int, ...], key: bytes
) -> None:
    (path,) = [one for one in paths(counts) if one.is_of(key)]
    assert path == path_of(key, counts)
    assert path.numbers == tuple(partition_of(key, count) for count in counts)
    assert [n for n, of in path.stretches for _ in of] == list(path.numbers)
    assert [count for _, of in path.stretches for count in of] == list(counts)
    assert len(list(paths(counts))) <= lcm(*counts)


def test_where_partitions_are_doubled_each_has_as_many_paths_as_it_was_parted_into() -> None:
    assert [path.numbers for path in paths((2, 4))] == [(0, 0), (0, 2), (1, 1), (1, 3)]
    assert Path((2, 4, 8), (1, 1, 5)).stretches == (Stretch(1, (2, 4)), Stretch(5, (8,)))


@pytest.mark.parametrize(
    ("number", "before"), [(1, {2}), (5, {2, 4}), (3, {2, 4, 8})], ids=["stayed", "moved", "astray"]
)
def test_what_there_was_before_a_partition_was_last_on_the_path(
    number: int, before: set[int]
) -> None:
    assert Path((2, 4, 8), (1, 1, 5)).before(number) == before


@pytest.mark.parametrize(
    ("begun", "counts"),
    [
        ([3, 3, 3], (3,)),
        ([2, 2, 4, 4], (2, 4)),
        ([2, 2, 3, 5, 5], (2, 3, 5)),
        ([None, None, None], (3,)),
    ],
    ids=["never added", "added once", "added twice", "nothing was decided yet"],
)
def test_the_journal_says_how_many_there_ever_were(
    begun: list[int | None], counts: tuple[int, ...]
) -> None:
    assert counts_of(journal(*begun)) == counts


def test_partitions_that_were_just_added_have_no_point_yet() -> None:
    assert counts_of(journal(2, 2, None, None)) == (2, 4)


def test_a_journal_of_more_partitions_than_there_are_is_refused() -> None:
    with pytest.raises(UnreadableSource, match="says that there were 8 partitions, but it has 2"):
        counts_of(journal(8, 8))
