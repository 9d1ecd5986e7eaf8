"""The ``deliveries`` topic: what each receiver was told, and from where on it reads alerts.

Compacted, with the partitions of the alerts topic: the row of an alert lies in the partition
of its records. Keys are ``receiver|alert``; ``receiver|`` alone holds the beginning.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec
from aiokafka import AIOKafkaProducer

from monitor.cluster import Cluster
from monitor.errors import ClusterError
from monitor.notify.told import Row, Told
from monitor.stream.ledger_reader import LedgerReader, ledger_reader
from monitor.stream.publication import Message, publish

SEPARATOR = "|"
_LOOK_AGAIN_SECONDS = 0.1


def notify_group(group: str, receiver: str) -> str:
    """The consumer group in which the workers of a group read alerts for a receiver."""
    return f"{group}-notify-{receiver}"


class Beginning(msgspec.Struct, frozen=True):
    """From which offset of its alerts partition a receiver reads, where it has committed none.

    Without it a receiver that had nothing to commit yet would begin at the end once more,
    and never hear of what came meanwhile.
    """

    start: int
    v: int = 1


@dataclass(slots=True)
class Restored:
    """What the topic holds of one receiver and one partition."""

    told: Told = field(default_factory=Told)
    start: int | None = None
    """Its beginning; None: there is none yet."""


class Rows(Protocol):
    """Where it is remembered what a receiver was told."""

    @property
    def lasts(self) -> bool:
        """Whether what is written is there after a restart."""

    async def read(self, number: int, receiver: str) -> Restored:
        """What is known of a receiver in a partition."""

    async def write(self, number: int, receiver: str, rows: Mapping[str, Row]) -> None:
        """Write rows by their alerts; returns once they are acknowledged."""


class ForgottenRows:
    """Remembers nothing beyond the process: for a broker that keeps nothing either."""

    lasts = False

    async def read(self, number: int, receiver: str) -> Restored:  # noqa: ARG002 - nothing is kept
        """Nothing."""
        return Restored(start=0)

    async def write(self, number: int, receiver: str, rows: Mapping[str, Row]) -> None:
        """Nothing."""


class DeliveriesTopic:
    """Reads and writes rows of any receiver.

    Args:
        reader: of the topic.
        producer: writes to it.
        topic: its name.
    """

    lasts = True

    def __init__(self, reader: LedgerReader, producer: "RowProducer", topic: str) -> None:
        self._reader = reader
        self._producer = producer
        self._topic = topic

    async def read(self, number: int, receiver: str) -> Restored:
        """All rows of a receiver in a partition.

        Raises:
            ClusterError: the topic cannot be read, or something else lies there.
        """
        restored = Restored()
        prefix = f"{receiver}{SEPARATOR}".encode()
        async for key, value in self.entries(number):
            if not key.startswith(prefix):
                continue
            alert = key[len(prefix) :].decode()
            try:
                if alert:
                    restored.told.restore(alert, value)
                elif value is not None:
                    start = msgspec.json.decode(value, type=Beginning).start
                    # Of two workers that began at once, the one that looked first.
                    known = restored.start
                    restored.start = start if known is None else min(known, start)
            except msgspec.MsgspecError as error:
                raise ClusterError(
                    f"{self._topic}[{number}] holds for {key.decode()} what this program does"
                    f" not know ({error}): run the version that wrote it, or give topics.deliveries"
                    " a topic of its own"
                ) from error
        return restored

    async def beginnings(self, number: int) -> set[str]:
        """The receivers that have a beginning in a partition."""
        mark = SEPARATOR.encode()
        return {
            key[:-1].decode()
            async for key, value in self.entries(number)
            if value is not None and key.endswith(mark) and key.count(mark) == 1
        }

    async def entries(self, number: int) -> AsyncIterator[tuple[bytes, bytes | None]]:
        """Keys and values of a partition, in their order."""
        begin, end = await self._reader.bounds(number)
        async for records, _ in self._reader.read(number, begin, end):
            for record in records:
                yield record.key or b"", record.value

    async def write(self, number: int, receiver: str, rows: Mapping[str, Row]) -> None:
        """Write rows by their alerts, as often as it takes; returns once they are acknowledged."""
        await self.put(
            number, {f"{receiver}{SEPARATOR}{alert}": row.encode() for alert, row in rows.items()}
        )

    async def begin(self, number: int, receiver: str, start: int) -> None:
        """Let a receiver read a partition from an offset on."""
        beginning = msgspec.json.encode(Beginning(start), order="sorted")
        await self.put(number, {f"{receiver}{SEPARATOR}": beginning})

    async def knows(self, partitions: int) -> None:
        """Wait until it can write to so many partitions."""
        while await self._producer.partitions(self._topic) < partitions:  # noqa: ASYNC110 - asks
            await asyncio.sleep(_LOOK_AGAIN_SECONDS)

    async def put(self, number: int, values: Mapping[str, bytes | None]) -> None:
        """Write values by their keys (None removes one); returns once they are acknowledged."""
        messages = [
            Message(f"delivery {key}", key.encode(), value, number) for key, value in values.items()
        ]
        await publish(self._producer, self._topic, messages)


class RowProducer:
    """A producer of aiokafka, called as Faust's is."""

    def __init__(self, producer: AIOKafkaProducer) -> None:
        self._producer = producer

    async def send(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        partition: int | None,
        timestamp: float | None,  # noqa: ARG002 - the broker's
        headers: Any,
    ) -> Awaitable[Any]:
        """Hand a record over; the result is awaited for the broker's acknowledgement."""
        sent: Awaitable[Any] = await self._producer.send(
            topic, value, key=key, partition=partition, headers=headers
        )
        return sent

    async def partitions(self, topic: str) -> int:
        """How many partitions of a topic it knows by now."""
        await self._producer.client.force_metadata_update()
        return len(await self._producer.partitions_for(topic))


@asynccontextmanager
async def deliveries_topic(cluster: Cluster, topic: str) -> AsyncIterator[DeliveriesTopic]:
    """The connected topic.

    Raises:
        ClusterError: the cluster cannot be reached.
    """
    # Not idempotent: a row that is there twice says the same, and a gap in the sequence numbers
    # of a write that failed would end all later ones.
    producer = AIOKafkaProducer(**cluster.client_options(), acks="all")
    async with ledger_reader(cluster, topic) as reader:
        try:
            await producer.start()
            yield DeliveriesTopic(reader, RowProducer(producer), topic)
        finally:
            await producer.stop()
