"""Raw inputs: topics of events with other keys, read by a second Faust app of the worker.

It is a group of its own, so that raw inputs with any number of partitions leave the
assignment of the four source topics alone.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from faust.types import TP

from monitor.cluster import Cluster
from monitor.errors import ClusterError
from monitor.snapshot import RawInputStats
from monitor.stream.app import App, Membership, make_app
from monitor.stream.deadletters import DeadLetters
from monitor.stream.rekeying import Rekeying, Totals
from monitor.stream.source_writer import BATCH_BYTES, SourceWriter
from monitor.stream.topics import TopicNames
from monitor.stream.transport import Consumer

logger = logging.getLogger(__name__)

_STOP_SECONDS = 8.0
_TIMEOUT_SECONDS = 10.0


def rekeying_group(group: str) -> str:
    """The consumer group that reads the raw inputs of the workers of a group."""
    return f"{group}-rekeying"


class RawDelivery:
    """Opens partitions of raw inputs at their committed offsets.

    A record is committed once all that came of it is acknowledged, so that each is published
    at least once.
    """

    commits = True

    def __init__(self, topics: Collection[str], group: str) -> None:
        self.topics = frozenset(topics)
        self.rekeying: Rekeying | None = None
        self._group = group
        self._consumer: Consumer | None = None
        self._owned: dict[TP, int] = {}

    async def open(self, consumer: Consumer, assigned: frozenset[TP]) -> None:
        """Read on where the group has stopped.

        Raises:
            ClusterError: a topic lost records that were never published again.
        """
        self._consumer = consumer
        if not assigned:
            return
        committed = await consumer.seek_to_committed()
        earliest = await consumer.earliest_offsets(*assigned)
        ends = await consumer.highwaters(*assigned)
        positions = {}
        for tp in assigned:
            offset = committed.get(tp)
            positions[tp] = earliest[tp] if offset is None or offset < 0 else offset
            self._check(tp, positions[tp], earliest[tp], ends[tp])
        self._owned = {tp: ends[tp] for tp in positions}
        if self.rekeying is not None:
            for tp in positions:
                self.rekeying.totals.setdefault((tp.topic, tp.partition), Totals())
        await consumer.deliver(positions)
        listed = ", ".join(f"{tp.topic}[{tp.partition}]" for tp in sorted(positions))
        logger.info("publishing %s again, keyed by seller", listed)

    async def drained(self) -> None:
        """Wait until all that was read is published."""
        if self.rekeying is not None:
            await self.rekeying.settled()

    def close(self, revoked: frozenset[TP]) -> None:
        """Let go of partitions."""
        for tp in revoked:
            self._owned.pop(tp, None)

    def stats(self) -> tuple[RawInputStats, ...]:
        """The totals of the partitions that this worker owns."""
        if self.rekeying is None or self._consumer is None:
            return ()
        found = []
        for tp, end in sorted(self._owned.items()):
            totals = self.rekeying.totals.get((tp.topic, tp.partition)) or Totals()
            finished = self._consumer.finished(tp) or 0
            lag = max(0, max(end, self._consumer.highwater_seen(tp) or 0) - finished)
            found.append(RawInputStats(tp.topic, tp.partition, totals.records, totals.invalid, lag))
        return tuple(found)

    def _check(self, tp: TP, position: int, earliest: int, end: int) -> None:
        """Refuse to go on where records are gone that were never published again."""
        if earliest <= position <= end:
            return
        raise ClusterError(
            f"raw input {tp.topic}[{tp.partition}] holds the offsets {earliest} to {end}, but was"
            f" published again up to {position}: it lost records or was made anew. Restore it, or"
            f" go on with what is left: kafka-consumer-groups.sh --group {self._group}"
            f" --topic {tp.topic} --reset-offsets --to-earliest --execute"
        )


class RawInputs:
    """The running second app."""

    def __init__(self, app: App, delivery: RawDelivery, rekeying: Rekeying) -> None:
        self._app = app
        self._delivery = delivery
        self._rekeying = rekeying

    async def wait(self) -> None:
        """Wait until something breaks.

        Raises:
            ClusterError: Kafka is not as it is needed.
            Exception: whatever broke the app.
        """
        ended: asyncio.Future[Any] = asyncio.ensure_future(self._app.wait())
        broken: asyncio.Future[Any] = self._rekeying.broken
        try:
            await asyncio.wait({ended, broken}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ended.cancel()
        _raise_crash(self._app)
        if broken.done():
            broken.result()

    def stats(self) -> tuple[RawInputStats, ...]:
        """What became of the records of the partitions that this worker owns."""
        return self._delivery.stats()


@asynccontextmanager
async def raw_inputs(
    cluster: Cluster,
    topics: Collection[str],
    names: TopicNames,
    membership: Membership,
    partitions: int,
) -> AsyncIterator[RawInputs]:
    """Publish the events of raw inputs on the source topics, as long as the context lasts.

    Args:
        cluster: where the topics are.
        topics: the raw inputs.
        names: what the monitor's own topics are called.
        membership: of the worker; the raw inputs have a group named after its group.
        partitions: how many partitions each source topic has.

    Raises:
        ClusterError: the cluster cannot be reached.
    """
    group = rekeying_group(membership.group)
    delivery = RawDelivery(topics, group)
    app = make_app(cluster, replace(membership, group=group), delivery)
    producer = AIOKafkaProducer(
        **cluster.client_options(), acks="all", max_batch_size=2 * BATCH_BYTES
    )
    dead_letters = DeadLetters(app.producer, names.dead_letters)
    by_topic = {topic: name for name, topic in names.sources.items()}
    rekeying = Rekeying(by_topic, partitions, SourceWriter(producer), dead_letters)
    delivery.rekeying = rekeying
    _add_agent(app, rekeying, topics)
    try:
        await producer.start()
        await app.start()
        _raise_crash(app)
        yield RawInputs(app, delivery, rekeying)
    finally:
        await _stop(app)
        await producer.stop()


def _add_agent(app: App, rekeying: Rekeying, topics: Collection[str]) -> None:
    source = app.topic(*sorted(topics), key_serializer="raw", value_serializer="raw")

    async def read_raw_inputs(stream: Any) -> None:
        async for batch in stream:
            await rekeying.process(batch)

    app.agent(source, name="raw inputs", concurrency=1)(read_raw_inputs)


async def check_raw_inputs(cluster: Cluster, topics: Collection[str]) -> None:
    """Look whether the raw inputs exist; made by us they would be empty for ever.

    Raises:
        ClusterError: the cluster cannot be reached, or lacks one of them.
    """
    if not topics:
        return
    admin = AIOKafkaAdminClient(**cluster.client_options())
    try:
        async with asyncio.timeout(_TIMEOUT_SECONDS):
            await admin.start()
            known = set(await admin.list_topics())
    except (TimeoutError, KafkaError, OSError) as error:
        said = str(error) or type(error).__name__
        raise ClusterError(
            f"the raw inputs at {cluster.address} cannot be looked up: {said}"
        ) from error
    finally:
        await admin.close()
    missing = sorted(set(topics) - known)
    if missing:
        raise ClusterError(
            f"the cluster at {cluster.address} has no topic {', '.join(missing)}, which"
            " topics.raw_inputs names: create it, or take it out of the settings"
        )


async def _stop(app: App) -> None:
    try:
        async with asyncio.timeout(_STOP_SECONDS):
            await app.stop()
    except TimeoutError:
        logger.warning("the raw inputs did not stop within %g s and are cut off", _STOP_SECONDS)


def _raise_crash(app: App) -> None:
    if app.crash_reason is not None:
        raise app.crash_reason
