"""The live worker on real Kafka."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from deploy.kafka.node import KafkaNode
from monitor.cluster import Cluster
from monitor.core.alert_records import AlertRecord, MetricRecord
from monitor.core.events import SourceTopic
from monitor.core.readings import Level
from monitor.exporter.readiness import missing
from monitor.stream.inflight import Batch
from monitor.stream.intake import Intake, partition_of
from monitor.stream.topics import TopicPlan
from monitor.stream.worker import Worker, WorkerSettings
from tests.stream.live import (
    ALL_TOPICS,
    PARTITIONS,
    Publisher,
    cancellation,
    events_read,
    heartbeat,
    numbers_owned,
    one_metric_rulebook,
    order,
    own_settings,
    publishing,
    until,
)

ROOT = Path(__file__).resolve().parent.parent.parent


def figures_of(record: AlertRecord) -> tuple[int, int | None]:
    assert isinstance(record, MetricRecord)
    return record.numerator, record.denominator


@pytest.fixture
def settings(kafka: KafkaNode) -> WorkerSettings:
    return own_settings(Cluster((kafka.address,)))


Runs = dict[str, list[tuple[int, int]]]


def _record_batches(monkeypatch: pytest.MonkeyPatch, seen: Runs) -> None:
    """Note which offsets the workers' agents apply, per partition."""
    process = Intake.process

    async def recorded(self: Intake, batch: Batch) -> None:
        is_ours = self._owned(batch.partition) is not None
        await process(self, batch)
        if is_ours:
            where = f"{batch.topic}[{batch.partition}]"
            seen.setdefault(where, []).append((batch.start, batch.end))

    monkeypatch.setattr(Intake, "process", recorded)


def _each_follows(runs: list[tuple[int, int]]) -> bool:
    """Whether each batch starts where the one before ended, whoever took it."""
    return all(start == before_end for (_, before_end), (start, _) in pairwise(runs))


async def _keep_sending(publisher: Publisher, rounds: int) -> None:
    for turn in range(rounds):
        await publisher.send("orders", [order(turn * 50 + n, f"s{n}") for n in range(50)])
        await asyncio.sleep(0.05)


async def _read_topic(settings: WorkerSettings, topic: str, count: int) -> list[object]:
    found: list[object] = []
    async with AIOKafkaConsumer(
        topic, auto_offset_reset="earliest", **settings.cluster.client_options()
    ) as consumer:
        async with asyncio.timeout(10):
            while len(found) < count:
                found.append(await consumer.getone())
    return found


async def test_every_record_is_counted_once_and_the_alert_goes_out(
    settings: WorkerSettings,
) -> None:
    shown: list[AlertRecord] = []
    async with publishing(settings) as publisher:
        await publisher.send("orders", [order(n, f"s{n % 20}") for n in range(2000)])
        await publisher.send("claims", [heartbeat(n, f"s{n % 20}") for n in range(20)])
        worker = Worker(settings, one_metric_rulebook(), on_record=shown.append)
        async with worker:
            await worker.applied(publisher.ends)
            assert events_read(worker) == 2020
            await publisher.send("orders", [cancellation(n, "s7") for n in range(7, 2000, 100)])
            await worker.applied(publisher.ends)
            await until(lambda: bool(shown))
    assert [(record.seller, record.to) for record in shown] == [("s7", Level.BREACHED)]
    assert figures_of(shown[0]) == (20, 100)
    (published,) = await _read_topic(settings, settings.names.alerts, 1)
    assert published.value == shown[0].encode()  # type: ignore[attr-defined]
    assert published.key == b"s7"  # type: ignore[attr-defined]


async def test_nothing_opens_before_all_four_topics_are_read_to_their_end(
    settings: WorkerSettings,
) -> None:
    shown: list[AlertRecord] = []
    async with publishing(settings) as publisher:
        await publisher.send("orders", [order(n, "s1") for n in range(10)])
        await publisher.send("orders", [cancellation(n, "s1") for n in range(10)])
        async with Worker(settings, one_metric_rulebook(), on_record=shown.append) as worker:
            await worker.applied(publisher.ends)
            await until(lambda: bool(shown))
            assert all(stats.ready for stats in worker.snapshot().partitions)
            assert [reading.level for reading in worker.snapshot().readings] == [Level.BREACHED]
    assert [(record.to, record.reason, record.from_) for record in shown] == [
        (Level.BREACHED, "caught_up", Level.UNKNOWN)
    ]


