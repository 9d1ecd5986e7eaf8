"""Which ledger records move where, when the number of partitions grows. Pure."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from monitor.core.kept import AlertState
from monitor.core.ledger_keys import is_alert, key_of, parse_key
from monitor.core.position import Position
from monitor.core.records import alert_state_of, encode_alert

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
    values: Mapping[bytes, bytes] = field(default_factory=dict)
    superseded: Iterable[bytes] = ()
    position: Position | None = None


def moves(holding: Holding, partition_of: PartitionOf, epochs: Mapping[int, int]) -> list[Move]:
    """The records of one partition that belong elsewhere.

    Versions of a subject stay apart: each keeps its place in the order of epochs, above all
    that the target holds (``epochs``: the highest of each partition).
    """
    superseded = set(holding.superseded)
    written = 0 if holding.position is None else holding.position.number
    found = []
    for name, value in holding.values.items():
        key = parse_key(name)
        target = partition_of(key.seller)
        if target == holding.number:
            continue
        moved = value
        if is_alert(key):
            state = alert_state_of(key, value)
            # A number past the position's: its writer died before all of the write was safe.
            was_never_out = name in superseded or state.number > written
            moved = encode_alert(_moved(state, was_never_out=was_never_out))
        epoch = epochs.get(target, 0) + key.epoch
        found.append(
            Move(name, target, key_of(key.seller, key.marketplace, key.kind, key.id, epoch), moved)
        )
    return found


def _moved(state: AlertState, *, was_never_out: bool) -> AlertState:
    """An alert without its place in the chain, which is that of another partition.

    What was decided but never out is decided anew; all else is known to be published.
    """
    stands = state.before if was_never_out else state.present
    return AlertState(id=state.id, present=stands, before=stands, number=0, record=state.record)
