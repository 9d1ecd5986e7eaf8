"""A topic of a cluster, read without joining any consumer group."""

import asyncio
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Any, Self, TypeVar

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from monitor.audit.logs import LogRecord
from monitor.cluster import Cluster
from monitor.errors import UnreadableSource

_CONNECT_SECONDS = 10.0
_FETCH_MILLIS = 1000
_FETCH_WAIT_MILLIS = 20
_STALLED_SECONDS = 60.0
_MILLISECOND = 1000

Result = TypeVar("Result")


class KafkaLog:
    """One topic; a context manager, within which it can be read, one partition at a time.

    Args:
        cluster: where it is.
        topic: its name there.
    """

    def __init__(self, cluster: Cluster, topic: str) -> None:
        self.topic = topic
        self._cluster = cluster
        self._runner = asyncio.Runner()
        self._open = AsyncExitStack()
        self._consumer: AIOKafkaConsumer | None = None
        self._partitions = 0
        self._known_bounds: dict[int, tuple[int, int]] | None = None

    def __enter__(self) -> Self:
        """Connect.

        Raises:
            UnreadableSource: the cluster does not answer, or has no such topic.
        """
        try:
            self._run(self._connect())
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._close()

    def bounds(self) -> dict[int, tuple[int, int]]:
        """Of each partition the first offset that is kept and the end, as of the first question.

        Raises:
            UnreadableSource: the cluster does not answer.
        """
        if self._known_bounds is None:
            self._known_bounds = self._run(self._bounds())
        return self._known_bounds

    def read(
        self, partition: int, begin: int, end: int, key: bytes | None = None
    ) -> Iterator[Sequence[LogRecord]]:
        """The records of a partition from ``begin`` up to ``end``, in their order, in runs.

        With a ``key`` only those under it.

        Raises:
            UnreadableSource: the cluster stops answering, or no longer has what is asked for.
        """
        tp, stalled_seconds = TopicPartition(self.topic, partition), 0.0
        position = begin
        self._run(self._seek(tp, begin))
        while position < end:
            records, reached = self._run(self._fetch(tp, end))
            yield [
                _log_record(record)
                for record in records
                if record.offset < end and (key is None or record.key == key)
            ]
            stalled_seconds = 0.0 if reached > position else stalled_seconds + _FETCH_MILLIS / 1000
            position = reached
            if stalled_seconds >= _STALLED_SECONDS:
                raise UnreadableSource(
                    f"{self.topic}[{partition}] cannot be read beyond offset {position}:"
                    f" nothing came for {_STALLED_SECONDS:g} s"
                )

    async def _connect(self) -> None:
        async with asyncio.timeout(_CONNECT_SECONDS):
            self._partitions = await self._count_partitions()
            # Never skip silently over what is gone; never read what a producer took back.
            consumer = AIOKafkaConsumer(
                **self._cluster.client_options(),
                enable_auto_commit=False,
                auto_offset_reset="none",
                isolation_level="read_committed",
                # The broker holds back the next request until one beyond the end is answered.
                fetch_max_wait_ms=_FETCH_WAIT_MILLIS,
                retry_backoff_ms=_FETCH_WAIT_MILLIS,
            )
            self._open.push_async_callback(consumer.stop)
            await consumer.start()
            self._consumer = consumer

    async def _count_partitions(self) -> int:
        admin = AIOKafkaAdminClient(**self._cluster.client_options())
        try:
            await admin.start()
            # Asking for a topic that does not exist may create it.
            if self.topic not in await admin.list_topics():
                raise UnreadableSource(
                    f"the cluster at {self._cluster.address} has no topic {self.topic}"
                )
            (described,) = await admin.describe_topics([self.topic])
            return len(described["partitions"])
        finally:
            await admin.close()

    async def _bounds(self) -> dict[int, tuple[int, int]]:
        consumer = self._connected()
        every = [TopicPartition(self.topic, number) for number in range(self._partitions)]
        async with asyncio.timeout(_CONNECT_SECONDS):
            begins = await consumer.beginning_offsets(every)
            ends = await consumer.end_offsets(every)
        return {tp.partition: (begins[tp], ends[tp]) for tp in every}

    async def _seek(self, tp: TopicPartition, offset: int) -> None:
        consumer = self._connected()
        consumer.assign([tp])
        consumer.seek(tp, offset)

    async def _fetch(self, tp: TopicPartition, end: int) -> tuple[Sequence[ConsumerRecord], int]:
        consumer = self._connected()
        fetched = await consumer.getmany(tp, timeout_ms=_FETCH_MILLIS)
        position = await consumer.position(tp)
        if position >= end:
            consumer.pause(tp)
        return fetched.get(tp, ()), position

    def _connected(self) -> AIOKafkaConsumer:
        if self._consumer is None:
            raise RuntimeError("the log is read outside of its context")
        return self._consumer

    def _run(self, coroutine: Coroutine[Any, Any, Result]) -> Result:
        try:
            return self._runner.run(coroutine)
        except (KafkaError, OSError, TimeoutError) as error:
            raise UnreadableSource(
                f"topic {self.topic} at {self._cluster.address} cannot be read:"
                f" {str(error) or type(error).__name__}"
            ) from error

    def _close(self) -> None:
        try:
            self._runner.run(self._open.aclose())
        finally:
            self._runner.close()


def _log_record(record: ConsumerRecord) -> LogRecord:
    at = record.timestamp * _MILLISECOND
    return LogRecord(record.offset, record.key, record.value, tuple(record.headers), at)