async def test_what_is_no_event_goes_to_the_dead_letters_and_stops_nothing(
    settings: WorkerSettings, caplog: pytest.LogCaptureFixture
) -> None:
    async with publishing(settings) as publisher:
        await publisher.send("orders", [b"\xffjunk"], key=b"s1")
        await publisher.send("orders", [order(1, "s1")], key=b"someone-else")
        wrong = (_partition_of("s1") + 1) % PARTITIONS
        await publisher.send("feedback", [heartbeat(1, "s1")], partition=wrong)
        await publisher.send("orders", [order(2, "s1")])
        async with Worker(settings, one_metric_rulebook()) as worker:
            await worker.applied(publisher.ends)
            stats = worker.snapshot().partitions
            assert sum(one.invalid for one in stats) == 3
            assert sum(one.events for one in stats) == 4
    letters = await _read_topic(settings, settings.names.dead_letters, 3)
    headers = [dict(letter.headers) for letter in letters]  # type: ignore[attr-defined]
    by_reason = {found["reason"]: found for found in headers}
    assert set(by_reason) == {b"not_json", b"foreign_key", b"wrong_partition"}
    assert by_reason[b"wrong_partition"]["topic"] == settings.names.source("feedback").encode()
    assert by_reason[b"wrong_partition"]["partition"] == str(wrong).encode()
    assert by_reason[b"wrong_partition"]["offset"] == b"0"
    junk = next(one for one in letters if dict(one.headers)["reason"] == b"not_json")  # type: ignore[attr-defined]
    assert (junk.key, junk.value) == (b"s1", b"\xffjunk")  # type: ignore[attr-defined]
    assert "partitioner=murmur2_random" in caplog.text
    assert "must set the record's key to the seller" in caplog.text


async def test_three_workers_share_four_partitions_and_none_is_split(
    settings: WorkerSettings,
) -> None:
    async with publishing(settings) as publisher:
        sellers = [f"s{n}" for n in range(40)]
        await publisher.send("orders", [order(n, seller) for n, seller in enumerate(sellers)])
        async with _Workers(settings, 3) as workers:
            await until(lambda: _numbers(workers) == [0, 1, 2, 3])
            shares = [numbers_owned(worker) for worker in workers]
            assert all(topics == ALL_TOPICS for share in shares for topics in share.values())
            assert sorted(len(share) for share in shares) == [1, 1, 2]
            await publisher.send("claims", [heartbeat(n, s) for n, s in enumerate(sellers)])
            await until(lambda: sum(map(events_read, workers)) == 80)


