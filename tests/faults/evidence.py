"""What lies in the topics at the end of a trial, read by a plain consumer."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from monitor.cluster import Cluster
from monitor.core.events import SourceTopic
from monitor.core.instants import DAY, instant_of
from monitor.stream.intake import partition_of
from monitor.stream.topics import TopicNames
from tests.faults.fleet import PARTITIONS
from tests.recount.wire import Invalid, read

Place = tuple[str, int]
"""A topic's name on the cluster and a partition number."""
Offset = tuple[str, int, int]
"""Topic, partition and offset of a record."""


@dataclass(frozen=True, slots=True)
class Valid:
    """A record that is an event of the contract, and where it lies."""

    topic: SourceTopic
    partition: int
    offset: int
    value: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Sources:
    """All records of the source topics."""

    counts: Mapping[Place, int]
    """How many records there are, by the broker's offsets."""
    valid: list[Valid]
    invalid: set[Offset]


async def read_sources(cluster: Cluster, names: TopicNames) -> Sources:
    """Read the four topics to their ends."""
    records, counts = await read_all(cluster, list(names.sources))
    valid: list[Valid] = []
    invalid: set[Offset] = set()
    for record in records:
        value = _event(record)
        if value is None:
            invalid.add((record.topic, record.partition, record.offset))
        else:
            topic = names.sources[record.topic]
            valid.append(Valid(topic, record.partition, record.offset, value))
    return Sources(counts, valid, invalid)


async def ends_of(cluster: Cluster, names: TopicNames) -> dict[Place, int]:
    """The end offsets of the source topics."""
    async with AIOKafkaConsumer(**cluster.client_options()) as consumer:
        places = [TopicPartition(name, n) for name in names.sources for n in range(PARTITIONS)]
        ends = await consumer.end_offsets(places)
    return {(tp.topic, tp.partition): end for tp, end in ends.items()}


async def read_all(
    cluster: Cluster, topics: Iterable[str]
) -> tuple[list[ConsumerRecord], dict[Place, int]]:
    """All records of some topics in the order of each partition, and how many there are."""
    found: list[ConsumerRecord] = []
    places = [TopicPartition(topic, number) for topic in topics for number in range(PARTITIONS)]
    async with AIOKafkaConsumer(
        enable_auto_commit=False, auto_offset_reset="earliest", **cluster.client_options()
    ) as consumer:
        begins = await consumer.beginning_offsets(places)
        ends = await consumer.end_offsets(places)
        consumer.assign(places)
        left = {tp for tp in places if ends[tp] > begins[tp]}
        while left:
            for records in (await consumer.getmany(*left, timeout_ms=1000)).values():
                found += records
            left = {tp for tp in left if await consumer.position(tp) < ends[tp]}
    counts = {(tp.topic, tp.partition): ends[tp] - begins[tp] for tp in places}
    return found, counts


def _event(record: ConsumerRecord) -> dict[str, Any] | None:
    """The JSON object of a record that is an event, checked by the recount's own reading."""
    try:
        value = json.loads(record.value or b"")
        event = read(value)
    except (ValueError, AttributeError, Invalid):
        return None
    in_place = (
        record.key == event.seller.encode()
        and partition_of(record.key, PARTITIONS) == record.partition
        and instant_of(event.at) <= record.timestamp * 1000 + DAY
    )
    return dict(value) if in_place else None
