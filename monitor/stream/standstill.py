"""The cluster while partitions are added: who still runs, what it holds, and growing it."""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from typing import Any, cast

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions

from monitor.cluster import Cluster
from monitor.core.events import SOURCE_TOPICS, SourceTopic
from monitor.errors import ClusterError
from monitor.stream.topics import TopicNames

_IDLE_STATES = frozenset({"Empty", "Dead"})
_GROWN_SECONDS = 30.0
_LOOK_AGAIN_SECONDS = 0.2

Bounds = Mapping[tuple[SourceTopic, int], tuple[int, int]]
"""By source topic and partition its first offset and its end offset."""


@asynccontextmanager
async def standstill(
    cluster: Cluster, names: TopicNames, groups: Collection[str]
) -> AsyncIterator["Standstill"]:
    """A connected cluster, and the consumer groups that have to stand still.

    Raises:
        KafkaError: it does not answer.
    """
    admin = AIOKafkaAdminClient(**cluster.client_options())
    try:
        await admin.start()
        async with AIOKafkaConsumer(**cluster.client_options()) as consumer:
            yield Standstill(admin, consumer, names, groups)
    finally:
        await admin.close()


class Standstill:
    """A cluster whose producers and workers are said to have stopped."""

    def __init__(
        self,
        admin: AIOKafkaAdminClient,
        consumer: AIOKafkaConsumer,
        names: TopicNames,
        groups: Collection[str],
    ) -> None:
        self._admin = admin
        self._consumer = consumer
        self._names = names
        self._groups = groups

    async def check_idle(self) -> None:
        """Check that no worker is a member of its group.

        Raises:
            ClusterError: one is.
        """
        for group in self._groups:
            state = await self._state(group)
            if state not in _IDLE_STATES:
                raise ClusterError(
                    f"the consumer group {group} is {state}: stop all workers first. One"
                    " that was killed leaves the group after its session timeout"
                )

    async def _state(self, group: str) -> str:
        # aiokafka cannot read what is said of several groups at once.
        (response,) = await self._admin.describe_consumer_groups([group])
        ((_, _, state, *_),) = cast("Any", response).groups
        return str(state)

    async def counts(self) -> dict[str, int]:
        """How many partitions each topic has whose count matters.

        Raises:
            ClusterError: one of them does not exist.
        """
        names = self._names
        wanted = [*names.sources, names.alerts, names.evaluations, names.ledger]
        known = set(await self._admin.list_topics())
        if names.deliveries in known:
            wanted.append(names.deliveries)
        missing = set(wanted) - known
        if missing:
            raise ClusterError(
                f"there is no topic {', '.join(sorted(missing))}: nothing to repartition"
            )
        described = await self._admin.describe_topics(wanted)
        return {topic["topic"]: len(topic["partitions"]) for topic in described}

    async def bounds(self, count: int) -> Bounds:
        """Where the first so many partitions of the source topics begin and end."""
        where = {
            (topic, number): TopicPartition(self._names.source(topic), number)
            for topic in SOURCE_TOPICS
            for number in range(count)
        }
        begins = await self._consumer.beginning_offsets(list(where.values()))
        ends = await self._consumer.end_offsets(list(where.values()))
        return {key: (begins[tp], ends[tp]) for key, tp in where.items()}

    async def grow(self, counts: Mapping[str, int], partitions: int) -> None:
        """Give topics so many partitions; ``counts`` says how many they have.

        Raises:
            KafkaError: the broker refuses.
        """
        fewer = [name for name, count in counts.items() if count < partitions]
        if not fewer:
            return
        await self._admin.create_partitions(dict.fromkeys(fewer, NewPartitions(partitions)))
        async with asyncio.timeout(_GROWN_SECONDS):
            while any(  # noqa: ASYNC110 - a broker tells nobody that it is done
                len(topic["partitions"]) < partitions
                for topic in await self._admin.describe_topics(fewer)
            ):
                await asyncio.sleep(_LOOK_AGAIN_SECONDS)
