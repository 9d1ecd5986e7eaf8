"""Simulated shops for a Kafka cluster: their past at once, then each event when it happens.

What is on the topics decides how the simulation goes on: each record names it in a header, so
that a feed that is started again neither begins anew nor contradicts what was sent.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from monitor.cluster import Cluster
from monitor.core.events import TOPIC_OF, decode
from monitor.core.instants import DAY, SECOND, Instant, instant_of
from monitor.demo.wire import SimulationPlan, lines_of
from monitor.errors import ClusterError, InvalidEvent
from monitor.stream.clock import Clock
from monitor.stream.intake import partition_of
from monitor.stream.source_writer import BATCH_BYTES, Headers, Rekeyed, SourceWriter
from monitor.stream.topics import TopicNames

logger = logging.getLogger(__name__)

HEADER = "simulation"
"""Of each record: the simulation that it belongs to, as JSON."""

_AT_ONCE_MAX = 5000
# What may have been under way when a feed was killed: sent again, which changes nothing.
_OVERLAP = 7 * DAY
_RETRY_SECONDS = 2.0
_READ_MILLIS = 10_000
_EPOCH_DAY = date(1970, 1, 1).toordinal()


@dataclass(frozen=True, slots=True)
class FeedPlan:
    """What to feed, and whereto.

    ``simulation`` says which shops; its days are of no importance, except that without an end
    the feed has none either, and otherwise ends with the present.
    """

    cluster: Cluster
    names: TopicNames
    simulation: SimulationPlan
    history_days: int


class Simulated(msgspec.Struct, frozen=True):
    """The simulation that a record belongs to, as its header has it."""

    seed: int
    sellers: int
    orders_per_day: float
    start_day: date

    @classmethod
    def of(cls, plan: SimulationPlan) -> "Simulated":
        """What makes a plan's events what they are."""
        return cls(plan.seed, plan.sellers, plan.orders_per_day, plan.start_day)


async def feed(plan: FeedPlan, clock: Clock) -> int:
    """Feed until cancelled, or to the present; how many events were sent.

    Waits for topics that are not there yet: a worker makes them as they have to be.

    Raises:
        ClusterError: Kafka cannot be reached, or a topic holds what no such simulation sent.
    """
    topics = await _look(plan.cluster, plan.names)
    simulation = _continued(plan, topics, clock)
    async with _producing(plan.cluster) as producer:
        sender = _Sender(SourceWriter(producer), plan.names, topics.partitions, simulation)
        lines = _Lines(simulation, topics.last_at - _OVERLAP)
        count = 0
        while due := lines.until(clock.now()):
            await sender.send(due, clock.now())
            count += len(due)
        logger.info("the past of %d sellers is sent: %d events", simulation.sellers, count)
        while plan.simulation.days is None:
            await clock.next_point(clock.now())
            due = lines.until(clock.now())
            await sender.send(due, clock.now())
            count += len(due)
    return count


class _Lines:
    """The lines of a simulation without end, as their time comes.

    Args:
        simulation: its days are ignored.
        since: earlier ones are passed over.
    """

    def __init__(self, simulation: SimulationPlan, since: Instant) -> None:
        self._lines = lines_of(replace(simulation, days=None), lambda days: None)  # noqa: ARG005
        self._since = since
        self._next = next(self._lines)

    def until(self, now: Instant) -> list[bytes]:
        """What has happened by now and was not given before, at most `_AT_ONCE_MAX` lines."""
        due: list[bytes] = []
        while self._next[0] * SECOND <= now and len(due) < _AT_ONCE_MAX:
            at_seconds, line = self._next
            if at_seconds * SECOND >= self._since:
                due.append(line)
            self._next = next(self._lines)
        return due


