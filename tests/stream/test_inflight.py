"""Which batches follow, and up to where all is processed."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from monitor.stream.inflight import Batch, InFlight


def _batch(start: int, end: int, records: Sequence[int] = ()) -> Batch:
    return Batch("orders", 0, records, start, end, generation=1)


def test_a_batch_that_starts_where_the_last_one_ended_is_taken() -> None:
    queue = InFlight(10)
    assert queue.accept(_batch(10, 15))
    assert queue.accept(_batch(15, 20))
    assert len(queue) == 2


def test_a_batch_from_before_a_seek_is_refused_and_changes_nothing() -> None:
    queue = InFlight(0)
    assert not queue.accept(_batch(70, 80))
    assert queue.expected == 0
    assert len(queue) == 0


def test_a_batch_after_a_lost_one_is_refused() -> None:
    queue = InFlight(0)
    assert queue.accept(_batch(0, 5))
    assert not queue.accept(_batch(9, 12))
    assert queue.accept(_batch(5, 9))


def test_a_batch_whose_records_leave_gaps_is_taken_since_the_broker_skipped_them() -> None:
    queue = InFlight(0)
    assert queue.accept(_batch(0, 9, records=[3, 6]))
    assert queue.expected == 9


def test_nothing_is_committed_before_anything_is_processed() -> None:
    queue = InFlight(5)
    queue.accept(_batch(5, 8))
    assert queue.committable() is None


def test_only_the_leading_processed_batches_are_committed() -> None:
    queue = InFlight(0)
    batches = [_batch(0, 5), _batch(5, 9), _batch(9, 12)]
    for batch in batches:
        queue.accept(batch)
    batches[1].processed = True
    assert queue.committable() is None
    batches[0].processed = True
    assert queue.committable() == 9


def test_what_the_broker_did_not_acknowledge_is_committed_again() -> None:
    queue = InFlight(0)
    batch = _batch(0, 5)
    queue.accept(batch)
    batch.processed = True
    assert queue.committable() == 5
    assert queue.committable() == 5
    queue.committed = 5
    assert queue.committable() is None


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(1, 20), st.booleans()), max_size=60))
def test_whatever_arrives_what_is_taken_covers_the_offsets_without_hole_or_overlap(
    arrivals: list[tuple[int, int, bool]],
) -> None:
    queue = InFlight(0)
    taken: list[Batch] = []
    for start, length, processed in arrivals:
        batch = _batch(start, start + length)
        if queue.accept(batch):
            batch.processed = processed
            taken.append(batch)
    ends = [0] + [batch.end for batch in taken]
    assert [batch.start for batch in taken] == ends[:-1]
    queue.committable()
    unprocessed = [batch.start for batch in taken if not batch.processed]
    assert queue.finished == min(unprocessed, default=ends[-1])
