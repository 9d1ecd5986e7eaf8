"""The same worker on the broker inside the process, with a clock of events."""

import asyncio
from collections.abc import Iterator, Sequence

import pytest

from monitor.core.alert_records import AlertRecord
from monitor.core.events import Event, SourceTopic
from monitor.core.instants import SECOND, parse_instant
from monitor.core.readings import Level
from monitor.errors import ClusterError
from monitor.notify.grouping import Grouping
from monitor.notify.plan import Addressee, DeliveryPlan, Desk
from monitor.stream.clock import EventClock
from monitor.stream.embedded import PARTITIONS, EmbeddedBroker
from monitor.stream.partition import Partition
from monitor.stream.topics import TopicNames
from monitor.stream.transport import Consumer
from monitor.stream.worker import Worker, WorkerSettings
from tests.stream.delivery.fakes import FakeReceiver, compose, judge, tell_all
from tests.stream.live import (
    ALL_TOPICS,
    cancellation,
    numbers_owned,
    one_metric_rulebook,
    order,
    own_settings,
    publishing,
    until,
)

AT_ONCE = Grouping(wait_seconds=0.0)
NOON = parse_instant("2026-11-20T12:00:00Z")


@pytest.fixture
def settings() -> Iterator[WorkerSettings]:
    with EmbeddedBroker(TopicNames.prefixed("own-")) as broker:
        yield own_settings(broker.cluster, "own-", durable=False)


async def test_alerts_fire_at_the_instant_to_which_the_clock_is_set(
    settings: WorkerSettings,
) -> None:
    shown: list[AlertRecord] = []
    receiver = FakeReceiver()
    delivery = DeliveryPlan((Addressee(receiver),), Desk(judge, tell_all, compose), AT_ONCE)
    clock = EventClock(NOON)
    worker = Worker(
        settings, one_metric_rulebook(), clock, on_record=shown.append, delivery=delivery
    )
    async with publishing(settings) as publisher, worker:
        await publisher.send("orders", [order(n, "s1") for n in range(100)])
        await worker.applied(publisher.ends)
        assert set(numbers_owned(worker)) == set(range(PARTITIONS))
        assert all(topics == ALL_TOPICS for topics in numbers_owned(worker).values())
        at = "2026-11-21T00:00:00Z"
        await publisher.send("orders", [cancellation(n, "s1", at) for n in range(20)])
        await worker.applied(publisher.ends)
        clock.set(parse_instant(at) - SECOND)
        await worker.evaluated(clock.now())
        assert shown == []
        clock.set(parse_instant(at))
        await worker.evaluated(clock.now())
        assert [(record.to, record.as_of) for record in shown] == [(Level.BREACHED, at)]
        snapshot = worker.snapshot()
        assert snapshot.as_of == parse_instant(at)
        assert [reading.numerator for reading in snapshot.readings] == [20]
        await until(lambda: bool(receiver.notifications))
        (item,) = receiver.notifications[0].items
        assert [item.record] == shown
        (stats,) = worker.snapshot().receivers
        assert (stats.receiver, stats.records["delivered"]) == (receiver.name, 1)


async def test_a_bug_breaks_the_worker_loudly(
    settings: WorkerSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: Partition, topic: SourceTopic, events: Sequence[Event], read_to: int) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(Partition, "apply", broken)
    async with publishing(settings) as publisher, Worker(settings, one_metric_rulebook()) as worker:
        await publisher.send("orders", [order(1, "s1")])
        with pytest.raises(ZeroDivisionError, match="a bug"):
            async with asyncio.timeout(10):
                await worker.wait()


async def test_a_split_partition_number_breaks_the_worker_with_advice(
    settings: WorkerSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assignment = Consumer.assignment

    def without_claims(self: Consumer) -> set[object]:
        return {tp for tp in assignment(self) if (tp.topic, tp.partition) != ("own-claims", 2)}

    monkeypatch.setattr(Consumer, "assignment", without_claims)
    with pytest.raises(ClusterError, match="partition 2 was assigned without claims"):
        async with asyncio.timeout(10), Worker(settings, one_metric_rulebook()) as worker:
            await worker.wait()
