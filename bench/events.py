"""Simulated events that end today, as the records that the topics get."""

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import msgspec
from aiokafka import AIOKafkaProducer

from monitor.cluster import Cluster
from monitor.core.events import TOPIC_OF, SourceTopic
from monitor.demo.wire import SimulationPlan, write_events
from monitor.stream.intake import partition_of
from monitor.stream.topics import TopicNames

PARTITIONS = 4
Where = tuple[SourceTopic, int]
"""Source topic and partition."""

_BATCH_BYTES = 1 << 19
_CHUNK_BYTES = 1 << 22


class _Head(msgspec.Struct):
    type: str
    seller: str


_head = msgspec.json.Decoder(_Head).decode


@dataclass(frozen=True, slots=True)
class Record:
    """An event on its way to a topic."""

    where: Where
    key: bytes
    value: bytes


def records(sellers: int, days: int, orders_per_day: float = 12.0) -> Iterator[Record]:
    """Simulated events of the last days, by their instants."""
    today = datetime.now(UTC).date()
    plan = SimulationPlan(
        sellers=sellers,
        days=days,
        orders_per_day=orders_per_day,
        start_day=today - timedelta(days=days),
    )
    buffer = _Lines()
    write_events(buffer, plan)
    for chunk in buffer.chunks:
        for line in chunk.splitlines():
            yield record(line)


def record(value: bytes) -> Record:
    """The record of an event."""
    head = _head(value)
    key = head.seller.encode()
    return Record((TOPIC_OF[head.type], partition_of(key, PARTITIONS)), key, value)


class _Lines(io.BytesIO):
    """Keeps what is written in the pieces in which it comes."""

    def __init__(self) -> None:
        super().__init__()
        self.chunks: list[bytes] = []

    def write(self, data: object) -> int:  # type: ignore[override]
        chunk = bytes(data)  # type: ignore[call-overload]
        self.chunks.append(chunk)
        return len(chunk)


async def feed(cluster: Cluster, names: TopicNames, fed: Iterable[Record]) -> dict[Where, int]:
    """Publish records in full batches; how many went where."""
    ends: dict[Where, int] = {}
    batches: dict[Where, object] = {}
    producer = AIOKafkaProducer(**cluster.client_options(), max_batch_size=_BATCH_BYTES)
    async with producer:

        async def send(where: Where, batch: object) -> None:
            await producer.send_batch(batch, names.source(where[0]), partition=where[1])

        for one in fed:
            batch = batches.get(one.where) or batches.setdefault(one.where, producer.create_batch())
            if batch.append(timestamp=None, key=one.key, value=one.value) is None:
                await send(one.where, batch)
                batch = batches[one.where] = producer.create_batch()
                batch.append(timestamp=None, key=one.key, value=one.value)
            ends[one.where] = ends.get(one.where, 0) + 1
        for where, batch in batches.items():
            await send(where, batch)
        await producer.flush()
    return ends
