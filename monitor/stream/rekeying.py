"""What the agent does with a batch of a raw input: its events, published keyed by seller."""

import asyncio
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, get_args

from monitor.core.events import (
    SOURCE_TOPICS,
    TOPIC_OF,
    Event,
    Heartbeat,
    SourceTopic,
    check_instant,
    decode,
)
from monitor.errors import InvalidEvent, InvalidReason
from monitor.printable import printable
from monitor.stream.deadletters import DeadLetters, Origin
from monitor.stream.inflight import Batch
from monitor.stream.intake import partition_of
from monitor.stream.source_writer import Refusal, Rekeyed, SourceWriter

logger = logging.getLogger(__name__)

_RECORDS_AT_ONCE = 2000
_BATCHES_IN_FLIGHT_MAX = 8
_KNOWN_SELLERS_MAX = 1_000_000
_MILLISECOND = 1000

# A heartbeat vouches for the topic that it lies on, and a raw input feeds all four.
_TOPICS_OF: dict[type, tuple[SourceTopic, ...]] = {
    kind: SOURCE_TOPICS if kind is Heartbeat else (TOPIC_OF[kind.__struct_config__.tag],)
    for kind in get_args(Event)
}

Place = tuple[str, int]
"""A topic's name on the cluster, and a partition of it."""


@dataclass(slots=True)
class Totals:
    """What became of the records of one partition; ``records`` includes the invalid ones."""

    records: int = 0
    invalid: int = 0


class Rekeying:
    """Publishes events on the source topics of their types, keyed by seller.

    Values and timestamps stay as they are, so that each check of an event says the same of
    both records. The headers ``topic``, ``partition`` and ``offset`` tell the origin. What is
    no event goes to the dead letters.

    Args:
        names: what the source topics are called on the cluster.
        partitions: how many partitions each of them has.
        writer: publishes on them.
        dead_letters: where invalid records go.
    """

    def __init__(
        self,
        names: Mapping[SourceTopic, str],
        partitions: int,
        writer: SourceWriter,
        dead_letters: DeadLetters,
    ) -> None:
        self.totals: dict[Place, Totals] = {}
        self.broken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Fails with the first error of a batch."""
        self._names = names
        self._partitions = partitions
        self._writer = writer
        self._dead_letters = dead_letters
        self._room = asyncio.Semaphore(_BATCHES_IN_FLIGHT_MAX)
        self._under_way: set[asyncio.Task[None]] = set()
        self._placed: dict[str, tuple[bytes, int]] = {}
        self._warned: set[tuple[str, InvalidReason]] = set()

    async def process(self, batch: Batch) -> None:
        """Begin to publish a batch; waits while many are under way.

        It counts as processed once all that came of it is acknowledged.
        """
        await self._room.acquire()
        outgoing: dict[Place, list[Rekeyed]] = {}
        refused: list[tuple[Any, InvalidEvent]] = []
        for first in range(0, len(batch.records), _RECORDS_AT_ONCE):
            self._sort(batch, batch.records[first : first + _RECORDS_AT_ONCE], outgoing, refused)
            await asyncio.sleep(0)
        task = asyncio.create_task(self._finish(batch, outgoing, refused))
        self._under_way.add(task)
        task.add_done_callback(self._note_end)

    async def settled(self) -> None:
        """Wait until all batches that were begun are published, or have failed."""
        if self._under_way:
            await asyncio.wait(self._under_way)

    def _sort(
        self,
        batch: Batch,
        records: Iterable[Any],
        outgoing: dict[Place, list[Rekeyed]],
        refused: list[tuple[Any, InvalidEvent]],
    ) -> None:
        names, placed, topics_of = self._names, self._placed, _TOPICS_OF
        origin = [("topic", batch.topic.encode()), ("partition", str(batch.partition).encode())]
        for record in records:
            value = record.value or b""
            try:
                event = decode(value)
                check_instant(event, record.timestamp * _MILLISECOND)
            except InvalidEvent as error:
                refused.append((record, error))
                continue
            key, number = placed.get(event.seller) or self._place(event.seller)
            headers = [*origin, ("offset", str(record.offset).encode())]
            rekeyed = Rekeyed(key, value, record.timestamp, headers, record)
            for topic in topics_of[type(event)]:
                outgoing.setdefault((names[topic], number), []).append(rekeyed)

    def _place(self, seller: str) -> tuple[bytes, int]:
        """A seller's key and partition."""
        if len(self._placed) >= _KNOWN_SELLERS_MAX:
            self._placed.clear()
        key = seller.encode()
        place = self._placed[seller] = (key, partition_of(key, self._partitions))
        return place

    async def _finish(
        self,
        batch: Batch,
        outgoing: Mapping[Place, list[Rekeyed]],
        refused: list[tuple[Any, InvalidEvent]],
    ) -> None:
        writes = (
            self._writer.write(topic, number, records)
            for (topic, number), records in outgoing.items()
        )
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(write) for write in writes]
        for task in tasks:
            refused += _once(task.result(), refused)
        await self._refuse(batch, refused)
        totals = self.totals.setdefault((batch.topic, batch.partition), Totals())
        totals.records += len(batch.records)
        totals.invalid += len(refused)
        batch.processed = True

    async def _refuse(self, batch: Batch, refused: list[tuple[Any, InvalidEvent]]) -> None:
        written = []
        for record, error in refused:
            origin = Origin(batch.topic, batch.partition, record.offset)
            self._warn(origin, error)
            written.append(await self._dead_letters.write(record, origin, error))
        await asyncio.gather(*written)

    def _note_end(self, task: "asyncio.Task[None]") -> None:
        self._under_way.discard(task)
        self._room.release()
        error = None if task.cancelled() else task.exception()
        if isinstance(error, ExceptionGroup):
            error = error.exceptions[0]
        if error is not None and not self.broken.done():
            self.broken.set_exception(error)

    def _warn(self, origin: Origin, error: InvalidEvent) -> None:
        """Say once per topic and reason what is wrong."""
        if (origin.topic, error.reason) in self._warned:
            return
        self._warned.add((origin.topic, error.reason))
        logger.warning(
            "invalid record at %s[%d]@%d goes to the dead letters: %s."
            " More of this kind on this topic are only counted.",
            *(origin.topic, origin.partition, origin.offset, printable(str(error))),
        )


def _once(
    refusals: Iterable[Refusal], known: Iterable[tuple[Any, InvalidEvent]]
) -> list[tuple[Any, InvalidEvent]]:
    """The origins of refused records; a heartbeat that all four topics refuse is one."""
    seen = {id(record) for record, _ in known}
    return [
        (rekeyed.origin, error) for rekeyed, error in refusals if id(rekeyed.origin) not in seen
    ]
