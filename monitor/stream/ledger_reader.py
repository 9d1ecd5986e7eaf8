"""Reads a partition of a compacted topic from one offset to another."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from monitor.cluster import Cluster
from monitor.errors import ClusterError

_FETCH_BYTES_MAX = 16 << 20
_FETCH_MILLIS_MAX = 1000
# Some milliseconds of the event loop.
_RECORDS_AT_ONCE = 4000
_STALLED_SECONDS = 30.0


@asynccontextmanager
async def ledger_reader(cluster: Cluster, topic: str) -> AsyncIterator["LedgerReader"]:
    """A connected reader of the ledger topic, or of another that is compacted.

    Raises:
        ClusterError: the cluster cannot be reached.
    """
    consumer = AIOKafkaConsumer(
        **cluster.client_options(),
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=_FETCH_BYTES_MAX,
        fetch_max_bytes=2 * _FETCH_BYTES_MAX,
        max_poll_records=_RECORDS_AT_ONCE,
    )
    try:
        await consumer.start()
        yield LedgerReader(consumer, topic)
    except KafkaError as error:
        raise ClusterError(f"topic {topic} cannot be read: {error}") from error
    finally:
        await consumer.stop()


class LedgerReader:
    """Reads one partition at a time, outside of any consumer group."""

    def __init__(self, consumer: AIOKafkaConsumer, topic: str) -> None:
        self._consumer = consumer
        self._topic = topic
        self._turn = asyncio.Lock()

    async def bounds(self, number: int) -> tuple[int, int]:
        """First offset and end offset of a partition."""
        tp = TopicPartition(self._topic, number)
        begins = await self._consumer.beginning_offsets([tp])
        ends = await self._consumer.end_offsets([tp])
        return begins[tp], ends[tp]

    async def read(
        self, number: int, start: int, end: int
    ) -> AsyncIterator[tuple[Sequence[Any], int]]:
        """Runs of records from ``start`` to ``end``, each with the offset it leads to.

        Raises:
            ClusterError: the broker stops answering.
        """
        if start >= end:
            return
        tp = TopicPartition(self._topic, number)
        async with self._turn:
            self._consumer.assign([tp])
            self._consumer.seek(tp, start)
            position, idle_seconds = start, 0.0
            while position < end:
                fetched = await self._fetch(tp)
                position = await self._consumer.position(tp)
                if position >= end:
                    # Else it asks at once for more, which the broker holds back until there is
                    # any, and with it whatever is asked next.
                    self._consumer.pause(tp)
                records = fetched.get(tp, ())
                if position > end:
                    records = [record for record in records if record.offset < end]
                idle_seconds = 0.0 if fetched else idle_seconds + _FETCH_MILLIS_MAX / 1000
                if idle_seconds > _STALLED_SECONDS:
                    raise ClusterError(
                        f"{self._topic}[{number}] cannot be read beyond offset {position}:"
                        f" nothing came for {_STALLED_SECONDS:g} s"
                    )
                yield records, min(position, end)

    async def _fetch(self, tp: TopicPartition) -> dict[TopicPartition, Sequence[Any]]:
        try:
            fetched: dict[TopicPartition, Sequence[Any]] = await self._consumer.getmany(
                tp, timeout_ms=_FETCH_MILLIS_MAX
            )
        except KafkaError as error:
            raise ClusterError(f"topic {self._topic} cannot be read: {error}") from error
        return fetched
