"""Offsets without records, records that are gone, and a broker that goes away, on real Kafka."""

import asyncio
from collections.abc import Iterator

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import RecordsToDelete

from deploy.kafka.node import KafkaNode
from monitor.cluster import Cluster
from monitor.errors import ClusterError
from monitor.stream.worker import Worker
from tests.conftest import require_kafka
from tests.kafka.members import (
    Member,
    administering,
    are_read,
    committed_offsets,
    make_topic,
    offsets_read,
    producing,
    send,
    until_committed,
)
from tests.stream.live import one_metric_rulebook, order, own_settings, publishing, until


@pytest.fixture
def cluster(kafka: KafkaNode) -> Cluster:
    return Cluster((kafka.address,))


@pytest.fixture(scope="module")
def own_node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaNode]:
    """A node that compacts at once, and that a test may restart."""
    require_kafka()
    settings = {"log.cleaner.backoff.ms": "100"}
    with KafkaNode(tmp_path_factory.mktemp("kafka") / "node", settings=settings) as node:
        yield node


async def _offsets_left(cluster: Cluster, topic: str, end: int) -> list[int]:
    """The offsets of the records that a topic still has before an offset."""
    left: list[int] = []
    async with AIOKafkaConsumer(
        topic, auto_offset_reset="earliest", **cluster.client_options()
    ) as consumer:
        while not left or left[-1] < end - 1:
            left.append((await consumer.getone()).offset)
    return left


async def _until_left(cluster: Cluster, topic: str, offsets: list[int]) -> None:
    left: list[int] = []
    async with asyncio.timeout(30):
        while left != offsets:
            await asyncio.sleep(0.2)
            left = await _offsets_left(cluster, topic, offsets[-1] + 1)


async def test_what_compaction_removed_is_passed_over_and_committed(own_node: KafkaNode) -> None:
    cluster = Cluster((own_node.address,))
    topic = await make_topic(
        cluster, cleanup_policy="compact", segment_ms=100, min_cleanable_dirty_ratio=0.001
    )
    async with producing(cluster) as producer:
        for _ in range(3):
            await send(producer, topic, 10)
            await asyncio.sleep(0.15)
        ends = await send(producer, topic, 1)
        # Of three segments with the same ten keys the last, and the one still written to.
        left = list(range(20, 31))
        await _until_left(cluster, topic, left)
        async with Member(cluster, topic) as member:
            await until_committed(cluster, topic, ends)
    assert offsets_read(member)[0] == left
    assert member.taken[0].start == 0


async def test_marks_of_transactions_and_what_was_taken_back_are_passed_over_and_committed(
    cluster: Cluster,
) -> None:
    topic = await make_topic(cluster)
    async with (
        producing(cluster, transactional_id=topic) as producer,
        Member(cluster, topic) as member,
    ):
        async with producer.transaction():
            await send(producer, topic, 5)
        await until_committed(cluster, topic, {0: 6})
        before = len(member.taken)
        await producer.begin_transaction()
        await send(producer, topic, 5)
        await asyncio.sleep(0.5)
        assert len(member.taken) == before
        await producer.abort_transaction()
        await until_committed(cluster, topic, {0: 12})
        assert [batch.records for batch in member.taken[before:] if batch.records] == []
        async with producer.transaction():
            await send(producer, topic, 5)
        await until_committed(cluster, topic, {0: 18})
    assert offsets_read(member)[0] == [*range(5), *range(12, 17)]


async def test_all_that_ends_in_a_gap_is_committed_by_a_member_that_comes_later(
    cluster: Cluster,
) -> None:
    topic = await make_topic(cluster)
    async with producing(cluster, transactional_id=topic) as producer:
        async with producer.transaction():
            await send(producer, topic, 5)
        await producer.begin_transaction()
        await send(producer, topic, 5)
        await producer.abort_transaction()
    async with Member(cluster, topic) as member:
        await until_committed(cluster, topic, {0: 12})
        assert await member.consumer.highwaters(*member.consumer.assignment()) == {
            TopicPartition(topic, 0): 12
        }
    assert offsets_read(member)[0] == list(range(5))


async def test_a_topic_that_was_deleted_and_made_anew_is_refused(cluster: Cluster) -> None:
    topic = await make_topic(cluster)
    async with producing(cluster) as producer:
        ends = await send(producer, topic, 50)
        async with Member(cluster, topic) as member:
            await until_committed(cluster, topic, ends)
    async with administering(cluster) as admin:
        await admin.delete_topics([topic])
        left = [topic]
        while topic in left:
            await asyncio.sleep(0.05)
            left = await admin.list_topics()
    await make_topic(cluster, name=topic)
    async with producing(cluster) as producer:
        await send(producer, topic, 5)
    member = Member(cluster, topic, starts=ends)
    member.ready.clear()
    async with member:
        member.ready.set()
        crash = await member.crash()
    assert isinstance(crash, ClusterError)
    assert f"{topic}[0] went back from offset 50 to" in str(crash)
    assert member.taken == []


async def test_a_worker_under_which_one_of_its_topics_is_deleted_says_so(cluster: Cluster) -> None:
    settings = own_settings(cluster)
    async with publishing(settings) as publisher:
        await publisher.send("orders", [order(n, "s1") for n in range(5)])
        async with Worker(settings, one_metric_rulebook()) as worker:
            await worker.applied(publisher.ends)
            async with administering(cluster) as admin:
                await admin.delete_topics([settings.names.claims])
            with pytest.raises(ClusterError, match="assigned without claims") as refused:
                async with asyncio.timeout(20):
                    await worker.wait()
    assert "deleted" in str(refused.value)


async def test_records_that_were_deleted_before_they_are_read_are_not_skipped_silently(
    cluster: Cluster,
) -> None:
    topic = await make_topic(cluster)
    async with producing(cluster) as producer:
        await send(producer, topic, 50)
        async with administering(cluster) as admin:
            await admin.delete_records({TopicPartition(topic, 0): RecordsToDelete(20)})
        member = Member(cluster, topic, starts={0: 10})
        member.ready.clear()
        async with member:
            member.ready.set()
            crash = await member.crash()
    assert isinstance(crash, ClusterError)
    assert f"{topic}[0] from offset 10 on were deleted" in str(crash)
    assert member.taken == []


async def test_a_restart_of_the_broker_loses_no_record_and_no_commit(own_node: KafkaNode) -> None:
    cluster = Cluster((own_node.address,))
    topic = await make_topic(cluster)
    async with producing(cluster) as producer, Member(cluster, topic) as member:
        ends = await send(producer, topic, 10)
        await until(lambda: are_read(ends, member))
        await asyncio.to_thread(own_node.restart)
        ends = await send(producer, topic, 10)
        await until_committed(cluster, topic, ends)
        assert member.app.crash_reason is None
    assert set(offsets_read(member)[0]) == set(range(20))
    assert await committed_offsets(cluster, topic) == ends
