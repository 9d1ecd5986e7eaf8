"""Records of the source topics or raw inputs of a cluster, up to a given end."""

import asyncio
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from aiokafka.partitioner import murmur2

from monitor.cluster import Cluster
from monitor.core.events import SOURCE_TOPICS, Event, SourceTopic, check_instant, check_recorded
from monitor.core.instants import Instant, parse_instant
from monitor.errors import InvalidEvent, InvalidInstant, InvalidReason, UnreadableSource
from monitor.printable import printable

_MILLISECOND = 1000
_CONNECT_SECONDS = 10.0
_STALLED_SECONDS = 60.0

Offsets = Mapping[tuple[str, int], int]
"""By source topic, or the name of a raw input, and partition."""


@dataclass(frozen=True, slots=True)
class Until:
    """Where to stop reading: without anything, at the end offsets seen at the start."""

    recorded_at: Instant | None = None
    """Only what lies before the first record with this Kafka timestamp or a later one."""
    offsets: Offsets | None = None
    """Per topic and partition the first offset not to read; a partition without one is not
    read at all."""


class KafkaSource:
    """The records of topics, read without joining any consumer group.

    Args:
        cluster: where they are.
        names: what the source topics that are read are called on the cluster; all four by
            their own names by default.
        until: where to stop.
        raw_inputs: topics read besides, whose records have any key.
        earlier_partitions: how many partitions the source topics once had, each number.
    """

    unit = "records"

    def __init__(
        self,
        cluster: Cluster,
        names: Mapping[SourceTopic, str] | None = None,
        until: Until | None = None,
        raw_inputs: Collection[str] = (),
        earlier_partitions: Collection[int] = (),
    ) -> None:
        self._cluster = cluster
        self._earlier = tuple(earlier_partitions)
        self._names = {topic: topic for topic in SOURCE_TOPICS} if names is None else names
        self._raw_inputs = frozenset(raw_inputs)
        self._until = until or Until()
        self._total = 0

    @property
    def total(self) -> int:
        """Offsets between beginning and end; 0 until ``chunks`` has asked the cluster."""
        return self._total

    def chunks(self) -> Iterator["Records"]:
        """All records before the end, each once.

        Raises:
            UnreadableSource: the cluster does not answer, lacks a topic, has unequal
                partition counts, ends before an offset that was asked for, or stops answering.
        """
        with asyncio.Runner() as runner:
            reading = _Reading(self._cluster, self._names, self._raw_inputs, self._until)
            try:
                self._total = runner.run(reading.begin())
                while (chunk := runner.run(reading.next())) is not None:
                    chunk.earlier_partitions = self._earlier
                    yield chunk
            except (KafkaError, OSError, TimeoutError) as error:
                raise UnreadableSource(
                    f"the topics at {self._cluster.address} cannot be read:"
                    f" {str(error) or type(error).__name__}"
                ) from error
            finally:
                runner.run(reading.close())


class Records:
    """Records of one partition that were fetched together."""

    __slots__ = ("_partitions", "_records", "earlier_partitions", "values", "weight")

    def __init__(self, records: Sequence[Any], partitions: int | None, weight: int) -> None:
        self._records = records
        self._partitions = partitions
        self.earlier_partitions: tuple[int, ...] = ()
        self.values = [record.value or b"" for record in records]
        self.weight = weight

    def origin(self, index: int) -> str:
        """``topic[partition]@offset``."""
        record = self._records[index]
        return f"{record.topic}[{record.partition}]@{record.offset}"

    def check(self, index: int, event: Event) -> None:
        """Check key, timestamp and partition, as the live worker does.

        Of a record of a raw input only the timestamp.

        Raises:
            InvalidEvent: one of them does not fit the event.
        """
        record = self._records[index]
        if self._partitions is None:
            check_instant(event, record.timestamp * _MILLISECOND)
            return
        check_recorded(event, record.key, record.timestamp * _MILLISECOND)
        digest = _digest(record.key)
        due = digest % self._partitions
        if record.partition not in (due, *(digest % count for count in self.earlier_partitions)):
            raise InvalidEvent(
                InvalidReason.WRONG_PARTITION, f"key {record.key!r} belongs into partition {due}"
            )


@lru_cache(maxsize=100_000)
def _digest(key: bytes) -> int:
    """What Kafka's default partitioner divides; a seller's key comes again and again."""
    return int(murmur2(key)) & 0x7FFFFFFF


