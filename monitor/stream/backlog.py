"""Waits until what lies on raw inputs is published again, by whichever worker of the group."""

import asyncio
import logging
from collections.abc import Collection

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from monitor.cluster import Cluster

logger = logging.getLogger(__name__)

_LOOK_SECONDS = 0.25
_RETRY_SECONDS = 1.0


async def backlog_published(cluster: Cluster, topics: Collection[str], group: str) -> None:
    """Wait until the group has committed all that the topics hold at the beginning.

    What it has committed is acknowledged on the source topics: their end offsets from then
    on include it. Without this wait a partition would be ready before its history is there.
    """
    while True:
        try:
            await _wait(cluster, topics, group)
        except (KafkaError, OSError) as error:
            logger.warning("the raw inputs' backlog cannot be looked up: %s", error)
            await asyncio.sleep(_RETRY_SECONDS)
        else:
            return


async def _wait(cluster: Cluster, topics: Collection[str], group: str) -> None:
    admin = AIOKafkaAdminClient(**cluster.client_options())
    try:
        await admin.start()
        left = await _ends(cluster, admin, topics)
        if left:
            logger.info("waiting until %d partitions of raw inputs are published", len(left))
        while left:
            committed = await admin.list_consumer_group_offsets(group, partitions=list(left))
            left = {
                tp: end
                for tp, end in left.items()
                if tp not in committed or committed[tp].offset < end
            }
            if left:
                await asyncio.sleep(_LOOK_SECONDS)
    finally:
        await admin.close()


async def _ends(
    cluster: Cluster, admin: AIOKafkaAdminClient, topics: Collection[str]
) -> dict[TopicPartition, int]:
    """The end offsets of the partitions that hold anything."""
    partitions = [
        TopicPartition(topic["topic"], number)
        for topic in await admin.describe_topics(list(topics))
        for number in range(len(topic["partitions"]))
    ]
    async with AIOKafkaConsumer(**cluster.client_options()) as consumer:
        begins = await consumer.beginning_offsets(partitions)
        ends = await consumer.end_offsets(partitions)
    return {tp: end for tp, end in ends.items() if end > begins[tp]}
