"""Raw inputs on real Kafka: topics with other keys and any partition count."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.records_to_delete import RecordsToDelete

from deploy.kafka.node import KafkaNode
from monitor.audit.kafka_source import KafkaSource, parse_until
from monitor.audit.replay import Balance, Intake, replay
from monitor.cluster import Cluster
from monitor.core.instants import parse_instant
from monitor.core.readings import Level, Reading
from monitor.errors import ClusterError, InvalidEvent, UnreadableSource
from monitor.stream.inflight import Batch
from monitor.stream.intake import partition_of
from monitor.stream.raw_inputs import rekeying_group
from monitor.stream.rekeying import Rekeying
from monitor.stream.topics import prepare_topics
from monitor.stream.worker import Worker, WorkerSettings, run
from tests.stream.live import (
    ALL_TOPICS,
    PARTITIONS,
    PLAN,
    cancellation,
    events_read,
    heartbeat,
    numbers_owned,
    one_metric_rulebook,
    order,
    own_settings,
    until,
)

ROOT = Path(__file__).resolve().parent.parent.parent
SELLERS = [f"s{n}" for n in range(40)]
AS_OF = parse_instant("2026-11-21T00:00:00Z")


class RawTopic:
    """A topic of the user's own, keyed by order or not at all."""

    def __init__(self, producer: AIOKafkaProducer, name: str) -> None:
        self._producer = producer
        self.name = name
        self.ends: dict[int, int] = {}

    async def send(self, values: Sequence[bytes], timestamp_ms: int | None = None) -> None:
        sent = []
        for index, value in enumerate(values):
            key = None if index % 3 == 0 else f"order-{index}".encode()
            sent.append(
                await self._producer.send(self.name, value, key=key, timestamp_ms=timestamp_ms)
            )
        await self._producer.flush()
        for record in await asyncio.gather(*sent):
            end = self.ends.get(record.partition, 0)
            self.ends[record.partition] = max(end, record.offset + 1)


@asynccontextmanager
async def raw_topic(settings: WorkerSettings, partitions: int) -> AsyncIterator[RawTopic]:
    (name,) = settings.raw_inputs
    options = settings.cluster.client_options()
    admin = AIOKafkaAdminClient(**options)
    await admin.start()
    await admin.create_topics([NewTopic(name, partitions, 1)])
    await admin.close()
    async with AIOKafkaProducer(**options, linger_ms=5) as producer:
        yield RawTopic(producer, name)


@pytest.fixture
def settings(kafka: KafkaNode) -> WorkerSettings:
    own = own_settings(Cluster((kafka.address,)))
    return replace(own, raw_inputs=(f"{own.membership.group}-shop-events",))


async def test_events_of_a_raw_input_are_counted_and_set_off_alerts(
    settings: WorkerSettings,
) -> None:
    shown: list[Any] = []
    async with raw_topic(settings, 3) as raw:
        await raw.send([order(n, "s7") for n in range(100)])
        await raw.send([b"junk"])
        async with Worker(settings, one_metric_rulebook(), on_record=shown.append) as worker:
            await until(lambda: events_read(worker) == 100)
            await raw.send([cancellation(n, "s7") for n in range(20)])
            await until(lambda: bool(shown))
            await until(lambda: _rekeyed(worker) == 121)
            stats = worker.snapshot().raw_inputs
            assert sum(one.invalid for one in stats) == 1
            assert {one.partition for one in stats} == {0, 1, 2}
            await until(lambda: not any(one.lag for one in worker.snapshot().raw_inputs))
    assert [(one.seller, one.to, one.numerator) for one in shown] == [("s7", Level.BREACHED, 20)]
    (letter,) = await _read(settings, settings.names.dead_letters, 1)
    headers = dict(letter.headers)
    assert (headers["topic"], headers["reason"]) == (raw.name.encode(), b"not_json")


