"""Writes the ledger topic: in order, pipelined, and only as long as nobody else does."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from msgspec.structs import replace

from monitor.cluster import Cluster
from monitor.core.journal import Entries, LedgerRecord
from monitor.core.ledger_keys import claim_key, parse_key, position_key
from monitor.core.position import Position
from monitor.errors import ClusterError
from monitor.stream.ledger_reader import LedgerReader, ledger_reader

logger = logging.getLogger(__name__)

_BATCH_BYTES = 1 << 19
# Room for one record more, and for what a batch adds to its records.
_REQUEST_BYTES_MAX = 1 << 20
_ACKNOWLEDGED_SECONDS_MAX = 120.0
_BATCHES_IN_FLIGHT_MAX = 8
_LOOK_AGAIN_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Sent:
    """A batch under way, and how many records it has."""

    future: "asyncio.Future[Any]"
    count: int


@asynccontextmanager
async def ledger_topic(cluster: Cluster, topic: str) -> AsyncIterator["LedgerTopic"]:
    """The connected ledger topic; what is under way at the end is sent.

    The producer is idempotent: what it sends to a partition arrives there once, in order.

    Raises:
        ClusterError: the cluster cannot be reached.
    """
    producer = AIOKafkaProducer(
        **cluster.client_options(),
        enable_idempotence=True,
        max_batch_size=_BATCH_BYTES,
        max_request_size=_REQUEST_BYTES_MAX,
        request_timeout_ms=int(_ACKNOWLEDGED_SECONDS_MAX * 1000),
    )
    async with ledger_reader(cluster, topic) as reader:
        try:
            await producer.start()
            yield LedgerTopic(producer, reader, topic)
        finally:
            await producer.stop()


class LedgerTopic:
    """Sends records to the ledger topic, and reads it."""

    def __init__(self, producer: AIOKafkaProducer, reader: LedgerReader, topic: str) -> None:
        self.reader = reader
        self.broken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Fails with the first error of a write."""
        self.written_bytes = 0
        """What was sent so far, without what the protocol adds."""
        self._producer = producer
        self._topic = topic
        self._room = asyncio.Semaphore(_BATCHES_IN_FLIGHT_MAX)

    async def send(self, number: int, records: Iterable[LedgerRecord]) -> list[Sent]:
        """Hand records over for a partition; waits while very many are under way."""
        sent: list[Sent] = []
        batch = self._producer.create_batch()
        for key, value in records:
            if batch.append(key=key, value=value, timestamp=None) is None:
                sent.append(await self._send(batch, number))
                batch = self._producer.create_batch()
                batch.append(key=key, value=value, timestamp=None)
        sent.append(await self._send(batch, number))
        return sent

    async def knows(self, partitions: int) -> None:
        """Wait until the producer knows that there are so many partitions."""
        while len(await self._producer.partitions_for(self._topic)) < partitions:
            await self._producer.client.force_metadata_update()
            await asyncio.sleep(_LOOK_AGAIN_SECONDS)

    def note_failure(self, write: "asyncio.Future[bool]") -> None:
        """Break where a write has failed."""
        error = None if write.cancelled() else write.exception()
        if error is not None and not self.broken.done():
            self.broken.set_exception(error)

    async def _send(self, batch: Any, number: int) -> Sent:
        batch.close()
        count = batch.record_count()
        self.written_bytes += batch.size()
        await self._room.acquire()
        future = await self._producer.send_batch(batch, self._topic, partition=number)
        future.add_done_callback(lambda _: self._room.release())
        return Sent(future, count)


class LedgerWriter:
    """Writes one partition of the ledger under one epoch; used by one task at a time.

    As long as it is the only writer, its records follow one another. Where they do not, a
    record of a higher epoch in between tells that somebody else owns the partition, and
    nothing that was written after it may be acted on.

    Args:
        topic: sends the records.
        number: of the partition.
        epoch: under which it writes.
        position: how far the ledger is complete.
    """

    def __init__(self, topic: LedgerTopic, number: int, epoch: int, position: Position) -> None:
        self.epoch = epoch
        self.end = 0
        """Where this writer's next record lies, if nobody else writes."""
        self._foreign: int | None = None
        """Where somebody else's records begin among its own, if there are any."""
        self.superseded = False
        self._topic = topic
        self._number = number
        self._position = position
        self._obsolete: set[bytes] = set()
        self._last: asyncio.Future[bool] | None = None

    @property
    def read_to(self) -> int:
        """All records before this offset were taken back, or are this writer's own."""
        return self.end if self._foreign is None else self._foreign

    def remove_later(self, keys: Iterable[bytes]) -> None:
        """Remove keys once a first write is safe."""
        self._obsolete.update(keys)

    async def claim(self, position: Position) -> int:
        """Own the partition from a record on, whose offset is returned.

        Raises:
            ClusterError: the ledger cannot be written.
        """
        self._position = position
        claim = (claim_key(self.epoch), position.encode())
        (sent,) = await self._topic.send(self._number, [claim])
        offset = await acknowledged(sent)
        self.end = offset + sent.count
        return offset

    async def write(self, entries: Entries, position: Position) -> "asyncio.Future[bool]":
        """Hand over changes, and the position up to which they make the ledger complete.

        The result is True once they are safe, if this writer still owned the partition then.
        It fails with ClusterError where the ledger cannot be written.
        """
        removed: list[LedgerRecord] = [(key, None) for key in sorted(self._obsolete)]
        self._obsolete = set()
        key = position_key(self.epoch)
        records = [*entries.records, *removed, (key, position.encode())]
        if sum(len(value or b"") + len(name) for name, value in records) > _BATCH_BYTES // 2:
            # The facts may arrive without their position, but never without this.
            ahead = replace(self._position, ahead=position.ahead)
            records.insert(0, (key, ahead.encode()))
        sent = await self._topic.send(self._number, records)
        self._position = position
        self._last = asyncio.ensure_future(self._settle(self._last, sent, entries.obsolete))
        self._last.add_done_callback(self._topic.note_failure)
        return self._last

    async def settled(self) -> None:
        """Wait until all that was handed over is acknowledged."""
        if self._last is not None:
            await asyncio.shield(self._last)

    async def _settle(
        self, before: "asyncio.Future[bool] | None", sent: Sequence[Sent], obsolete: list[bytes]
    ) -> bool:
        if before is not None:
            await asyncio.shield(before)
        for batch in sent:
            offset = await acknowledged(batch)
            if offset != self.end:
                await self._look_for_others(offset)
            self.end = max(self.end, offset) + batch.count
        self._obsolete.update(obsolete)
        return not self.superseded

    async def _look_for_others(self, offset: int) -> None:
        """Read what lies between the known end and an offset; -1: it is not known."""
        begin = self.end
        _, end = await self._topic.reader.bounds(self._number)
        self.end = end if offset < 0 else offset
        async for records, _ in self._topic.reader.read(self._number, begin, self.end):
            if records and self._foreign is None:
                # A halted worker's last words: whoever goes on here has to read them, while the
                # claim before them still tells that they came too late.
                self._foreign = begin
            if any(parse_key(record.key).epoch > self.epoch for record in records):
                self.superseded = True


async def acknowledged(sent: Sent) -> int:
    """Wait for a batch; the offset of its first record.

    Raises:
        ClusterError: the ledger cannot be written.
    """
    try:
        return int((await sent.future).offset)
    except KafkaError as error:
        raise ClusterError(f"the ledger topic cannot be written: {error}") from error
