"""Auditing topics instead of files, on real Kafka."""

import asyncio
from io import StringIO

import pytest

from deploy.kafka.node import KafkaNode
from monitor.audit.kafka_source import KafkaSource, Until, parse_until
from monitor.audit.replay import Intake, replay
from monitor.cluster import Cluster
from monitor.core.instants import SECOND, Instant
from monitor.errors import InvalidEvent, UnreadableSource
from monitor.stream.clock import SystemClock
from monitor.stream.intake import partition_of
from monitor.stream.worker import Worker, WorkerSettings
from tests.stream.live import (
    PARTITIONS,
    cancellation,
    heartbeat,
    one_metric_rulebook,
    order,
    own_settings,
    publishing,
)


@pytest.fixture
def settings(kafka: KafkaNode) -> WorkerSettings:
    return own_settings(Cluster((kafka.address,)))


def _source(settings: WorkerSettings, until: Until | None = None) -> KafkaSource:
    names = {topic: name for name, topic in settings.names.sources.items()}
    return KafkaSource(settings.cluster, names, until)


def _read(source: KafkaSource) -> int:
    return sum(len(chunk.values) for chunk in source.chunks())


async def test_a_replay_of_the_topics_says_what_the_live_worker_says(
    settings: WorkerSettings,
) -> None:
    wrong = (partition_of(b"s1", PARTITIONS) + 1) % PARTITIONS
    async with publishing(settings) as publisher:
        await publisher.send("orders", [order(n, f"s{n % 50}") for n in range(3000)])
        await publisher.send("orders", [cancellation(n, f"s{n % 50}") for n in range(0, 3000, 7)])
        await publisher.send("messages", [b"junk"], key=b"s1")
        await publisher.send("feedback", [heartbeat(1, "s1")], key=b"s2")
        await publisher.send("feedback", [heartbeat(2, "s1")], partition=wrong)
        async with Worker(settings, one_metric_rulebook()) as worker:
            await worker.applied(publisher.ends)
            await worker.evaluated(SystemClock().now() + SECOND)
            snapshot = worker.snapshot()
    said = StringIO()

    def remember(origin: str, error: InvalidEvent) -> None:
        said.write(f"{origin} {error.reason}\n")

    source = _source(settings)
    intake = Intake(source, snapshot.as_of, remember, lambda weight: None)
    engine, balance = await asyncio.to_thread(replay, intake, one_metric_rulebook())
    live = sorted(snapshot.readings, key=lambda reading: reading.seller)
    assert [(one.seller, one.numerator, one.denominator) for one in engine.readings()] == [
        (one.seller, one.numerator, one.denominator) for one in live
    ]
    assert len(live) == 50
    assert (balance.read, balance.invalid) == (3000 + 429 + 3, 3)
    assert sum(stats.invalid for stats in snapshot.partitions) == 3
    assert source.total == sum(publisher.ends.values()) == balance.read
    feedback = settings.names.feedback
    assert f"{feedback}[{wrong}]@0 wrong_partition" in said.getvalue()
    assert "foreign_key" in said.getvalue()
    assert f"{settings.names.messages}[" in said.getvalue()


async def test_of_a_seller_no_other_is_read(settings: WorkerSettings) -> None:
    number = partition_of(b"s1", PARTITIONS)
    near = next(f"n{n}" for n in range(100) if partition_of(f"n{n}".encode(), PARTITIONS) == number)
    async with publishing(settings) as publisher:
        await publisher.send("orders", [order(n, "s1") for n in range(9)])
        await publisher.send("orders", [order(n, f"s{n}") for n in range(2, 50)])
        await publisher.send("orders", [order(1, near), b"junk"], key=near.encode())
        await publisher.send("messages", [b"junk of its own"], key=b"s1")
    source = _source(settings)
    own = await asyncio.to_thread(source.of_seller, "s1")
    chunks = await asyncio.to_thread(lambda: list(own.chunks()))
    values = [value for chunk in chunks for value in chunk.values]
    assert values == [*(order(n, "s1") for n in range(9)), b"junk of its own"]
    assert chunks[-1].origin(0) == f"{settings.names.messages}[{number}]@0"
    assert sum(chunk.weight for chunk in chunks) == own.total < source.total == 60


async def test_reading_ends_where_it_is_told_to(settings: WorkerSettings) -> None:
    async with publishing(settings) as publisher:
        await publisher.send("orders", [order(n, "s1") for n in range(10)])
        number = partition_of(b"s1", PARTITIONS)
        offsets = parse_until(f"orders:{number}=4")
        assert await asyncio.to_thread(_read, _source(settings, offsets)) == 4
        cut = parse_until(f'{{"orders":[{number},7],"claims":[{number},0]}}')
        assert await asyncio.to_thread(_read, _source(settings, cut)) == 7
        too_far = parse_until(f"orders:{number}=11")
        with pytest.raises(UnreadableSource, match="ends at 10, before 11"):
            await asyncio.to_thread(_read, _source(settings, too_far))
        await asyncio.sleep(0.01)
        between: Instant = SystemClock().now()
        await asyncio.sleep(0.01)
        await publisher.send("orders", [order(n, "s1") for n in range(10, 15)])
        until = Until(recorded_at=between)
        assert await asyncio.to_thread(_read, _source(settings, until)) == 10
        assert await asyncio.to_thread(_read, _source(settings)) == 15


def test_a_cluster_without_the_topics_is_named(settings: WorkerSettings) -> None:
    with pytest.raises(UnreadableSource, match=f"has no topic {settings.names.orders}"):
        _read(_source(settings))


def test_a_cluster_that_does_not_answer_is_named() -> None:
    with pytest.raises(UnreadableSource, match=r"127\.0\.0\.1:1 cannot be read"):
        _read(KafkaSource(Cluster(("127.0.0.1:1",))))


@pytest.mark.parametrize("text", ["yesterday", "orders=3", "orders:x=3", "refunds:0=3", "{}x"])
def test_an_end_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(UnreadableSource, match="neither an instant"):
        parse_until(text)
