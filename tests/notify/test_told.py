"""What a receiver was told: rows, what they remember, and what they say is done."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.alert_records import AlertRecord
from monitor.core.instants import SECOND, Instant, isoformat
from monitor.core.readings import Level
from monitor.core.standing import QUIET
from monitor.notify.notification import Item
from monitor.notify.routing import Decision
from monitor.notify.sorting import sort_out
from monitor.notify.told import Outcome, Row, Told, row_after, row_sending
from tests.stream.delivery.fakes import NOON, judge, record

LEVELS = st.sampled_from([Level.OK, Level.APPROACHING, Level.BREACHED, Level.UNKNOWN])
RULINGS = st.sampled_from(["deliver", "muted", "silenced", "unrouted"])
TURNS = st.lists(st.tuples(LEVELS, RULINGS, st.booleans()), max_size=25)


def rows_after(turns: list[tuple[Level, str, bool]]) -> tuple[Told, list[AlertRecord], list[bytes]]:
    """One alert dealt with time and again; what was told of it, and all its rows."""
    told, heard, rows = Told(), list[AlertRecord](), list[bytes]()
    for seq, (level, decided, is_taken) in enumerate(turns, 1):
        one = record(seq, level)

        def rule(item: Item, at: Instant, decided: Any = decided) -> Decision:
            return Decision(decided)

        found = sort_out([one], told, judge, rule, NOON)
        dealt: list[tuple[AlertRecord, Outcome]] = list(found.aside)
        for item in found.items:
            dealt.append((item.record, "delivered" if is_taken else "refused"))
            if is_taken:
                heard.append(item.record)
        for dealt_with, outcome in dealt:
            row = row_after(told.row(one.alert), dealt_with, outcome, isoformat(NOON))
            told.note(one.alert, row)
            rows.append(row.encode())
    return told, heard, rows


@given(TURNS)
def test_each_record_is_dealt_with_and_its_row_says_so(
    turns: list[tuple[Level, str, bool]],
) -> None:
    told, _, rows = rows_after(turns)
    assert len(rows) == len(turns)
    for seq in range(1, len(turns) + 1):
        assert told.is_done(record(seq))
    assert not told.is_done(record(len(turns) + 1))


@given(TURNS)
def test_the_last_row_alone_restores_all_that_is_known(
    turns: list[tuple[Level, str, bool]],
) -> None:
    told, _, rows = rows_after(turns)
    restored = Told()
    for value in rows[-1:]:
        restored.restore(record(1).alert, value)
    alert = record(1).alert
    assert restored.row(alert) == told.row(alert)
    assert list(restored.open_records()) == list(told.open_records())
    assert list(restored.waiting()) == list(told.waiting())
    assert restored.refused == told.refused


@given(TURNS)
def test_a_closing_is_told_once_for_each_episode_that_the_receiver_takes_for_open(
    turns: list[tuple[Level, str, bool]],
) -> None:
    _, heard, _ = rows_after(turns)
    is_open = False
    for one in heard:
        assert is_open or one.to not in QUIET
        is_open = one.to not in QUIET


@given(TURNS)
def test_what_it_takes_for_open_is_closed_whatever_hides_it(
    turns: list[tuple[Level, str, bool]],
) -> None:
    told, heard, _ = rows_after([*turns, (Level.OK, "muted", True)])
    assert not list(told.open_records())
    assert not list(told.waiting())
    assert not heard or heard[-1].to in QUIET


@given(st.permutations(range(4)))
def test_an_older_row_that_a_halted_worker_writes_late_changes_nothing(order: list[int]) -> None:
    rows = [row_after(None, record(seq), "delivered", isoformat(NOON)) for seq in range(4)]
    told = Told()
    for index in order:
        told.restore("a", rows[index].encode())
    assert told.row("a") == rows[3]


def test_what_was_open_at_the_beginning_waits_until_it_was_told_and_not_again() -> None:
    begun = row_after(None, record(4), "new", isoformat(NOON))
    told = Told()
    told.restore("a", begun.encode())
    assert list(told.waiting()) == [(record(4), "new")]
    delivered = row_after(begun, record(4), "delivered", isoformat(NOON))
    told.restore("a", delivered.encode())
    # Another worker that began at once writes it late.
    told.restore("a", begun.encode())
    assert told.row("a") == delivered
    assert list(told.waiting()) == []


def test_a_row_that_was_removed_is_forgotten() -> None:
    told = Told()
    told.restore(
        "a", row_after(None, record(1), "refused", isoformat(NOON), "answered 400").encode()
    )
    assert told.refused == 1
    told.restore("a", None)
    assert (told.row("a"), told.refused, list(told.open_records())) == (None, 0, [])


def test_closings_are_known_for_as_long_as_they_are_asked_for() -> None:
    told = Told()
    for seconds in (0, 200):
        one = record(2, Level.OK, seller=f"s{seconds}")
        told.note(one.alert, row_after(None, one, "delivered", isoformat(NOON + seconds * SECOND)))
    assert len(told.resolved_since(NOON)) == 2
    assert [one.seller for one in told.resolved_since(NOON + SECOND)] == ["s200"]


def test_what_is_no_row_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError):
        Told().restore("a", b'{"seq":"one"}')


def test_a_row_is_sorted_json() -> None:
    row = Row(outcome="unrouted", seq=3, as_of=isoformat(NOON), at=isoformat(NOON))
    assert row.encode() == (
        b'{"as_of":"2026-11-20T12:00:00Z","at":"2026-11-20T12:00:00Z","outcome":"unrouted",'
        b'"reason":"","sending":null,"seq":3,"told":null,"v":1,"waiting":null}'
    )


def test_what_may_have_been_heard_is_closed_and_what_came_before_it_not_said_any_more() -> None:
    told, alert = Told(), record(1).alert
    sending = row_sending(None, record(2), isoformat(NOON))
    assert sending is not None
    told.restore(alert, sending.encode())
    assert told.is_done(record(1))
    assert not told.is_done(record(2))
    assert told.has_to_hear(record(3, Level.OK))
    assert row_sending(told.row(alert), record(2), isoformat(NOON)) is None
    closing = row_sending(told.row(alert), record(3, Level.OK), isoformat(NOON))
    assert closing is not None
    told.restore(alert, closing.encode())
    assert told.has_to_hear(record(3, Level.OK))
    after = row_after(told.row(alert), record(3, Level.OK), "delivered", isoformat(NOON))
    told.restore(alert, after.encode())
    assert not told.has_to_hear(record(4, Level.OK))
