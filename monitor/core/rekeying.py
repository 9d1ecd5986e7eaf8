"""Which ledger records move where, when the number of partitions grows. Pure."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from msgspec.structs import replace

from monitor.core.events import SOURCE_TOPICS, SourceTopic
from monitor.core.instants import Instant
from monitor.core.kept import AlertState
from monitor.core.position import Position, Totals
from monitor.core.records import (
    FORMAT,
    alert_state_of,
    encode_alert,
    is_alert,
    key_of,
    parse_key,
)

PartitionOf = Callable[[str], int]
"""The partition of a seller."""


@dataclass(frozen=True, slots=True)
class Move:
    """A ledger record that belongs into another partition from now on."""

    key: bytes
    target: int
    new_key: bytes
    value: bytes


@dataclass(slots=True)
class Holding:
    """What one partition of the ledger holds: see stream/recovery.py."""

    number: int
    epoch: int = 0
    values: Mapping[bytes, bytes] = field(default_factory=dict)
    superseded: Iterable[bytes] = ()
    position: Position | None = None


def moves(holding: Holding, partition_of: PartitionOf, epochs: Mapping[int, int]) -> list[Move]:
    """The records of one partition that belong elsewhere.

    Versions of a subject stay apart: each keeps its place in the order of epochs, above all
    that the target holds (``epochs``: the highest of each partition).
    """
    superseded = set(holding.superseded)
    found = []
    for name, value in holding.values.items():
        key = parse_key(name)
        target = partition_of(key.seller)
        if target == holding.number:
            continue
        moved = value
        if is_alert(key):
            state = alert_state_of(key, value)
            moved = encode_alert(_moved(state, superseded=name in superseded))
        epoch = epochs.get(target, 0) + key.epoch
        found.append(
            Move(name, target, key_of(key.seller, key.marketplace, key.kind, key.id, epoch), moved)
        )
    return found


def position_after(
    holding: Holding,
    partitions: int,
    starts: Mapping[SourceTopic, int],
    evaluated_at: Instant | None,
) -> Position:
    """Where a partition goes on; ``starts``: where the sources of one without a position begin."""
    was = holding.position
    if was is None:
        done = {topic: Totals(starts[topic]) for topic in SOURCE_TOPICS}
        return Position(FORMAT, partitions, done, dict(starts), evaluated_at, 0, "", 0)
    return replace(was, partitions=partitions, evaluated_at=evaluated_at)


def _moved(state: AlertState, *, superseded: bool) -> AlertState:
    """An alert without its place in the chain, which is that of another partition."""
    present = state.before if superseded else state.present
    return AlertState(id=state.id, present=present, before=present, number=0, record=state.record)
