"""Simulated events that end today, as the records that the topics get."""

import io
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

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


def records(sellers: int, days: int, orders_per_day: float = 12.0) -> list[Record]:
    """Simulated events of the last days, by their instants; each partition has about as many.

    Sellers keep their trade, and get names that spread them so.
    """
    today = datetime.now(UTC).date()
    plan = SimulationPlan(
        sellers=sellers,
        days=days,
        orders_per_day=orders_per_day,
        start_day=today - timedelta(days=days),
    )
    buffer = io.BytesIO()
    write_events(buffer, plan)
    lines = [(_head(line), line) for line in buffer.getvalue().splitlines()]
    spread = _spread(Counter(head.seller for head, _ in lines))
    return [
        Record(
            (TOPIC_OF[head.type], spread[head.seller][1]),
            spread[head.seller][0].encode(),
            _renamed(line, head.seller, spread[head.seller][0]),
        )
        for head, line in lines
    ]


def seller_in(partition: int, name: str) -> str:
    """A seller's name that begins with another and whose key belongs into a partition."""
    names = (f"{name}-{number}" for number in count())
    return next(one for one in names if partition_of(one.encode(), PARTITIONS) == partition)


def _spread(sizes: Counter[str]) -> dict[str, tuple[str, int]]:
    """Each seller's new name and its partition, such that all have about as many events."""
    found = {}
    fill = dict.fromkeys(range(PARTITIONS), 0)
    for seller, size in sizes.most_common():
        partition = min(fill, key=lambda one: fill[one])
        fill[partition] += size
        found[seller] = seller_in(partition, seller), partition
    return found


def _renamed(line: bytes, old: str, new: str) -> bytes:
    return line.replace(f'"seller":"{old}"'.encode(), f'"seller":"{new}"'.encode(), 1)


async def feed(cluster: Cluster, names: TopicNames, fed: Iterable[Record]) -> dict[Where, int]:
    """Publish records in full batches; how many went where."""
    ends: dict[Where, int] = {}
    batches: dict[Where, Any] = {}
    producer = AIOKafkaProducer(**cluster.client_options(), max_batch_size=_BATCH_BYTES)
    async with producer:

        async def send(where: Where, batch: Any) -> None:
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