class _Reading:
    """One pass over the topics; all methods run on the same event loop."""

    def __init__(
        self,
        cluster: Cluster,
        names: Mapping[SourceTopic, str],
        raw_inputs: frozenset[str],
        until: Until,
    ) -> None:
        self._cluster = cluster
        self._names: dict[str, str] = {name: name for name in raw_inputs} | dict(names)
        self._raw_inputs = raw_inputs
        self._until = until
        self._partitions = 0
        self._ends: dict[TopicPartition, int] = {}
        self._positions: dict[TopicPartition, int] = {}
        self._consumer: AIOKafkaConsumer | None = None

    async def begin(self) -> int:
        """Connect and find out what to read; how many offsets that is."""
        async with asyncio.timeout(_CONNECT_SECONDS):
            partitions = await self._find_partitions()
            self._consumer = consumer = AIOKafkaConsumer(
                **self._cluster.client_options(),
                enable_auto_commit=False,
                # Never skip silently over what is gone: it has to be said.
                auto_offset_reset="none",
                # As the live worker: what a producer took back never happened.
                isolation_level="read_committed",
            )
            await consumer.start()
            starts = await consumer.beginning_offsets(partitions)
            ends = await self._find_ends(consumer, partitions)
        self._ends = {tp: end for tp, end in ends.items() if end > starts.get(tp, end)}
        self._positions = {tp: starts[tp] for tp in self._ends}
        consumer.assign(list(self._ends))
        for tp, start in self._positions.items():
            consumer.seek(tp, start)
        return sum(end - self._positions[tp] for tp, end in self._ends.items())

    async def next(self) -> Records | None:
        """The next records of some partition; None at the end."""
        stalled_seconds = 0.0
        while self._ends and self._consumer is not None:
            tp = next(iter(self._ends))
            fetched = await self._consumer.getmany(tp, timeout_ms=1000)
            position = await self._consumer.position(tp)
            end = self._ends[tp]
            records = [record for record in fetched.get(tp, ()) if record.offset < end]
            weight = min(position, end) - self._positions[tp]
            self._positions[tp] = position
            if position >= end:
                del self._ends[tp]
                self._consumer.pause(tp)
            if records or weight:
                partitions = None if tp.topic in self._raw_inputs else self._partitions
                return Records(records, partitions, weight)
            stalled_seconds += 1.0
            if stalled_seconds >= _STALLED_SECONDS:
                raise TimeoutError(f"no answer for {_STALLED_SECONDS:g} s")
        return None

    async def close(self) -> None:
        if self._consumer is not None:
            await self._consumer.stop()

    async def _find_partitions(self) -> list[TopicPartition]:
        counts = await self._count_partitions()
        missing = [name for name in self._names.values() if name not in counts]
        if missing:
            raise UnreadableSource(
                f"the cluster at {self._cluster.address} has no topic {', '.join(missing)}"
            )
        sources = {name: n for name, n in counts.items() if name not in self._raw_inputs}
        if len(set(sources.values())) > 1:
            listed = ", ".join(f"{name} has {count}" for name, count in sources.items())
            raise UnreadableSource(f"the topics must have equal partition counts, but {listed}")
        self._partitions = next(iter(sources.values()), 0)
        return [TopicPartition(name, number) for name in counts for number in range(counts[name])]

    async def _count_partitions(self) -> dict[str, int]:
        admin = AIOKafkaAdminClient(**self._cluster.client_options())
        try:
            await admin.start()
            # Asking for a topic that does not exist may create it.
            known = set(await admin.list_topics())
            present = [name for name in self._names.values() if name in known]
            described = await admin.describe_topics(present) if present else []
        finally:
            await admin.close()
        return {topic["topic"]: len(topic["partitions"]) for topic in described}

    async def _find_ends(
        self, consumer: AIOKafkaConsumer, partitions: list[TopicPartition]
    ) -> dict[TopicPartition, int]:
        ends: dict[TopicPartition, int] = await consumer.end_offsets(partitions)
        if self._until.recorded_at is not None:
            millis = -(-self._until.recorded_at // _MILLISECOND)
            found = await consumer.offsets_for_times(dict.fromkeys(partitions, millis))
            for tp, later in found.items():
                if later is not None:
                    ends[tp] = min(ends[tp], later.offset)
        if self._until.offsets is not None:
            return self._given_ends(ends, self._until.offsets)
        return ends

    def _given_ends(
        self, ends: Mapping[TopicPartition, int], given: Offsets
    ) -> dict[TopicPartition, int]:
        unread = sorted({topic for topic, _ in given if topic not in self._names})
        if unread:
            raise UnreadableSource(f"an end is given for {', '.join(unread)}, which is not read")
        asked = {TopicPartition(self._names[topic], n): end for (topic, n), end in given.items()}
        for tp, end in asked.items():
            if end > ends.get(tp, 0):
                raise UnreadableSource(
                    f"{tp.topic}[{tp.partition}] ends at {ends.get(tp, 0)}, before {end}"
                )
        return asked


def parse_until(text: str, raw_inputs: Collection[str] = ()) -> Until:
    """What ``--to`` says.

    An instant; offsets such as ``orders:0=42,claims:3=7``, also of raw inputs; or the ``cut``
    of an alert record as it is written there, ``{"orders":[0,42],"claims":[0,7]}``.

    Raises:
        UnreadableSource: it is none of these.
    """
    try:
        if text.startswith("{"):
            cut = msgspec.json.decode(text, type=dict[SourceTopic, tuple[int, int]])
            return Until(offsets={(topic, at[0]): at[1] for topic, at in cut.items()})
        if "=" in text:
            offsets = (_parse_offset(part, raw_inputs) for part in text.split(","))
            return Until(offsets=dict(offsets))
        return Until(recorded_at=parse_instant(text))
    except (InvalidInstant, ValueError, msgspec.MsgspecError) as error:
        raise UnreadableSource(
            f"cannot read up to {printable(text)}: it is neither an instant such as"
            " 2026-11-20T12:00:00Z nor offsets such as orders:0=42,claims:0=7"
        ) from error


def _parse_offset(text: str, raw_inputs: Collection[str]) -> tuple[tuple[str, int], int]:
    where, _, offset = text.partition("=")
    name, _, number = where.partition(":")
    topic = name.strip()
    if topic not in raw_inputs:
        topic = msgspec.convert(topic, SourceTopic)
    return (topic, int(number)), int(offset)