async def test_nothing_opens_before_the_backlog_of_raw_inputs_is_read(
    settings: WorkerSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    _slow_down(monkeypatch, 1.5)
    shown: list[Any] = []
    events = 16_000
    async with raw_topic(settings, 1) as raw:
        await raw.send([order(n, "s1") for n in range(100)])
        await raw.send([cancellation(n, "s1") for n in range(100)])
        # With these the first hundred are no breach; without the last of them they are one.
        await raw.send([heartbeat(n, "s1") for n in range(100, events - 5000)])
        await raw.send([order(n, "s1") for n in range(events - 5000, events)])
        async with Worker(settings, one_metric_rulebook(), on_record=shown.append) as worker:
            levels = set()
            while _rekeyed(worker) < events + 100 or not worker.snapshot().readings:
                levels |= {reading.level for reading in worker.snapshot().readings}
                await asyncio.sleep(0.01)
            await until(lambda: {one.level for one in worker.snapshot().readings} == {Level.OK})
    assert levels <= {Level.UNKNOWN, Level.OK}
    assert shown == []


async def test_a_record_keeps_value_and_timestamp_and_tells_its_origin(
    settings: WorkerSettings,
) -> None:
    recorded_millis = 1_795_150_000_123
    async with raw_topic(settings, 2) as raw:
        values = [order(n, f"s{n}") for n in range(10)]
        await raw.send(values, recorded_millis)
        async with Worker(settings, one_metric_rulebook()) as worker:
            await until(lambda: events_read(worker) == 10)
    found = await _read(settings, settings.names.orders, 10)
    assert sorted(one.value for one in found) == sorted(values)
    for one in found:
        assert one.key == json.loads(one.value)["seller"].encode()
        assert one.partition == partition_of(one.key, PARTITIONS)
        assert one.timestamp == recorded_millis
    origins = {(int(h["partition"]), int(h["offset"])) for h in (dict(o.headers) for o in found)}
    assert origins == {(number, at) for number, end in raw.ends.items() for at in range(end)}


@pytest.mark.parametrize("partitions", [3, 4])
async def test_three_workers_share_raw_inputs_and_none_of_the_four_topics_is_split(
    settings: WorkerSettings, partitions: int
) -> None:
    async with raw_topic(settings, partitions) as raw:
        await raw.send([order(n, seller) for n, seller in enumerate(SELLERS)])
        async with _workers(settings, 3) as workers:
            await until(lambda: _numbers(workers) == [0, 1, 2, 3], 30)
            shares = [numbers_owned(worker) for worker in workers]
            assert all(topics == ALL_TOPICS for share in shares for topics in share.values())
            assert sorted(len(share) for share in shares) == [1, 1, 2]
            await until(lambda: _raw_numbers(workers) == list(range(partitions)), 30)
            assert all(worker.snapshot().raw_inputs for worker in workers)
            await raw.send([heartbeat(n, seller) for n, seller in enumerate(SELLERS)])
            await until(lambda: sum(map(events_read, workers)) >= 40 + 4 * 40)
            assert sum(map(events_read, workers)) == 40 + 4 * 40


async def test_what_is_published_again_is_committed_and_not_read_twice_after_a_restart(
    settings: WorkerSettings,
) -> None:
    async with raw_topic(settings, 3) as raw:
        await raw.send([order(n, "s1") for n in range(300)])
        async with Worker(settings, one_metric_rulebook()) as worker:
            await until(lambda: _rekeyed(worker) == 300)
        assert await _committed(settings, raw.name, 3) == raw.ends
        await raw.send([order(n, "s1") for n in range(300, 310)])
        async with Worker(settings, one_metric_rulebook()) as worker:
            await until(lambda: events_read(worker) == 310)
            assert _rekeyed(worker) == 10


async def test_a_rebalance_under_load_neither_loses_nor_repeats_records(
    settings: WorkerSettings,
) -> None:
    async with raw_topic(settings, 3) as raw, Worker(settings, one_metric_rulebook()) as first:

        async def keep_sending() -> None:
            for turn in range(60):
                await raw.send([order(turn * 50 + n, f"s{n}") for n in range(50)])
                await asyncio.sleep(0.05)

        sending = asyncio.create_task(keep_sending())
        async with Worker(settings, one_metric_rulebook()) as second:
            await until(lambda: _raw_numbers([first, second]) == [0, 1, 2], 30)
        await sending
        await until(lambda: _counted(first) == 3000, 30)
        assert sum(one.redundant for one in first.snapshot().partitions) == 0


async def test_a_worker_that_is_killed_half_way_loses_nothing(settings: WorkerSettings) -> None:
    events = 40_000
    program = (
        "import sys; from tests.kafka.test_raw_inputs import run_until_killed;"
        " run_until_killed(*sys.argv[1:])"
    )
    await prepare_topics(settings.cluster, settings.names, PLAN)
    async with raw_topic(settings, 3) as raw:
        await raw.send([order(n, SELLERS[n % 40]) for n in range(events)])
        prefix = settings.membership.group.removesuffix("group")
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", program, settings.cluster.address, prefix, raw.name, cwd=ROOT,
        )  # fmt: skip
        await _read(settings, settings.names.orders, 5000, 40)
        process.kill()
        await process.wait()
        published = len(await _read_all(settings, settings.names.orders))
        assert published < events
        async with Worker(settings, one_metric_rulebook()) as worker:
            await until(lambda: _counted(worker) == events, 60)
            await until(lambda: not any(one.lag for one in worker.snapshot().raw_inputs), 30)
            stats = worker.snapshot().partitions
            assert sum(one.counted for one in stats) == events
            assert sum(one.events for one in stats) == events + sum(one.redundant for one in stats)


