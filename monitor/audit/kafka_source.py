"""Records of the source topics or raw inputs of a cluster, up to a given end."""

import asyncio
from collections.abc import Collection, Coroutine, Iterator, Mapping, Sequence
from math import gcd
from typing import Any, TypeVar

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from monitor.audit.paths import numbers_of
from monitor.audit.placing import check_placed
from monitor.audit.spans import (
    Found,
    Kept,
    Offsets,
    Since,
    Span,
    Until,
    Where,
    given_ends,
    parse_since,
    parse_until,
    scope_of,
    spans_of,
)
from monitor.cluster import Cluster
from monitor.core.events import SOURCE_TOPICS, Event, SourceTopic, check_instant
from monitor.core.instants import Instant
from monitor.errors import UnreadableSource

__all__ = ["KafkaSource", "Records", "Since", "Until", "parse_since", "parse_until"]

_MILLISECOND = 1000
_CONNECT_SECONDS = 10.0
_STALLED_SECONDS = 60.0

Result = TypeVar("Result")


class KafkaSource:
    """The records of topics, read without joining any consumer group.

    Args:
        cluster: where they are.
        names: what the source topics that are read are called on the cluster; all four by
            their own names by default.
        until: where to stop.
        raw_inputs: topics read besides, whose records have any key.
        earlier_partitions: how many partitions the source topics once had, each number.
        since: where to begin.
    """

    unit = "records"

    def __init__(
        self,
        cluster: Cluster,
        names: Mapping[SourceTopic, str] | None = None,
        until: Until | None = None,
        raw_inputs: Collection[str] = (),
        earlier_partitions: Collection[int] = (),
        since: Since | None = None,
    ) -> None:
        self._cluster = cluster
        self._earlier_partitions = tuple(earlier_partitions)
        self._names = {topic: topic for topic in SOURCE_TOPICS} if names is None else names
        self._raw_inputs = frozenset(raw_inputs)
        self._until = until or Until()
        self._since = since or Since()
        self._found: Found | None = None
        self._key: bytes | None = None

    @property
    def scope(self) -> dict[str, str]:
        """What it is of, for people: topics and range."""
        names = [*self._names.values(), *sorted(self._raw_inputs)]
        return scope_of(names, self._earlier_partitions, self._since, self._until)

    @property
    def total(self) -> int:
        """Offsets to read; asks the cluster.

        Raises:
            UnreadableSource: as ``find``.
        """
        return self.find().weight

    def find(self) -> Found:
        """What there is to read; asks the cluster once, so that the end stays where it was.

        Raises:
            UnreadableSource: the cluster does not answer, lacks a topic, has unequal partition
                counts, ends before an offset that was asked for, or has lost a part of the
                range to retention.
        """
        if self._found is None:
            with asyncio.Runner() as runner:
                reading = _Reading(self._cluster, self._names, self._raw_inputs)
                try:
                    partitions, spans = self._run(runner, reading.find(self._since, self._until))
                finally:
                    runner.run(reading.close())
            # Records of a raw input have any key.
            apart = 1 if self._raw_inputs else gcd(partitions, *self._earlier_partitions)
            self._found = Found(partitions, apart, spans)
        return self._found

    def limited_to(self, found: Found) -> "KafkaSource":
        """A source of what was found, or of a part of it; it can be sent to another process."""
        return self._limited(found, self._key)

    def of_seller(self, seller: str) -> "KafkaSource":
        """Of the seller's partitions what lies under its key; of raw inputs all.

        Raises:
            UnreadableSource: as ``find``.
        """
        key, found, raw = seller.encode(), self.find(), self._raw_inputs
        own = numbers_of(key, (found.partitions or 1, *self._earlier_partitions))
        return self._limited(found.only(lambda where: where[0] in raw or where[1] in own), key)

    def chunks(self) -> Iterator["Records"]:
        """All records of the range, each once.

        Raises:
            UnreadableSource: as ``find``; or the cluster stops answering.
        """
        found = self.find()
        with asyncio.Runner() as runner:
            reading = _Reading(self._cluster, self._names, self._raw_inputs, self._key)
            try:
                self._run(runner, reading.begin(found))
                while (chunk := self._run(runner, reading.next())) is not None:
                    chunk.earlier_partitions = self._earlier_partitions
                    yield chunk
            finally:
                runner.run(reading.close())

    def _limited(self, found: Found, key: bytes | None) -> "KafkaSource":
        some = KafkaSource(
            self._cluster,
            self._names,
            raw_inputs=self._raw_inputs,
            earlier_partitions=self._earlier_partitions,
        )
        some._found, some._key = found, key
        return some

    def _run(self, runner: asyncio.Runner, coroutine: Coroutine[Any, Any, Result]) -> Result:
        try:
            return runner.run(coroutine)
        except (KafkaError, OSError, TimeoutError) as error:
            raise UnreadableSource(
                f"the topics at {self._cluster.address} cannot be read:"
                f" {str(error) or type(error).__name__}"
            ) from error


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
        counts = (self._partitions, *self.earlier_partitions)
        at = record.timestamp * _MILLISECOND
        check_placed(event, record.key, at, record.partition, counts)