async def test_a_rebalance_neither_loses_nor_repeats_nor_reorders_records(
    settings: WorkerSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: Runs = {}
    _record_batches(monkeypatch, seen)
    async with publishing(settings) as publisher:
        first = Worker(settings, one_metric_rulebook())
        async with first:
            sending = asyncio.create_task(_keep_sending(publisher, 100))
            async with Worker(settings, one_metric_rulebook()) as second:
                await until(lambda: _numbers([first, second]) == [0, 1, 2, 3])
            await until(lambda: _numbers([first]) == [0, 1, 2, 3])
            await sending
            await first.applied(publisher.ends)
            assert events_read(first) == 100 * 50
            read = {
                (stats.topic, stats.partition): (stats.events, stats.redundant)
                for stats in first.snapshot().partitions
                if stats.events
            }
    assert read == {where: (end, 0) for where, end in publisher.ends.items()}
    for name, runs in seen.items():
        assert _each_follows(runs), name


async def test_a_worker_that_gets_its_partitions_back_reads_on_where_it_stopped(
    settings: WorkerSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: Runs = {}
    async with publishing(settings) as publisher:
        await publisher.send("orders", [order(n, f"s{n}") for n in range(200)])
        first = Worker(settings, one_metric_rulebook())
        async with first:
            await first.applied(publisher.ends)
            _record_batches(monkeypatch, seen)
            async with Worker(settings, one_metric_rulebook()) as second:
                await until(lambda: _numbers([first, second]) == [0, 1, 2, 3])
                await until(lambda: events_read(first) + events_read(second) == 200)
                kept = sum(
                    end for (_, number), end in publisher.ends.items()
                    if number in numbers_owned(first)
                )  # fmt: skip
                assert events_read(first) == kept
    # What moved to the other worker came from the ledger.
    assert sum(end - start for runs in seen.values() for start, end in runs) == 0


async def test_without_a_ledger_nothing_is_committed_and_each_start_reads_from_the_beginning(
    settings: WorkerSettings,
) -> None:
    settings = replace(settings, durable=False)
    async with publishing(settings) as publisher:
        await publisher.send("orders", [order(n, f"s{n}") for n in range(50)])
        for _ in range(2):
            async with Worker(settings, one_metric_rulebook()) as worker:
                await worker.applied(publisher.ends)
                assert events_read(worker) == 50
    assert await _committed(settings) == {}


async def test_a_worker_that_starts_again_knows_everything_and_reads_only_what_is_new(
    settings: WorkerSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: Runs = {}
    async with publishing(settings) as publisher:
        await publisher.send("orders", [order(n, "s1") for n in range(100)])
        async with Worker(settings, one_metric_rulebook()) as worker:
            await worker.applied(publisher.ends)
        _record_batches(monkeypatch, seen)
        shown: list[AlertRecord] = []
        again = Worker(settings, one_metric_rulebook(), on_record=shown.append)
        async with again:
            await until(lambda: any(again.snapshot().readings))
            (reading,) = again.snapshot().readings
            assert (reading.numerator, reading.denominator) == (0, 100)
            await publisher.send("orders", [cancellation(n, "s1") for n in range(20)])
            await until(lambda: bool(shown))
    assert (figures_of(shown[0]), shown[0].seq) == ((20, 100), 1)
    assert sum(end - start for runs in seen.values() for start, end in runs) == 20


async def test_an_alert_is_said_once_over_restarts_and_its_numbers_go_on(
    settings: WorkerSettings,
) -> None:
    shown: list[AlertRecord] = []
    async with publishing(settings) as publisher:
        await publisher.send("orders", [order(n, "s1") for n in range(10)])
        await publisher.send("orders", [cancellation(n, "s1") for n in range(5)])
        for count in (1, 1, 2):
            if count == 2:
                await publisher.send("orders", [order(n, "s1") for n in range(10, 90)])
            async with Worker(settings, one_metric_rulebook(), on_record=shown.append) as worker:
                await worker.applied(publisher.ends)
                await until(lambda: all(one.ready for one in worker.snapshot().partitions))
                await until(lambda expected=count: len(shown) >= expected)  # type: ignore[misc]
            assert len(shown) == count
    assert [(record.seq, record.to, record.chain.n) for record in shown] == [
        (1, Level.BREACHED, 1),
        (2, Level.OK, 2),
    ]


async def test_all_that_is_processed_is_committed_at_the_latest_on_leaving(
    settings: WorkerSettings,
) -> None:
    async with publishing(settings) as publisher:
        await publisher.send("orders", [order(n, f"s{n}") for n in range(500)])
        await publisher.send("claims", [b"junk"], key=b"s1")
        async with Worker(settings, one_metric_rulebook()) as worker:
            await worker.applied(publisher.ends)
    assert await _committed(settings) == publisher.ends


async def test_a_worker_without_partitions_has_joined_and_waits_for_nothing(
    settings: WorkerSettings,
) -> None:
    alone = replace(settings, plan=TopicPlan(history_days=400, partitions=1))
    first, second = Worker(alone, one_metric_rulebook()), Worker(alone, one_metric_rulebook())
    assert missing(first.progress()) == ["The worker is not in its consumer group."]
    async with first:
        await until(lambda: not missing(first.progress()))
        assert len(first.progress().partitions) == len(ALL_TOPICS)
        async with second:
            await until(lambda: not missing(first.progress()) and not missing(second.progress()))
            owned = [len(worker.progress().partitions) for worker in (first, second)]
            assert sorted(owned) == [0, len(ALL_TOPICS)]
    assert missing(first.progress()) != []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_stops_the_program_within_seconds_with_status_0(
    settings: WorkerSettings, number: signal.Signals
) -> None:
    program = (
        "import sys; from tests.kafka.test_live_worker import run_for_a_signal;"
        " sys.exit(run_for_a_signal(*sys.argv[1:]))"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, settings.cluster.address, "signal-",
        cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    async with asyncio.timeout(20):
        assert await process.stdout.readline() == b"started\n"
    process.send_signal(number)
    async with asyncio.timeout(5):
        _, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    assert b"Traceback" not in errors


def run_for_a_signal(address: str, prefix: str) -> int:
    """The program of the test above."""
    from monitor.stream.worker import run

    settings = own_settings(Cluster((address,)), prefix)
    return run(settings, one_metric_rulebook(), beside=_say_started)


@asynccontextmanager
async def _say_started(worker: Worker) -> AsyncIterator[None]:
    async def say() -> None:
        await worker.applied({})
        sys.stdout.write("started\n")
        sys.stdout.flush()

    saying = asyncio.create_task(say())
    yield
    saying.cancel()


async def _committed(settings: WorkerSettings) -> dict[tuple[SourceTopic, int], int]:
    """The committed offsets of the group, where there are any."""
    sources = settings.names.sources
    async with AIOKafkaConsumer(
        group_id=settings.membership.group, **settings.cluster.client_options()
    ) as consumer:
        partitions = [TopicPartition(name, n) for name in sources for n in range(PARTITIONS)]
        found = {tp: await consumer.committed(tp) for tp in partitions}
    return {(sources[tp.topic], tp.partition): offset for tp, offset in found.items() if offset}


class _Workers:
    """Several workers at once; started one after the other, as processes would be."""

    def __init__(self, settings: WorkerSettings, count: int) -> None:
        self._workers = [Worker(settings, one_metric_rulebook()) for _ in range(count)]

    async def __aenter__(self) -> list[Worker]:
        for worker in self._workers:
            await worker.__aenter__()
        return self._workers

    async def __aexit__(self, *_: object) -> None:
        await asyncio.gather(*(worker.__aexit__(None, None, None) for worker in self._workers))


def _numbers(workers: list[Worker]) -> list[int]:
    return sorted(number for worker in workers for number in numbers_owned(worker))


def _partition_of(seller: str) -> int:
    return partition_of(seller.encode(), PARTITIONS)
