"""What the tests of the transport share: topics, members that note their batches, offsets."""

import asyncio
import sys
import uuid
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Self, cast

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from faust.types import TP

from monitor.cluster import Cluster
from monitor.stream.app import App, Membership, make_app
from monitor.stream.inflight import Batch
from monitor.stream.transport import Consumer
from tests.stream.live import until

Offsets = dict[int, int]

# Our node allows a session shorter than what brokers allow by default.
SESSION_TIMEOUT_SECONDS = 3.0


class Member:
    """A member of a group that is named like its topic, made as the worker makes its own.

    Its agent marks a batch processed and notes it once ``gate`` is open; a partition is opened,
    from the committed offset or else from the beginning, once ``ready`` is set.

    Args:
        starts: per partition number the offset to open it from instead.
    """

    commits = True

    def __init__(
        self,
        cluster: Cluster,
        topic: str,
        *,
        starts: Mapping[int, int] | None = None,
    ) -> None:
        self.topics = frozenset({topic})
        self.taken: list[Batch] = []
        self.in_work: Batch | None = None
        self.numbers: frozenset[int] = frozenset()
        self.opened = 0
        self.closed = 0
        self.gate = asyncio.Event()
        self.ready = asyncio.Event()
        self.gate.set()
        self.ready.set()
        membership = Membership(topic, session_timeout_seconds=SESSION_TIMEOUT_SECONDS)
        self.app: App = make_app(cluster, membership, self)
        self.app.conf.broker_commit_interval = 0.2
        self._cluster = cluster
        self._topic = topic
        self._starts = starts or {}
        source = self.app.topic(topic, key_serializer="raw", value_serializer="raw")
        self.app.agent(source, name="batches", concurrency=1)(self._take)

    @property
    def consumer(self) -> Consumer:
        """Our consumer."""
        return cast("Consumer", self.app.consumer)

    @property
    def kafka(self) -> Any:
        """The consumer of aiokafka below ours."""
        return self.consumer._thread._ensure_consumer()

    async def __aenter__(self) -> Self:
        await self.app.start()
        if self.app.crash_reason is not None:
            raise self.app.crash_reason
        return self

    async def __aexit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.gate.set()
        async with asyncio.timeout(20):
            await self.app.stop()

    async def open(self, consumer: Consumer, assigned: frozenset[TP]) -> None:
        self.opened += 1
        await self.ready.wait()
        if assigned:
            earliest = await consumer.earliest_offsets(*assigned)
            committed = await committed_offsets(self._cluster, self._topic)
            starts = {tp: committed.get(tp.partition, earliest[tp]) for tp in assigned}
            starts |= {tp: self._starts[tp.partition] for tp in assigned & self._starts_given()}
            await consumer.deliver(starts)
        self.numbers = frozenset(tp.partition for tp in assigned)

    async def drained(self) -> None:
        """What is processed may be committed at once."""

    def close(self, revoked: frozenset[TP]) -> None:
        self.numbers = frozenset()
        self.closed += 1

    def in_flight(self, number: int) -> int:
        """How many batches of a partition are delivered and not yet known to be processed."""
        queue = self.consumer._in_flight.get(TP(self._topic, number))
        return 0 if queue is None else len(queue)

    async def crash(self) -> BaseException:
        """What breaks the member, once it does."""
        async with asyncio.timeout(20):
            await self.app.wait()
        assert self.app.crash_reason is not None
        return self.app.crash_reason

    def _starts_given(self) -> frozenset[TP]:
        return frozenset(TP(self._topic, number) for number in self._starts)

    async def _take(self, stream: Any) -> None:
        async for batch in stream:
            self.in_work = batch
            await self.gate.wait()
            batch.processed = True
            self.taken.append(batch)
            self.in_work = None


def offsets_read(*members: Member) -> dict[int, list[int]]:
    """Per partition number the offsets of all records that these members took."""
    read: dict[int, list[int]] = defaultdict(list)
    for member in members:
        for batch in member.taken:
            read[batch.partition] += [record.offset for record in batch.records]
    return read


def are_read(ends: Offsets, *members: Member) -> bool:
    """Whether the records before these offsets were all taken."""
    read = offsets_read(*members)
    return all(set(range(end)) <= set(read[number]) for number, end in ends.items())


async def committed_offsets(cluster: Cluster, topic: str) -> Offsets:
    """The committed offsets of the group named like the topic, where there are any."""
    admin = AIOKafkaAdminClient(**cluster.client_options())
    await admin.start()
    try:
        found = await admin.list_consumer_group_offsets(topic)
    finally:
        await admin.close()
    return {tp.partition: int(at.offset) for tp, at in found.items() if at.offset >= 0}


async def until_committed(cluster: Cluster, topic: str, ends: Offsets) -> None:
    """Wait until exactly these offsets are committed."""
    committed: Offsets = {}
    give_up_at = asyncio.get_running_loop().time() + 15
    while committed != ends and asyncio.get_running_loop().time() < give_up_at:
        await asyncio.sleep(0.1)
        committed = await committed_offsets(cluster, topic)
    assert committed == ends


@asynccontextmanager
async def administering(cluster: Cluster) -> AsyncIterator[Any]:
    """An administrator of the cluster."""
    admin = AIOKafkaAdminClient(**cluster.client_options())
    await admin.start()
    try:
        yield admin
    finally:
        await admin.close()


async def make_topic(
    cluster: Cluster, partitions: int = 1, name: str = "", **config: object
) -> str:
    """A topic that no other test uses; its name."""
    name = name or f"test-{uuid.uuid4().hex[:12]}"
    configs = {key.replace("_", "."): str(value) for key, value in config.items()}
    async with administering(cluster) as admin:
        await admin.create_topics([NewTopic(name, partitions, 1, topic_configs=configs)])
    return name


@asynccontextmanager
async def producing(cluster: Cluster, **options: Any) -> AsyncIterator[AIOKafkaProducer]:
    """A producer."""
    async with AIOKafkaProducer(**cluster.client_options(), **options) as producer:
        yield producer


async def send(
    producer: AIOKafkaProducer, topic: str, count: int, numbers: Iterable[int] = (0,)
) -> Offsets:
    """Send as many records to each of these partitions; where they end."""
    sent = [
        await producer.send(topic, b"value", key=f"key-{n}".encode(), partition=number)
        for number in numbers
        for n in range(count)
    ]
    await producer.flush()
    records = [await one for one in sent]
    return {record.partition: record.offset + 1 for record in records}


async def run_until_killed(address: str, topic: str) -> None:
    """The program of a member in a process of its own, which says how far it is."""
    cluster = Cluster((address,))
    member = Member(cluster, topic)
    async with member:
        await until(lambda: bool(member.taken))
        await until_committed(cluster, topic, {0: member.taken[-1].end})
        # Of what comes from here on it takes a batch that it never finishes.
        member.gate.clear()
        sys.stdout.write("committed\n")
        sys.stdout.flush()
        await until(lambda: member.in_work is not None)
        sys.stdout.write("in work\n")
        sys.stdout.flush()
        await asyncio.Event().wait()
