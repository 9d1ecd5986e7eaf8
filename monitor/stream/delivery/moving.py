"""What was delivered, when partitions are added: rows follow their sellers' alerts."""

import asyncio
import logging

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from monitor.cluster import Cluster
from monitor.errors import ClusterError
from monitor.stream.delivery.deliveries_topic import (
    SEPARATOR,
    DeliveriesTopic,
    deliveries_topic,
    notify_group,
)
from monitor.stream.intake import partition_of
from monitor.stream.topics import TopicNames

logger = logging.getLogger(__name__)

_KNOWN_SECONDS = 30.0


async def check_delivered(cluster: Cluster, names: TopicNames, group: str, partitions: int) -> None:
    """Check that no receiver has still to hear of what lies on the present partitions.

    What it was told of a seller is looked for in the partition that is the seller's from now on:
    of what is told later from the former one, nobody would know there.

    Raises:
        ClusterError: one has.
        KafkaError: the cluster does not answer.
    """
    receivers: set[str] = set()
    async with deliveries_topic(cluster, names.deliveries) as topic:
        for number in range(partitions):
            receivers |= await topic.beginnings(number)
    alerts = [TopicPartition(names.alerts, number) for number in range(partitions)]
    async with AIOKafkaConsumer(**cluster.client_options()) as consumer:
        ends = await consumer.end_offsets(alerts)
    admin = AIOKafkaAdminClient(**cluster.client_options())
    try:
        await admin.start()
        for receiver in sorted(receivers):
            name = notify_group(group, receiver)
            committed = await admin.list_consumer_group_offsets(name, partitions=alerts)
            offsets = {tp: one.offset for tp, one in committed.items() if one.offset >= 0}
            left = sum(max(0, ends[tp] - offset) for tp, offset in offsets.items())
            if left:
                raise ClusterError(
                    f"receiver {receiver} has still to hear of {left} alert records: start the"
                    " workers until it has. If it is gone for good, take it out of the settings"
                    f" and delete its group: kafka-consumer-groups.sh --delete --group {name}"
                )
    finally:
        await admin.close()


async def move_deliveries(cluster: Cluster, names: TopicNames, partitions: int) -> None:
    """Copy the rows of sellers that belong elsewhere now, and only then remove them.

    Receivers begin in the added partitions with their first alert. It may be interrupted at
    anything and begun again.

    Raises:
        ClusterError: the deliveries topic cannot be read or written.
    """
    async with deliveries_topic(cluster, names.deliveries) as topic:
        async with asyncio.timeout(_KNOWN_SECONDS):
            await topic.knows(partitions)
        receivers: set[str] = set()
        for number in range(partitions):
            receivers |= await topic.beginnings(number)
        for number in range(partitions):
            for receiver in sorted(receivers - await topic.beginnings(number)):
                await topic.begin(number, receiver, 0)
            await _move(topic, number, partitions)


async def _move(topic: DeliveriesTopic, number: int, partitions: int) -> None:
    held: dict[str, bytes] = {}
    async for name, row in topic.entries(number):
        if row is None:
            held.pop(name.decode(), None)
        else:
            held[name.decode()] = row
    targets: dict[int, dict[str, bytes | None]] = {}
    for key, value in held.items():
        seller = key.partition(SEPARATOR)[2].partition("/")[0]
        target = partition_of(seller.encode(), partitions) if seller else number
        if target != number:
            targets.setdefault(target, {})[key] = value
    for target, rows in targets.items():
        await topic.put(target, rows)
    gone = [key for rows in targets.values() for key in rows]
    if gone:
        await topic.put(number, dict.fromkeys(gone))
        logger.info("deliveries of partition %d: %d rows moved", number, len(gone))
