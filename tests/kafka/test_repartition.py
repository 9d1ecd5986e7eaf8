"""More partitions: nobody's state is lost, and no alert is said again."""

import asyncio
from dataclasses import replace

import pytest

from deploy.kafka.node import KafkaNode
from monitor.audit.kafka_source import KafkaSource
from monitor.audit.replay import Intake, replay
from monitor.cluster import Cluster
from monitor.core.alert_records import AlertRecord
from monitor.core.events import SOURCE_TOPICS
from monitor.core.readings import Level, Reading
from monitor.errors import ClusterError, InvalidEvent, LedgerError
from monitor.stream import repartition as repartitioning
from monitor.stream.repartition import repartition
from monitor.stream.worker import Worker, WorkerSettings
from tests.stream.live import (
    PARTITIONS,
    cancellation,
    one_metric_rulebook,
    order,
    own_settings,
    publishing,
    until,
)

SELLERS = [f"s{n}" for n in range(30)]
MORE = 7


@pytest.fixture
def settings(kafka: KafkaNode) -> WorkerSettings:
    return own_settings(Cluster((kafka.address,)))


def first_events() -> list[bytes]:
    """Each seller has ten orders; every third seller cancelled five of them."""
    orders = [order(n, seller) for seller in SELLERS for n in range(10)]
    return orders + [cancellation(n, seller) for seller in SELLERS[::3] for n in range(5)]


def by_seller(readings: tuple[Reading, ...] | list[Reading]) -> dict[str, tuple[int, int | None]]:
    return {one.seller: (one.numerator, one.denominator) for one in readings}


async def run_until_said(
    settings: WorkerSettings, shown: list[AlertRecord], count: int
) -> dict[str, tuple[int, int | None]]:
    async with Worker(settings, one_metric_rulebook(), on_record=shown.append) as worker:
        await until(lambda: _is_ready(worker) and len(shown) >= count)
        # What is published is written down with the next point.
        await asyncio.sleep(1.5)
        return by_seller(worker.snapshot().readings)


def _is_ready(worker: Worker) -> bool:
    stats = worker.stats()
    return bool(stats) and all(one.ready for one in stats)


def replayed(settings: WorkerSettings) -> dict[str, tuple[int, int | None]]:
    names = {topic: settings.names.source(topic) for topic in SOURCE_TOPICS}
    source = KafkaSource(settings.cluster, names, earlier_partitions=[PARTITIONS])
    engine, _ = replay(
        Intake(source, 1_795_500_000_000_000, _fail, lambda weight: None), one_metric_rulebook()
    )
    return by_seller(engine.readings())


def _fail(origin: str, error: InvalidEvent) -> None:
    raise error


async def test_every_seller_goes_on_where_it_was_and_no_alert_is_said_again(
    settings: WorkerSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[AlertRecord] = []
    async with publishing(settings) as publisher:
        await publisher.send("orders", first_events())
        before = await run_until_said(settings, shown, len(SELLERS[::3]))
        assert len(shown) == len(SELLERS[::3])
        # It is interrupted before the positions tell, and begun again.
        with monkeypatch.context() as patched:
            patched.setattr(repartitioning, "_set_positions", _interrupted)
            with pytest.raises(KeyboardInterrupt):
                await asyncio.to_thread(repartition, settings, MORE)
        with pytest.raises(LedgerError, match="run `monitor repartition`"):
            async with Worker(settings, one_metric_rulebook()) as worker:
                await asyncio.wait_for(worker.wait(), 15)
        await asyncio.to_thread(repartition, settings, MORE)
    async with publishing(replace(settings, plan=None)) as publisher:
        again: list[AlertRecord] = []
        assert await run_until_said(settings, again, 0) == before
        assert again == []
        # The orders that end the breach of a seller come through its new partition.
        await publisher.send("orders", [order(n, SELLERS[0]) for n in range(10, 80)])
        after = await run_until_said(settings, again, 1)
    assert [(one.seller, one.to, one.seq) for one in again] == [(SELLERS[0], Level.OK, 2)]
    assert after == before | {SELLERS[0]: (5, 80)}
    assert await asyncio.to_thread(replayed, settings) == after


async def _interrupted(*_: object) -> None:
    raise KeyboardInterrupt


async def test_nothing_moves_while_a_worker_runs_or_has_not_read_all(
    settings: WorkerSettings,
) -> None:
    async with publishing(settings) as publisher:
        async with Worker(settings, one_metric_rulebook()) as worker:
            await until(lambda: _is_ready(worker))
            with pytest.raises(ClusterError, match="stop all workers first"):
                await asyncio.to_thread(repartition, settings, MORE)
        await publisher.send("orders", first_events())
        with pytest.raises(LedgerError, match="stop the producers, let the workers finish"):
            await asyncio.to_thread(repartition, settings, MORE)
    with pytest.raises(ClusterError, match="Kafka cannot take any away"):
        await asyncio.to_thread(repartition, settings, 2)
