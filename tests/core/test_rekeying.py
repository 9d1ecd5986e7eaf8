"""What moves when partitions are added, and what becomes of its alerts."""

import pytest

from monitor.core.alert_records import Link
from monitor.core.alerts import AlertBook
from monitor.core.events import SOURCE_TOPICS
from monitor.core.growth import barred, position_after, released
from monitor.core.journal import Journal
from monitor.core.kept import AlertState
from monitor.core.ledger_keys import key_of, parse_key
from monitor.core.position import Position, Totals
from monitor.core.readings import Level
from monitor.core.records import FORMAT, alert_state_of, encode_alert
from monitor.core.rekeying import Holding, Move, moves
from monitor.core.standing import NEVER, Standing

OPEN = Standing(Level.BREACHED, 1, 1)
HOMES = {"stays": 0, "goes": 2}
STARTS = dict.fromkeys(SOURCE_TOPICS, 0)


def position(number: int = 5, partitions: int = 2, at: int | None = 60) -> Position:
    done = {topic: Totals(7) for topic in SOURCE_TOPICS}
    return Position(FORMAT, partitions, done, dict.fromkeys(SOURCE_TOPICS, 7), at, number, "d", 5)


def key(seller: str, epoch: int, kind: str = "order") -> bytes:
    return key_of(seller, "shop", kind, "1", epoch)


def moved(values: dict[bytes, bytes], *superseded: bytes, epoch: int = 0) -> list[Move]:
    holding = Holding(0, values, superseded, position())
    return moves(holding, HOMES.__getitem__, {2: epoch})


def alert(number: int) -> bytes:
    return encode_alert(
        AlertState(id="1", present=OPEN, before=NEVER, number=number, record=b"said")
    )


def test_only_what_belongs_elsewhere_moves() -> None:
    found = moved({key("stays", 1): b"a", key("goes", 1): b"b"})
    assert [(one.key, one.target, one.value) for one in found] == [(key("goes", 1), 2, b"b")]


def test_versions_keep_their_order_above_all_that_the_target_holds() -> None:
    found = moved({key("goes", 9): b"b", key("goes", 3): b"a"}, epoch=20)
    assert [one.new_key for one in found] == [key("goes", 29), key("goes", 23)]


@pytest.mark.parametrize(
    ("number", "is_superseded", "stands"),
    [
        (5, False, OPEN),
        # Its writer died before the position that tells of it was safe.
        (6, False, NEVER),
        # Somebody else owned the partition when it was written.
        (5, True, NEVER),
    ],
)
def test_of_an_alert_what_is_known_to_be_published_stands(
    number: int,
    is_superseded: bool,
    stands: Standing,
) -> None:
    name = key("goes", 1, "alert")
    (found,) = moved({name: alert(number)}, *([name] if is_superseded else []))
    state = alert_state_of(parse_key(found.new_key), found.value)
    assert (state.present, state.before, state.record) == (stands, stands, b"said")


@pytest.mark.parametrize("chain", [0, 3, 99])
def test_a_moved_alert_is_neither_published_again_nor_taken_for_one_that_never_was(
    chain: int,
) -> None:
    (found,) = moved({key("goes", 1, "alert"): alert(5)})
    journal = Journal()
    book = AlertBook("1", journal)
    book.chain = Link(chain, "")
    book.restore(parse_key(found.new_key), found.value, superseded=False)
    assert book.unpublished(chain) == []
    assert book._states["goes/shop/1"].present == OPEN
    assert not journal, "it stands as it is written"


def test_a_bar_keeps_what_the_position_said_and_is_undone_by_the_number_there_was() -> None:
    bar = barred(position(), 7)
    assert bar.partitions == -7
    assert released(bar, 2) == position()
    assert released(barred(None, 7), 2) is None


def test_no_sellers_time_goes_back_and_nobodys_history_is_read_again() -> None:
    after = position_after(barred(position(at=60), 7), 7, STARTS, 90)
    assert (after.partitions, after.evaluated_at) == (7, 90)
    assert (after.number, after.digest, after.published) == (5, "d", 5)
    assert {totals.offset for totals in after.done.values()} == {7}


def test_a_partition_without_owner_begins_with_its_topics() -> None:
    starts = STARTS | {"orders": 4}
    after = position_after(barred(None, 7), 7, starts, 90)
    assert {topic: totals.offset for topic, totals in after.done.items()} == starts
    assert (after.number, after.digest, after.published) == (0, "", 0)