class _Sender:
    """Publishes lines on the source topics, keyed by seller and placed as Kafka does."""

    def __init__(
        self, writer: SourceWriter, names: TopicNames, partitions: int, simulation: SimulationPlan
    ) -> None:
        self._writer = writer
        self._names = names
        self._partitions = partitions
        header = msgspec.json.encode(Simulated.of(simulation))
        self._headers: Headers = [(HEADER, header)]

    async def send(self, lines: Iterable[bytes], now: Instant) -> None:
        """Publish, and wait until all is acknowledged."""
        placed: defaultdict[tuple[str, int], list[Rekeyed]] = defaultdict(list)
        for line in lines:
            event = decode(line)
            topic = self._names.source(TOPIC_OF[str(event.__struct_config__.tag)])
            key = event.seller.encode()
            record = Rekeyed(key, line.strip(), now // 1000, self._headers, None)
            placed[topic, partition_of(key, self._partitions)].append(record)
        for (topic, partition), records in placed.items():
            await self._writer.write(topic, partition, records)


@dataclass(frozen=True, slots=True)
class _Topics:
    """What the source topics hold."""

    partitions: int
    simulated: Simulated | None
    """None: they are empty."""
    last_at: Instant
    """Of the latest event among the last of each partition; 0 where they are empty."""


def _continued(plan: FeedPlan, topics: _Topics, clock: Clock) -> SimulationPlan:
    """The simulation that the topics hold, or one that begins as long ago as was asked for."""
    today = clock.now() // DAY + _EPOCH_DAY
    asked = replace(plan.simulation, start_day=date.fromordinal(today - plan.history_days))
    if topics.simulated is None:
        return asked
    going_on = replace(asked, start_day=topics.simulated.start_day)
    if Simulated.of(going_on) != topics.simulated:
        raise ClusterError(
            f"the topics hold another simulation, {_said(topics.simulated)}: go on with that"
            " one, or feed topics of their own"
        )
    return going_on


def _said(simulated: Simulated) -> str:
    return (
        f"--seed {simulated.seed} --sellers {simulated.sellers}"
        f" --orders-per-day {simulated.orders_per_day:g}"
    )


async def _look(cluster: Cluster, names: TopicNames) -> _Topics:
    try:
        found = await _partitions(cluster, names)
        lasts = await _last_records(cluster, found)
    except (KafkaError, OSError) as error:
        raise ClusterError(f"{cluster.address} cannot be read: {error}") from error
    simulated = {_simulated(record) for record in lasts}
    if len(simulated) > 1:
        raise ClusterError("the topics hold more than one simulation: feed topics of their own")
    last_at = max((instant_of(decode(record.value).at) for record in lasts), default=0)
    return _Topics(len(found) // len(names.sources), next(iter(simulated), None), last_at)


async def _partitions(cluster: Cluster, names: TopicNames) -> list[TopicPartition]:
    """All partitions of the source topics, once all of these are there."""
    admin = AIOKafkaAdminClient(**cluster.client_options())
    told = False
    try:
        await admin.start()
        while missing := names.sources.keys() - await admin.list_topics():
            if not told:
                logger.info(
                    "waiting for a worker to make the topics %s", ", ".join(sorted(missing))
                )
                told = True
            await asyncio.sleep(_RETRY_SECONDS)
        described = await admin.describe_topics(list(names.sources))
    finally:
        await admin.close()
    return [
        TopicPartition(topic["topic"], number)
        for topic in described
        for number in range(len(topic["partitions"]))
    ]


async def _last_records(cluster: Cluster, partitions: list[TopicPartition]) -> list[Any]:
    """The last record of each partition that holds any."""
    consumer = AIOKafkaConsumer(**cluster.client_options())
    try:
        await consumer.start()
        consumer.assign(partitions)
        ends = await consumer.end_offsets(partitions)
        begins = await consumer.beginning_offsets(partitions)
        filled = {tp for tp in partitions if ends[tp] > begins[tp]}
        for tp in partitions:
            consumer.seek(tp, max(ends[tp] - 1, begins[tp]))
        found: dict[TopicPartition, Any] = {}
        while found.keys() != filled:
            got = await consumer.getmany(timeout_ms=_READ_MILLIS)
            if not got:
                raise ClusterError("the last records of the topics cannot be read")
            found |= {tp: records[-1] for tp, records in got.items()}
    finally:
        await consumer.stop()
    return list(found.values())


def _simulated(record: Any) -> Simulated:
    """The simulation of a record.

    Raises:
        ClusterError: it was not simulated: somebody's real events must not be mixed with ours.
    """
    try:
        decode(record.value)
        return msgspec.json.decode(dict(record.headers)[HEADER], type=Simulated)
    except (KeyError, InvalidEvent, msgspec.DecodeError) as error:
        raise ClusterError(
            f"topic {record.topic} holds events that were not simulated: feed topics of their own"
        ) from error


@asynccontextmanager
async def _producing(cluster: Cluster) -> AsyncIterator[AIOKafkaProducer]:
    producer = AIOKafkaProducer(
        **cluster.client_options(), acks="all", max_batch_size=2 * BATCH_BYTES
    )
    try:
        await producer.start()
        yield producer
    except KafkaError as error:
        raise ClusterError(f"{cluster.address} cannot be written to: {error}") from error
    finally:
        await producer.stop()
