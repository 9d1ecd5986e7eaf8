"""How far a partition is read, as the ledger topic keeps it (contract, ledger.md)."""

from collections.abc import Mapping
from typing import Literal

import msgspec
from msgspec import Struct

from monitor.core.events import SourceTopic
from monitor.core.instants import Instant, isoformat
from monitor.core.ledger_keys import Key
from monitor.core.records import decode

Offsets = Mapping[SourceTopic, int]

CAUGHT_UP = "caught_up"
"""Header of the first point after a partition was read to its end: then all is looked at."""
POLICIES = "policies"
"""Header beside it: the digests of the policies that the worker had loaded, with commas between."""
PARTITIONS = "partitions"
"""Header beside it: how many each source topic had, so that an audit follows sellers that move."""
RULED_ANEW = "ruled_anew"
"""Header beside it: JSON list of the marketplaces under another policy than at the point before."""


class Totals(Struct, array_like=True, gc=False):
    """What became of the records of one source topic before ``offset``.

    ``counted`` includes those held for a later instant, ``invalid`` those too large.
    """

    offset: int
    """The next one to apply."""
    events: int = 0
    counted: int = 0
    redundant: int = 0
    late: int = 0
    invalid: int = 0
    last_event_at: Instant | None = None


class Point(Struct, array_like=True, frozen=True, gc=False):
    """An evaluation point at which anything had changed, and what was read by then.

    ``caught_up``: it was the first one after the partition was read to its end; ``policies``: of
    such a one the digests of all that the worker had loaded, so that an audit knows them;
    ``ruled_anew``: of such a one the marketplaces under another policy than at the point before;
    ``partitions``: of such a one how many each source topic had.
    """

    as_of: Instant
    offsets: dict[SourceTopic, int]
    caught_up: bool = False
    policies: tuple[str, ...] = ()
    ruled_anew: tuple[str, ...] = ()
    partitions: int = 0

    def entry(self, number: int) -> bytes:
        """Its value on the ``evaluations`` topic, in a partition (contract, alerts.md)."""
        cut = {topic: (number, offset) for topic, offset in self.offsets.items()}
        entry = {"as_of": isoformat(self.as_of), "cut": cut}
        return msgspec.json.encode(entry, order="sorted")

    def headers(self) -> tuple[tuple[str, bytes], ...]:
        """Its headers there: what an audit has to know of the first point of a worker."""
        if not self.caught_up:
            return ()
        found = (
            (CAUGHT_UP, b"true"),
            (POLICIES, ",".join(self.policies).encode()),
            (PARTITIONS, str(self.partitions).encode()),
        )
        if not self.ruled_anew:
            return found
        return (*found, (RULED_ANEW, msgspec.json.encode(self.ruled_anew)))


class Position(Struct, array_like=True, frozen=True, gc=False):
    """How far the writer of one epoch has come.

    ``partitions`` is how many each source topic has (below 0: see ``growth``).
    All events before the offsets of ``done`` are in the ledger; those before ``ahead`` may be.
    ``evaluated_at`` is the last evaluation point, ``number`` and ``digest`` are those of the
    last alert record, ``published`` is the number up to which they are on the alerts topic.
    ``point`` is the last one at which anything had changed, ``journaled_at`` that up to which
    they are on the evaluations topic. ``digests``: of the policies in force when levels were
    decided last, by marketplace.
    """

    v: Literal[1, 2]
    partitions: int
    done: dict[SourceTopic, Totals]
    ahead: dict[SourceTopic, int]
    evaluated_at: Instant | None
    number: int
    digest: str
    published: int
    point: Point | None = None
    journaled_at: Instant = 0
    digests: dict[str, str] = {}

    def encode(self) -> bytes:
        """The value of its ledger record."""
        return msgspec.msgpack.encode(self)


def position_of(key: Key, value: bytes) -> Position:
    """The position in a ledger record.

    Raises:
        LedgerError: a newer program wrote it, or it is no record.
    """
    found: Position = decode(value, _DECODER, key)
    return found


_DECODER = msgspec.msgpack.Decoder(Position)
