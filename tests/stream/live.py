"""What tests of the live worker share: topics of their own, events to publish, rules."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from fractions import Fraction
from zoneinfo import ZoneInfo

from aiokafka import AIOKafkaProducer

from monitor.cluster import Cluster
from monitor.core.calendar import Calendar
from monitor.core.events import SOURCE_TOPICS, SourceTopic
from monitor.core.rules import (
    Comparison,
    Era,
    Limit,
    MarketplaceRules,
    MetricRule,
    Rulebook,
    WindowDays,
)
from monitor.stream.app import Membership
from monitor.stream.topics import TopicNames, TopicPlan, prepare_topics
from monitor.stream.worker import Worker, WorkerSettings

PARTITIONS = 4
PLAN = TopicPlan(history_days=400, partitions=PARTITIONS)


def one_metric_rulebook(
    windows: tuple[WindowDays, ...] = (30,), retention_days: int = 400
) -> Rulebook:
    """More than one order in ten cancelled by the seller, in the last 30 days, is a breach."""
    rule = MetricRule(
        metric="pre_fulfilment_cancel_rate",
        windows=windows,
        limit=Limit(Comparison.AT_MOST, Fraction(1, 10)),
    )
    rules = MarketplaceRules(
        policy="test",
        digest="d1",
        calendar=Calendar(ZoneInfo("UTC"), lambda _: False),
        metrics=(rule,),
        retention_days=retention_days,
    )
    return Rulebook({"*": (Era(None, rules),)})


def own_settings(cluster: Cluster, prefix: str = "", *, durable: bool = True) -> WorkerSettings:
    """Settings with topics and a group that no other test uses."""
    prefix = prefix or f"test-{uuid.uuid4().hex[:12]}-"
    membership = Membership(group=f"{prefix}group", session_timeout_seconds=6.0)
    return WorkerSettings(cluster, TopicNames.prefixed(prefix), membership, PLAN, durable)


def order(number: int, seller: str, at: str = "2026-11-20T00:00:00Z") -> bytes:
    """An ``order_placed``."""
    return _event("order_placed", number, seller, at)


def cancellation(number: int, seller: str, at: str = "2026-11-20T01:00:00Z") -> bytes:
    """The seller's ``order_cancelled`` of the order of that number."""
    return _event("order_cancelled", number, seller, at, by="seller")


def heartbeat(number: int, seller: str, at: str = "2026-11-20T00:00:00Z") -> bytes:
    """A ``heartbeat``, which may lie on any of the four topics."""
    return _event("heartbeat", number, seller, at)


@asynccontextmanager
async def publishing(settings: WorkerSettings) -> AsyncIterator["Publisher"]:
    """The topics, made if need be, and a way to publish to them."""
    await prepare_topics(settings.cluster, settings.names, PLAN, ledger=settings.durable)
    async with AIOKafkaProducer(**settings.cluster.client_options(), linger_ms=5) as producer:
        yield Publisher(producer, settings.names)


class Publisher:
    """Publishes records and knows where they end."""

    def __init__(self, producer: AIOKafkaProducer, names: TopicNames) -> None:
        self._producer = producer
        self._names = names
        self.ends: dict[tuple[SourceTopic, int], int] = {}

    async def send(
        self,
        topic: SourceTopic,
        values: Iterable[bytes],
        *,
        key: bytes | None = None,
        partition: int | None = None,
    ) -> None:
        """Publish values, keyed by their seller where no key is given."""
        name = self._names.source(topic)
        sent = []
        for value in values:
            its_key = key if key is not None else json.loads(value)["seller"].encode()
            sent.append(await self._producer.send(name, value, key=its_key, partition=partition))
        await self._producer.flush()
        for record in await asyncio.gather(*sent):
            where = (topic, record.partition)
            self.ends[where] = max(self.ends.get(where, 0), record.offset + 1)


async def until(holds: Callable[[], bool], seconds: float = 15.0) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110 - a snapshot tells nobody that it changed
            await asyncio.sleep(0.05)


def events_read(worker: Worker) -> int:
    """All records that a worker has read, of the partitions it owns."""
    return sum(stats.events for stats in worker.snapshot().partitions)


def numbers_owned(worker: Worker) -> dict[int, set[str]]:
    """Per partition number of a worker the topics it reads."""
    owned: dict[int, set[str]] = {}
    for stats in worker.snapshot().partitions:
        owned.setdefault(stats.partition, set()).add(stats.topic)
    return owned


ALL_TOPICS = set(SOURCE_TOPICS)

CANCEL_POLICY = """
name = "test"
[marketplaces.shop]
time_zone = "UTC"
[metrics.pre_fulfilment_cancel_rate]
windows = [30, "all"]
limit = "at most 10%"
approach = "8%"
source = "https://marketplace.example/rules"
runbook = "Cancel less."
"""
"""A policy file of one metric, for the events below."""


def _event(type_name: str, number: int, seller: str, at: str, **fields: object) -> bytes:
    common = {"type": type_name, "id": f"{type_name}-{number}", "at": at, "seller": seller}
    about = {} if type_name == "heartbeat" else {"order": f"{seller}-{number}"}
    return json.dumps(common | {"marketplace": "shop"} | about | fields).encode()
