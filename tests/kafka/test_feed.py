"""Simulated shops feed a real cluster: their past, what follows, and never anyone's topics."""

import asyncio
import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from deploy.kafka.node import KafkaNode
from monitor.audit.kafka_source import KafkaSource
from monitor.cluster import Cluster
from monitor.core.events import SOURCE_TOPICS
from monitor.core.instants import DAY, parse_instant
from monitor.demo.feed import FeedPlan, feed
from monitor.demo.run import DEMO_POLICY
from monitor.demo.wire import SimulationPlan
from monitor.errors import ClusterError
from monitor.stream.clock import EventClock
from monitor.stream.worker import WorkerSettings
from tests.stream.live import order, own_settings, publishing

NOON = parse_instant("2026-11-20T12:00:00Z")
ONLY_PAST = SimulationPlan(sellers=3, days=0)


@pytest.fixture
def settings(kafka: KafkaNode) -> WorkerSettings:
    return own_settings(Cluster((kafka.address,)))


def plan_of(settings: WorkerSettings, simulation: SimulationPlan = ONLY_PAST) -> FeedPlan:
    return FeedPlan(settings.cluster, settings.names, simulation, history_days=20)


def ids_on(settings: WorkerSettings) -> list[str]:
    """The ids of all events on the topics, in no particular order."""
    names = {topic: settings.names.source(topic) for topic in SOURCE_TOPICS}
    source = KafkaSource(settings.cluster, names)
    return [json.loads(value)["id"] for chunk in source.chunks() for value in chunk.values]


async def test_a_feed_that_is_started_again_goes_on_where_it_stopped(
    settings: WorkerSettings,
) -> None:
    async with publishing(settings):
        first = await feed(plan_of(settings), EventClock(NOON))
        again = await feed(plan_of(settings), EventClock(NOON + 3 * DAY))
    sent = await asyncio.to_thread(ids_on, settings)
    assert len(sent) == first + again
    # A week is sent twice, nothing else is.
    assert 0 < len(sent) - len(set(sent)) < again < first
    at_once = own_settings(settings.cluster)
    async with publishing(at_once):
        longer = replace(plan_of(at_once), history_days=23)
        await feed(longer, EventClock(NOON + 3 * DAY))
    assert set(sent) == set(await asyncio.to_thread(ids_on, at_once))


async def test_events_follow_when_they_happen(settings: WorkerSettings) -> None:
    clock = EventClock(NOON)
    async with publishing(settings):
        await feed(plan_of(settings), clock)
        past = set(await asyncio.to_thread(ids_on, settings))
        endless = plan_of(settings, replace(ONLY_PAST, days=None))
        feeding = asyncio.create_task(feed(endless, clock))
        clock.set(NOON + DAY)
        async with asyncio.timeout(20):
            # Another program's state, which tells nobody that it has changed.
            while past >= set(await asyncio.to_thread(ids_on, settings)):  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        assert not feeding.done()
        feeding.cancel()


async def test_topics_with_somebodys_events_are_left_alone(settings: WorkerSettings) -> None:
    async with publishing(settings) as publisher:
        await publisher.send("orders", [order(1, "s1")])
        with pytest.raises(ClusterError, match="were not simulated"):
            await feed(plan_of(settings), EventClock(NOON))
    assert len(await asyncio.to_thread(ids_on, settings)) == 1


async def test_another_simulation_is_not_mixed_in(settings: WorkerSettings) -> None:
    async with publishing(settings):
        await feed(plan_of(settings), EventClock(NOON))
        with pytest.raises(ClusterError, match="--seed 7 --sellers 3 --orders-per-day 12"):
            await feed(plan_of(settings, replace(ONLY_PAST, seed=8)), EventClock(NOON))


async def test_sigterm_ends_it_in_order(settings: WorkerSettings, tmp_path: Path) -> None:
    config = tmp_path / "monitor.toml"
    orders = settings.names.orders
    config.write_text(
        f'policies = ["{DEMO_POLICY}"]\n[kafka]\nbootstrap_servers = "{settings.cluster.address}"\n'
        f'[topics]\norders = "{orders}"\n'
    )
    process = await asyncio.create_subprocess_exec(
        Path(sys.executable).with_name("monitor"),
        *("feed", "--config", config),
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    async with asyncio.timeout(30):
        while orders not in (await process.stderr.readline()).decode():
            assert process.returncode is None
        process.terminate()
        assert await process.wait() == 0
