"""Which records are read, and that none is missing among them."""

import pytest

from monitor.audit.spans import (
    Kept,
    Since,
    Span,
    arrived_by,
    parse_since,
    parse_until,
    spans_of,
)
from monitor.core.instants import parse_instant
from monitor.errors import UnreadableSource

ORDERS = ("orders", 0)
CLAIMS = ("claims", 0)
AN_INSTANT = parse_instant("2026-11-20T12:00:00Z")


def test_all_is_read_from_the_first_offset_on() -> None:
    kept = {ORDERS: Kept(0, 10), CLAIMS: Kept(0, 0)}
    assert spans_of(Since(), {ORDERS: 7, CLAIMS: 0}, kept) == {ORDERS: Span(0, 7)}


def test_what_retention_took_of_the_range_is_named_and_how_to_go_on() -> None:
    kept = {ORDERS: Kept(5, 10), CLAIMS: Kept(3, 3)}
    with pytest.raises(UnreadableSource) as refused:
        spans_of(Since(), {ORDERS: 10, CLAIMS: 3}, kept)
    said = str(refused.value)
    assert "claims[0] offsets 0 to 2, orders[0] offsets 0 to 4" in said
    rest = parse_since(said.rpartition("--from ")[2])
    assert spans_of(rest, {ORDERS: 10, CLAIMS: 3}, kept) == {ORDERS: Span(5, 10)}


def test_of_many_partitions_only_some_are_named() -> None:
    kept = {("orders", number): Kept(1, 2) for number in range(25)}
    with pytest.raises(UnreadableSource, match="and of 5 more partitions"):
        spans_of(Since(), dict.fromkeys(kept, 2), kept)


def test_a_range_that_retention_took_whole_is_refused_to_its_own_end() -> None:
    with pytest.raises(UnreadableSource, match=r"orders\[0\] offsets 2 to 3\."):
        spans_of(Since(offsets={ORDERS: 2}), {ORDERS: 4}, {ORDERS: Kept(5, 10)})


def test_a_range_that_begins_where_records_are_kept_is_read() -> None:
    since = Since(offsets={ORDERS: 5})
    assert spans_of(since, {ORDERS: 10}, {ORDERS: Kept(5, 10)}) == {ORDERS: Span(5, 10)}


@pytest.mark.parametrize("found", [5, 10])
def test_an_instant_later_than_the_first_kept_record_is_a_whole_range(found: int) -> None:
    spans = spans_of(Since(AN_INSTANT), {ORDERS: 10}, {ORDERS: Kept(4, 10, found)})
    assert spans == ({ORDERS: Span(found, 10)} if found < 10 else {})


def test_an_instant_that_the_first_kept_record_has_may_have_lost_others() -> None:
    with pytest.raises(UnreadableSource, match="offsets 0 to 3"):
        spans_of(Since(AN_INSTANT), {ORDERS: 10}, {ORDERS: Kept(4, 10, 4)})


def test_a_begin_beyond_the_end_is_refused() -> None:
    with pytest.raises(UnreadableSource, match=r"orders\[0\] ends at 10, before 11"):
        spans_of(Since(offsets={ORDERS: 11}), {ORDERS: 10}, {ORDERS: Kept(0, 10)})


def test_a_begin_has_the_forms_of_an_end() -> None:
    for text in ("2026-11-20T12:00:00Z", "orders:0=4,claims:1=2", '{"orders":[0,4]}'):
        since, until = parse_since(text), parse_until(text)
        assert (since.recorded_at, since.offsets) == (until.recorded_at, until.offsets)
    with pytest.raises(UnreadableSource, match="cannot read from yesterday"):
        parse_since("yesterday")


def test_what_is_recorded_in_an_instants_millisecond_had_arrived_by_then() -> None:
    end = arrived_by(AN_INSTANT + 500).recorded_at
    assert end == AN_INSTANT + 1000
    assert arrived_by(AN_INSTANT).recorded_at == AN_INSTANT + 1000
