"""What the ledger says while partitions are added, and from then on (docs/adr/0004). Pure.

A partition is *barred* by a position that holds for no number of partitions, so that no worker
goes on from it. All else that the position before it said is kept.
"""

from collections.abc import Mapping
from typing import Literal

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from monitor.core.events import SOURCE_TOPICS, SourceTopic
from monitor.core.instants import Instant
from monitor.core.ledger_keys import Key
from monitor.core.position import Position, Totals
from monitor.core.records import FORMAT, decode


class Growth(Struct, array_like=True, frozen=True, gc=False):
    """That partitions were added: how many there were, and where each source topic ended then.

    Of this partition: what lies before these offsets is the sellers' of the former number.
    """

    v: Literal[1, 2]
    partitions: int
    ends: dict[SourceTopic, int]

    def encode(self) -> bytes:
        """The value of its ledger record."""
        return msgspec.msgpack.encode(self)


def growth_of(key: Key, value: bytes) -> Growth:
    """The growth in a ledger record.

    Raises:
        LedgerError: a newer program wrote it, or it is no record.
    """
    found: Growth = decode(value, _DECODER, key)
    return found


def barred(position: Position | None, partitions: int) -> Position:
    """The position that bars a partition until there are so many.

    Without ``done`` where nobody has owned the partition yet.
    """
    if position is None:
        return Position(FORMAT, -partitions, {}, {}, None, 0, "", 0)
    return replace(position, partitions=-partitions)


def aim_of(position: Position | None) -> int | None:
    """How many partitions there are to be, where this position bars one."""
    return None if position is None or position.partitions >= 0 else -position.partitions


def released(position: Position | None, partitions: int) -> Position | None:
    """What was before a bar, where nothing else was changed; None: no position."""
    if position is None or not position.done:
        return None
    return replace(position, partitions=partitions)


def position_after(
    position: Position | None,
    partitions: int,
    starts: Mapping[SourceTopic, int],
    evaluated_at: Instant | None,
) -> Position:
    """Where a partition goes on, once there are so many.

    Args:
        position: what it says now.
        partitions: how many there are.
        starts: where the sources begin, for a partition that nobody has owned.
        evaluated_at: the last evaluation point of any partition: no seller's time goes back.
    """
    if position is None or not position.done:
        done = {topic: Totals(starts[topic]) for topic in SOURCE_TOPICS}
        return Position(FORMAT, partitions, done, dict(starts), evaluated_at, 0, "", 0)
    return replace(position, partitions=partitions, evaluated_at=evaluated_at)


_DECODER = msgspec.msgpack.Decoder(Growth)
