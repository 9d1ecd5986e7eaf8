"""Restores a partition from the ledger topic, and claims it for this worker."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from msgspec.structs import replace

from monitor.core.events import SourceTopic
from monitor.core.ledger_keys import (
    CLAIM,
    GROWTH,
    POSITION,
    Key,
    claim_key,
    is_alert,
    parse_key,
    position_key,
)
from monitor.core.position import Offsets, Position, position_of
from monitor.errors import LedgerError
from monitor.stream.intake import partition_of
from monitor.stream.ledger_topic import LedgerTopic, LedgerWriter
from monitor.stream.partition import Partition

_RECORDS_AT_ONCE = 500
_READING_SHARE = 0.5

OnProgress = Callable[[float], None]
"""Called with the share of the ledger that is taken back, 0 to 1."""


@dataclass(slots=True)
class Holdings:
    """What a partition of the ledger holds: of each key the last value.

    ``superseded`` are the alerts that a writer decided after somebody else had claimed the
    partition; ``epoch`` is the highest one that wrote.
    """

    epoch: int = 0
    values: dict[bytes, bytes] = field(default_factory=dict)
    superseded: set[bytes] = field(default_factory=set)
    marks: dict[bytes, tuple[Key, Position]] = field(default_factory=dict)

    def note(self, name: bytes, value: bytes | None) -> None:
        """Take in the next record.

        Raises:
            LedgerError: it is none of the ledger's, or a newer program wrote it.
        """
        if value is None:
            self.values.pop(name, None)
            self.marks.pop(name, None)
        elif name.startswith(_MARKS):
            key = parse_key(name)
            self.marks[name] = (key, position_of(key, value))
            self.epoch = max(self.epoch, key.epoch)
        elif not name.startswith(_FOR_AUDITS):
            self.values[name] = value
            if b"/alert/" in name:
                self._note_alert(name, parse_key(name))

    @property
    def position(self) -> Position | None:
        """That of the last owner: where it came to, or else where it began."""
        marks = self.marks.values()
        last = max(marks, key=lambda one: (one[0].epoch, one[0].kind == POSITION), default=None)
        return None if last is None else last[1]

    @property
    def ahead(self) -> dict[SourceTopic, int]:
        """Per source topic the offset before which events may be in the facts."""
        found: dict[SourceTopic, int] = {}
        for _, position in self.marks.values():
            for topic, offset in position.ahead.items():
                found[topic] = max(offset, found.get(topic, 0))
        return found

    def _note_alert(self, name: bytes, key: Key) -> None:
        if is_alert(key) and key.epoch < self.epoch:
            self.superseded.add(name)
        else:
            self.superseded.discard(name)


class Recovery:
    """Gives a partition back what the ledger holds of it.

    Args:
        ledger: the topic.
        partition: an empty engine, or one that was parked: then only what is new is read.
        on_progress: hears how far it is.
    """

    def __init__(self, ledger: LedgerTopic, partition: Partition, on_progress: OnProgress) -> None:
        self._ledger = ledger
        self._partition = partition
        self._on_progress = on_progress
        self._holdings = Holdings(epoch=partition.epoch)

    async def run(self, generation: int, earliest: Offsets) -> dict[SourceTopic, int]:
        """Read, claim, and take back; the offsets before which nothing may be evaluated.

        Args:
            generation: of the consumer group, in which the partition was assigned.
            earliest: the first offsets of the source topics, where an empty ledger begins.

        Raises:
            LedgerError: the ledger does not fit this program or its source topics.
            ClusterError: the ledger cannot be read or written.
        """
        partition, holdings = self._partition, self._holdings
        begin, end = await self._ledger.reader.bounds(partition.number)
        if partition.read_to > end:
            raise LedgerError(
                f"partition {partition.number} of the ledger topic ends at {end}, but was read"
                f" to {partition.read_to}: it was made anew; start the monitor again"
            )
        await self._collect(max(begin, partition.read_to), end)
        if holdings.position is not None:
            # Who does not fit must not claim what another owns.
            partition.check(holdings.position)
        # After the group is forgotten its generations begin anew; epochs never do. A static
        # member may even come back under the generation of its own predecessor.
        epoch = generation if generation > holdings.epoch else holdings.epoch + generation
        if holdings.position is None and not partition.epoch:
            partition.begin(earliest, earliest)
        position = holdings.position or partition.position()
        obsolete = {*holdings.marks, position_key(partition.epoch), claim_key(partition.epoch)}
        writer = LedgerWriter(self._ledger, partition.number, epoch, position)
        writer.remove_later(obsolete)
        # The claim outlives the marks of others, and has to say what they said of their facts.
        while (claimed_at := await writer.claim(self._claiming(position))) > end:
            # Somebody wrote between what was read and the claim.
            await self._collect(end, claimed_at)
            end = claimed_at + 1
            position = holdings.position or position
        # Whoever claimed meanwhile under a later epoch was assigned the partition after us.
        writer.superseded = holdings.epoch >= epoch
        writer.remove_later(await self._take_back(position))
        partition.own(writer)
        return holdings.ahead

    def _claiming(self, position: Position) -> Position:
        return replace(position, ahead={**position.ahead, **self._holdings.ahead})

    async def _collect(self, start: int, end: int) -> None:
        note = self._holdings.note
        async for records, read_to in self._ledger.reader.read(self._partition.number, start, end):
            for record in records:
                note(record.key or b"", record.value)
            self._on_progress(_READING_SHARE * (read_to - start) / (end - start))
            await asyncio.sleep(0)

    async def _take_back(self, position: Position) -> list[bytes]:
        """Restore what the ledger holds; the keys of what does not belong here.

        A halted worker that goes on after partitions were added may yet write, into a former
        partition, what it knew of a seller that has moved.
        """
        partition, holdings = self._partition, self._holdings
        partition.resume(position)
        restore, superseded = partition.restore, holdings.superseded
        total = len(holdings.values)
        known: dict[str, bool] = {}
        foreign: list[bytes] = []
        for done, (name, value) in enumerate(holdings.values.items(), start=1):
            key = parse_key(name)
            is_ours = known.get(key.seller)
            if is_ours is None:
                home = partition_of(key.seller.encode(), partition.count)
                is_ours = known[key.seller] = home == partition.number
            if is_ours:
                restore(key, value, superseded=name in superseded)
            else:
                foreign.append(name)
            if done % _RECORDS_AT_ONCE == 0:
                self._on_progress(_READING_SHARE + (1 - _READING_SHARE) * done / total)
                await asyncio.sleep(0)
        return foreign


_MARKS = (f"{POSITION}|".encode(), f"{CLAIM}|".encode())
_FOR_AUDITS = f"{GROWTH}|".encode()