class _Reading:
    """One pass over the topics; all methods run on the same event loop."""

    def __init__(
        self,
        cluster: Cluster,
        names: Mapping[SourceTopic, str],
        raw_inputs: frozenset[str],
        key: bytes | None = None,
    ) -> None:
        self._cluster = cluster
        self._key = key
        self._names: dict[str, str] = {name: name for name in raw_inputs} | dict(names)
        self._raw_inputs = raw_inputs
        self._partitions = 0
        self._ends: dict[TopicPartition, int] = {}
        self._positions: dict[TopicPartition, int] = {}
        self._consumer: AIOKafkaConsumer | None = None

    async def find(self, since: Since, until: Until) -> tuple[int, dict[Where, Span]]:
        """Connect and find out what to read, and how many partitions the topics have."""
        self._check_names("a begin", since.offsets)
        self._check_names("an end", until.offsets)
        async with asyncio.timeout(_CONNECT_SECONDS):
            partitions = await self._find_partitions()
            consumer = await self._connect()
            kept = await self._find_kept(consumer, partitions, since)
            ends = await self._find_ends(consumer, until, kept)
        return self._partitions, spans_of(since, ends, kept)

    async def begin(self, found: Found) -> None:
        """Connect and go to where reading begins."""
        self._partitions = found.partitions
        for where, span in found.spans.items():
            self._ends[self._place(where)] = span.end
            self._positions[self._place(where)] = span.begin
        async with asyncio.timeout(_CONNECT_SECONDS):
            consumer = await self._connect()
        consumer.assign(list(self._ends))
        for tp, start in self._positions.items():
            consumer.seek(tp, start)

    async def _connect(self) -> AIOKafkaConsumer:
        self._consumer = consumer = AIOKafkaConsumer(
            **self._cluster.client_options(),
            enable_auto_commit=False,
            # Never skip silently over what is gone: it has to be said.
            auto_offset_reset="none",
            # As the live worker: what a producer took back never happened.
            isolation_level="read_committed",
        )
        await consumer.start()
        return consumer

    def _place(self, where: Where) -> TopicPartition:
        topic, number = where
        return TopicPartition(self._names[topic], number)

    async def next(self) -> Records | None:
        """The next records of some partition; None at the end."""
        stalled_seconds = 0.0
        while self._ends and self._consumer is not None:
            tp = next(iter(self._ends))
            fetched = await self._consumer.getmany(tp, timeout_ms=1000)
            position = await self._consumer.position(tp)
            end = self._ends[tp]
            is_raw = tp.topic in self._raw_inputs
            key = None if is_raw else self._key
            records = [
                record
                for record in fetched.get(tp, ())
                if record.offset < end and (key is None or record.key == key)
            ]
            weight = min(position, end) - self._positions[tp]
            self._positions[tp] = position
            if position >= end:
                del self._ends[tp]
                self._consumer.pause(tp)
            if records or weight:
                return Records(records, None if is_raw else self._partitions, weight)
            stalled_seconds += 1.0
            if stalled_seconds >= _STALLED_SECONDS:
                raise TimeoutError(f"no answer for {_STALLED_SECONDS:g} s")
        return None

    async def close(self) -> None:
        if self._consumer is not None:
            await self._consumer.stop()

    async def _find_partitions(self) -> list[Where]:
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
        contract = {name: topic for topic, name in self._names.items()}
        return [(contract[name], number) for name in counts for number in range(counts[name])]

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

    async def _find_kept(
        self, consumer: AIOKafkaConsumer, partitions: Sequence[Where], since: Since
    ) -> dict[Where, Kept]:
        places = {where: self._place(where) for where in partitions}
        begins = await consumer.beginning_offsets(list(places.values()))
        ends = await consumer.end_offsets(list(places.values()))
        if since.recorded_at is None:
            return {where: Kept(begins[tp], ends[tp]) for where, tp in places.items()}
        found = await _offsets_at(consumer, places.values(), since.recorded_at)
        return {
            where: Kept(begins[tp], ends[tp], found.get(tp, ends[tp]))
            for where, tp in places.items()
        }

    async def _find_ends(
        self, consumer: AIOKafkaConsumer, until: Until, kept: Mapping[Where, Kept]
    ) -> Offsets:
        if until.offsets is not None:
            return given_ends(until.offsets, kept, self._names)
        ends = {where: holds.end for where, holds in kept.items()}
        if until.recorded_at is not None:
            places = {where: self._place(where) for where in kept}
            found = await _offsets_at(consumer, places.values(), until.recorded_at)
            ends = {where: min(end, found.get(places[where], end)) for where, end in ends.items()}
        return ends

    def _check_names(self, side: str, given: Offsets | None) -> None:
        unread = sorted({topic for topic, _ in given or () if topic not in self._names})
        if unread:
            raise UnreadableSource(f"{side} is given for {', '.join(unread)}, which is not read")


async def _offsets_at(
    consumer: AIOKafkaConsumer, places: Collection[TopicPartition], at: Instant
) -> dict[TopicPartition, int]:
    """Where the first record of an instant or a later one lies; nothing where there is none."""
    millis = -(-at // _MILLISECOND)
    found = await consumer.offsets_for_times(dict.fromkeys(places, millis))
    return {tp: later.offset for tp, later in found.items() if later is not None}