def run_until_killed(address: str, prefix: str, raw_input: str) -> None:
    """The program of the test above, which takes its time after each batch."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        _slow_down(monkeypatch, 1.5)
        own = own_settings(Cluster((address,)), prefix)
        run(replace(own, raw_inputs=(raw_input,)), one_metric_rulebook())


async def test_a_raw_input_that_does_not_exist_is_named(settings: WorkerSettings) -> None:
    with pytest.raises(ClusterError, match="shop-events, which topics"):
        async with Worker(settings, one_metric_rulebook()):
            pass


async def test_a_raw_input_that_lost_what_was_never_published_is_refused(
    settings: WorkerSettings,
) -> None:
    async with raw_topic(settings, 1) as raw:
        await raw.send([order(n, "s1") for n in range(10)])
        async with Worker(settings, one_metric_rulebook()) as worker:
            await until(lambda: events_read(worker) == 10)
        await raw.send([order(n, "s1") for n in range(10, 30)])
        admin = AIOKafkaAdminClient(**settings.cluster.client_options())
        await admin.start()
        await admin.delete_records({TopicPartition(raw.name, 0): RecordsToDelete(20)})
        await admin.close()
        worker = Worker(settings, one_metric_rulebook())
        with pytest.raises(ClusterError, match="was published again up to 10: it lost records"):
            await asyncio.wait_for(_run(worker), 15)


async def test_a_replay_of_raw_inputs_says_what_a_replay_of_the_sources_says(
    settings: WorkerSettings,
) -> None:
    async with raw_topic(settings, 3) as raw:
        await raw.send([order(n, SELLERS[n % 40]) for n in range(2000)])
        await raw.send([cancellation(n, SELLERS[n % 40]) for n in range(0, 2000, 7)])
        await raw.send([b"junk", order(1, "s1", at="2030-01-01T00:00:00Z")])
        async with Worker(settings, one_metric_rulebook()) as worker:
            await until(lambda: events_read(worker) == 2286)
        names = {topic: name for name, topic in settings.names.sources.items()}
        cluster = settings.cluster
        of_sources, sources = await _replay(KafkaSource(cluster, names))
        of_raw, raws = await _replay(KafkaSource(cluster, {}, None, [raw.name]))
        of_both, both = await _replay(KafkaSource(cluster, names, None, [raw.name]))
        own = await asyncio.to_thread(
            KafkaSource(cluster, names, None, [raw.name]).of_seller, SELLERS[0]
        )
        of_own, _ = await _replay(own)
    of_seller = [one for one in of_sources if one.seller == SELLERS[0]]
    assert [one for one in of_own if one.seller == SELLERS[0]] == of_seller != []
    assert len(of_sources) == 40
    assert of_sources == of_raw == of_both
    assert (sources.counted, sources.invalid) == (2286, 0)
    assert (raws.counted, raws.invalid) == (2286, 2)
    assert (both.counted, both.redundant, both.invalid) == (2286, 2286, 2)


async def test_a_replay_of_raw_inputs_ends_where_it_is_told_to(settings: WorkerSettings) -> None:
    await prepare_topics(settings.cluster, settings.names, PLAN)
    async with raw_topic(settings, 1) as raw:
        await raw.send([order(n, "s1") for n in range(10)])
        end = parse_until(f"{raw.name}:0=4", [raw.name])
        _, balance = await _replay(KafkaSource(settings.cluster, {}, end, [raw.name]))
        assert balance.read == 4
        unread = parse_until("orders:0=4")
        with pytest.raises(UnreadableSource, match="given for orders, which is not read"):
            await _replay(KafkaSource(settings.cluster, {}, unread, [raw.name]))


async def _run(worker: Worker) -> None:
    async with worker:
        await worker.wait()


async def _replay(source: KafkaSource) -> tuple[list[Reading], Balance]:
    def leave_out(origin: str, error: InvalidEvent) -> None:
        """Invalid records are counted; where they lie does not matter here."""

    intake = Intake(source, AS_OF, leave_out, lambda weight: None)
    engine, balance = await asyncio.to_thread(replay, intake, one_metric_rulebook())
    return list(engine.readings()), balance


async def _read_all(settings: WorkerSettings, topic: str) -> list[Any]:
    async with AIOKafkaConsumer(**settings.cluster.client_options()) as consumer:
        ends = await consumer.end_offsets([TopicPartition(topic, n) for n in range(PARTITIONS)])
    return await _read(settings, topic, sum(ends.values()))


async def _read(
    settings: WorkerSettings, topic: str, count: int, seconds: float = 10.0
) -> list[Any]:
    found: list[Any] = []
    async with AIOKafkaConsumer(
        topic, auto_offset_reset="earliest", **settings.cluster.client_options()
    ) as consumer:
        async with asyncio.timeout(seconds):
            while len(found) < count:
                found.append(await consumer.getone())
    return found


async def _committed(settings: WorkerSettings, topic: str, partitions: int) -> dict[int, int]:
    group = rekeying_group(settings.membership.group)
    async with AIOKafkaConsumer(group_id=group, **settings.cluster.client_options()) as consumer:
        found = {n: await consumer.committed(TopicPartition(topic, n)) for n in range(partitions)}
    return {number: offset for number, offset in found.items() if offset}


@asynccontextmanager
async def _workers(settings: WorkerSettings, count: int) -> AsyncIterator[list[Worker]]:
    """Several workers at once; started one after the other, as processes would be."""
    workers = [Worker(settings, one_metric_rulebook()) for _ in range(count)]
    for worker in workers:
        await worker.__aenter__()
    try:
        yield workers
    finally:
        await asyncio.gather(*(worker.__aexit__(None, None, None) for worker in workers))


def _slow_down(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Let some time pass after each batch that is published again."""
    process = Rekeying.process

    async def slow(self: Rekeying, batch: Batch) -> None:
        await process(self, batch)
        await asyncio.sleep(seconds)

    monkeypatch.setattr(Rekeying, "process", slow)


def _rekeyed(worker: Worker) -> int:
    return sum(one.records for one in worker.snapshot().raw_inputs)


def _counted(worker: Worker) -> int:
    return sum(one.counted for one in worker.snapshot().partitions)


def _numbers(workers: list[Worker]) -> list[int]:
    return sorted(number for worker in workers for number in numbers_owned(worker))


def _raw_numbers(workers: list[Worker]) -> list[int]:
    return sorted(one.partition for worker in workers for one in worker.snapshot().raw_inputs)
