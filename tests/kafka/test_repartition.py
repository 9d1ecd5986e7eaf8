"""More partitions on real Kafka: nobody's state is lost, no alert is lost or said again."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from deploy.kafka.node import KafkaNode
from monitor.audit.kafka_log import KafkaLog
from monitor.audit.kafka_source import KafkaSource, Until
from monitor.audit.replay import Intake, replay
from monitor.audit.verification import verify
from monitor.cluster import Cluster
from monitor.core.alert_records import AlertRecord, decode_record
from monitor.core.events import SOURCE_TOPICS
from monitor.core.instants import SECOND, Instant, parse_instant
from monitor.core.readings import Level, Reading
from monitor.errors import ClusterError, InvalidEvent, LedgerError
from monitor.stream import repartition as repartitioning
from monitor.stream.clock import EventClock
from monitor.stream.intake import partition_of
from monitor.stream.ledger_marks import LedgerMarks
from monitor.stream.ledger_topic import ledger_topic
from monitor.stream.partition import Partition
from monitor.stream.recovery import Recovery
from monitor.stream.repartition import Repartition, repartition
from monitor.stream.standstill import Standstill
from monitor.stream.topics import prepare_topics
from monitor.stream.worker import Worker, WorkerSettings
from tests.faults.fleet import REMEMBERING, Fleet, rulebook
from tests.stream.live import (
    PARTITIONS,
    PLAN,
    cancellation,
    numbers_owned,
    one_metric_rulebook,
    order,
    own_settings,
    publishing,
    until,
)
from tests.stream.memory import Killed

SELLERS = [f"s{n}" for n in range(30)]
BREACHED = SELLERS[::3]
MORE = 7
NOON = parse_instant("2026-11-20T12:00:00Z")
NOTHING = dict.fromkeys(SOURCE_TOPICS, 0)

Figures = dict[str, tuple[int, int | None]]


@pytest.fixture
def settings(kafka: KafkaNode) -> WorkerSettings:
    return own_settings(Cluster((kafka.address,)))


def first_events() -> list[bytes]:
    """Ten orders of each seller, half of which every third one cancelled; one is yet to come."""
    orders = [order(n, seller) for seller in SELLERS for n in range(10)]
    cancelled = [cancellation(n, seller) for seller in BREACHED for n in range(5)]
    to_come = [order(99, seller, "2026-11-20T12:30:00Z") for seller in SELLERS]
    return [*to_come, *orders, *cancelled]


@pytest.fixture(autouse=True)
def _without_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repartitioning, "_PAUSE_SECONDS", 0)
    monkeypatch.setattr(repartitioning, "_RECORDS_AT_ONCE", 50)


class Watch:
    """A worker whose clock is set by hand, and what it published."""

    def __init__(self, worker: Worker, clock: EventClock, shown: list[AlertRecord]) -> None:
        self.worker = worker
        self.shown = shown
        self._clock = clock

    async def evaluated(self, at: Instant | None = None) -> Figures:
        """The readings as of an instant, or of the next second."""
        point = self._clock.now() + SECOND if at is None else at
        self._clock.set(point)
        await self.worker.evaluated(point)
        return by_seller(self.worker.snapshot().readings)


@asynccontextmanager
async def watching(
    settings: WorkerSettings, at: Instant, partitions: int = PARTITIONS
) -> AsyncIterator[Watch]:
    """A worker that owns all partitions."""
    clock, shown = EventClock(at), list[AlertRecord]()
    worker = Worker(settings, one_metric_rulebook(), clock, on_record=shown.append)
    async with worker:
        await until(lambda: len(numbers_owned(worker)) == partitions)
        yield Watch(worker, clock, shown)


def by_seller(readings: Iterable[Reading]) -> Figures:
    return {one.seller: (one.numerator, one.denominator) for one in readings}


@contextmanager
def killed_in(owner: type, name: str, passage: int) -> Iterator[None]:
    """Kill whoever calls a method, before it does so for the so manieth time."""
    left = passage

    async def passed(self: object, *arguments: Any) -> Any:
        nonlocal left
        left -= 1
        if left == 0:
            raise Killed
        return await method(self, *arguments)

    method = getattr(owner, name)
    with pytest.MonkeyPatch.context() as patched, suppress(Killed):
        patched.setattr(owner, name, passed)
        yield
        raise AssertionError("it was not killed")


async def taken_over(settings: WorkerSettings) -> list[int]:
    """The partitions that a worker would begin to work on."""
    taken: list[int] = []
    try:
        count = await prepare_topics(settings.cluster, settings.names, PLAN)
    except LedgerError:
        return taken
    async with ledger_topic(settings.cluster, settings.names.ledger) as ledger:
        for number in range(count):
            rulebook = one_metric_rulebook()
            partition = Partition(number, count, rulebook, NOON, version="1", durable=True)
            with suppress(LedgerError):
                await Recovery(ledger, partition, lambda share: None).run(1, NOTHING)
                taken.append(number)
    return taken


async def refuses(settings: WorkerSettings) -> None:
    with pytest.raises(
        LedgerError, match=f"finish it with `monitor repartition --partitions {MORE}"
    ):
        async with Worker(settings, one_metric_rulebook()) as worker:
            await asyncio.wait_for(worker.wait(), 15)


async def said_on(settings: WorkerSettings) -> dict[int, list[bytes]]:
    """The records of the alerts topic by partition."""
    async with AIOKafkaConsumer(**settings.cluster.client_options()) as consumer:
        partitions = [TopicPartition(settings.names.alerts, number) for number in range(MORE)]
        consumer.assign(partitions)
        await consumer.seek_to_beginning(*partitions)
        ends = await consumer.end_offsets(partitions)
        found: dict[int, list[bytes]] = {}
        while any([await consumer.position(tp) < end for tp, end in ends.items()]):
            for tp, records in (await consumer.getmany(timeout_ms=500)).items():
                found.setdefault(tp.partition, []).extend(one.value for one in records)
        return found


def check_chain(values: list[bytes]) -> None:
    previous = ""
    for number, value in enumerate(values, 1):
        record = decode_record(value)
        assert (record.chain.n, record.chain.previous) == (number, previous)
        previous = hashlib.sha256(value).hexdigest()


def verified(settings: WorkerSettings) -> bool:
    """Whether the alert log is intact for who knows how many partitions there were."""
    with KafkaLog(settings.cluster, settings.names.alerts) as log:
        return verify(log, earlier_partitions=[PARTITIONS]).intact


def replayed(settings: WorkerSettings, until: Until | None = None) -> Figures:
    names = {topic: settings.names.source(topic) for topic in SOURCE_TOPICS}
    source = KafkaSource(settings.cluster, names, until, earlier_partitions=[PARTITIONS])
    intake = Intake(source, NOON + 3600 * SECOND, _fail, lambda weight: None)
    engine, _ = replay(intake, one_metric_rulebook())
    return by_seller(engine.readings())


def _fail(origin: str, error: InvalidEvent) -> None:
    raise error


@pytest.mark.slow
async def test_every_seller_goes_on_where_it_was_however_often_it_is_interrupted(
    settings: WorkerSettings,
) -> None:
    async with publishing(settings) as publisher:
        await publisher.send("orders", first_events())
        async with watching(settings, NOON) as first:
            await first.worker.applied(publisher.ends)
            before = await first.evaluated()
            await first.evaluated()
    assert sorted(one.seller for one in first.shown) == sorted(BREACHED)
    assert before == {one: (5 if one in BREACHED else 0, 10) for one in SELLERS}

    with killed_in(Standstill, "grow", 2):
        await asyncio.to_thread(repartition, settings, MORE)
    assert await taken_over(settings) == []
    with killed_in(Repartition, "_move", 1):
        await asyncio.to_thread(repartition, settings, MORE)
    assert await taken_over(settings) == []
    await refuses(settings)
    with killed_in(Repartition, "_copy", 3):
        await asyncio.to_thread(repartition, settings, MORE)
    assert await taken_over(settings) == []
    with killed_in(Repartition, "_set_positions", 1):
        await asyncio.to_thread(repartition, settings, MORE)
    assert await taken_over(settings) == []
    with killed_in(LedgerMarks, "write", 4):
        await asyncio.to_thread(repartition, settings, MORE)
    assert await taken_over(settings) == [0, 1, 2]
    await refuses(settings)
    await asyncio.to_thread(repartition, settings, MORE)

    async with (
        publishing(settings) as publisher,
        watching(settings, NOON + 60 * SECOND, MORE) as second,
    ):
        assert await second.evaluated() == before
        after = {one: (cancelled, 11) for one, (cancelled, _) in before.items()}
        assert await second.evaluated(parse_instant("2026-11-20T12:30:00Z")) == after
        assert second.shown == []
        # The orders that end the breach of a seller come through its new partition.
        await publisher.send("orders", [order(n, SELLERS[0]) for n in range(100, 170)])
        await second.worker.applied(publisher.ends)
        after |= {SELLERS[0]: (5, 81)}
        assert await second.evaluated() == after
    (closed,) = second.shown
    assert (closed.seller, closed.to, closed.seq) == (SELLERS[0], Level.OK, 2)
    assert closed.episode == 1
    said = await said_on(settings)
    assert sum(map(len, said.values())) == len(BREACHED) + 1
    assert said[partition_of(SELLERS[0].encode(), MORE)][-1] == closed.encode()
    for values in said.values():
        check_chain(values)
    assert await asyncio.to_thread(verified, settings)
    assert await asyncio.to_thread(replayed, settings) == after


async def test_nothing_moves_while_a_worker_runs_or_has_not_read_all(
    settings: WorkerSettings,
) -> None:
    async with publishing(settings) as publisher:
        async with watching(settings, NOON) as running:
            with pytest.raises(ClusterError, match="stop all workers first"):
                await asyncio.to_thread(repartition, settings, MORE)
        await publisher.send("orders", first_events())
        with pytest.raises(LedgerError, match="stop the producers, let the workers finish"):
            await asyncio.to_thread(repartition, settings, MORE)
        with pytest.raises(ClusterError, match="Kafka cannot take any away"):
            await asyncio.to_thread(repartition, settings, 2)
        async with watching(settings, NOON) as running:
            await running.worker.applied(publisher.ends)


def at_demo(value: bytes) -> bytes:
    """An event of a marketplace that the policy of worker processes names."""
    return value.replace(b'"shop"', b'"demo-us"')


@pytest.mark.slow
async def test_a_halted_worker_that_goes_on_afterwards_stops_and_changes_nothing(
    settings: WorkerSettings, tmp_path: Path
) -> None:
    prefix = settings.names.orders.removesuffix("orders")
    async with (
        publishing(settings) as publisher,
        Fleet(settings.cluster.address, prefix, tmp_path, session_timeout_seconds=3.0) as fleet,
    ):
        await publisher.send("orders", map(at_demo, first_events()))
        halted = await fleet.start()
        await until(lambda: fleet.is_ready and _read(fleet) == len(first_events()), 30)
        # Levels open once they have lasted; what is published is written down with the next point.
        await asyncio.sleep(REMEMBERING.hold / SECOND + 2.5)
        halted.halt()
        async with asyncio.timeout(20):
            while True:
                with suppress(ClusterError):  # Its session has not ended yet.
                    await asyncio.to_thread(repartition, settings, MORE)
                    break
                await asyncio.sleep(0.5)
        shown: list[AlertRecord] = []
        async with Worker(settings, rulebook(), on_record=shown.append) as worker:
            await until(lambda: len(numbers_owned(worker)) == MORE and _is_ready(worker))
            before = _series(worker)
            assert len(before) == len(set(before))
            halted.go_on()
            async with asyncio.timeout(20):
                assert await halted.process.wait() != 0
            assert "when this worker started: start it again" in halted.log.read_text()
            await until(lambda: len(numbers_owned(worker)) == MORE and _is_ready(worker))
            await asyncio.sleep(1.5)
            assert _series(worker) == before
    assert [one for one in shown if one.reason != "reminder"] == []


def _read(fleet: Fleet) -> int:
    return sum(one.events for one in fleet.totals())


def _is_ready(worker: Worker) -> bool:
    stats = worker.stats()
    return bool(stats) and all(one.ready for one in stats)


def _series(worker: Worker) -> list[tuple[object, ...]]:
    return sorted(
        (one.seller, one.metric, str(one.window_days), one.category or "", one.numerator,
         one.denominator or 0)
        for one in worker.snapshot().readings
    )  # fmt: skip
