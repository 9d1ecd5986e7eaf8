"""Publishes records on the source topics in batches, each acknowledged by all replicas."""

import asyncio
import logging
from collections.abc import Awaitable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from aiokafka.errors import (
    InvalidTimestampError,
    KafkaError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
)

from monitor.errors import ClusterError, InvalidEvent, InvalidReason

logger = logging.getLogger(__name__)

BATCH_BYTES = 1 << 19
# Lengths, offsets and headers, of which the name of a topic has 249 bytes at most.
_FRAME_BYTES = 350
_BACKOFF_SECONDS_MIN = 0.5
_BACKOFF_SECONDS_MAX = 30.0
_REFUSED = {
    MessageSizeTooLargeError: InvalidReason.TOO_LARGE,
    RecordListTooLargeError: InvalidReason.TOO_LARGE,
    InvalidTimestampError: InvalidReason.FUTURE,
}
"""What the broker says of a batch that holds a record which its topic never takes."""

Headers = list[tuple[str, bytes]]


@dataclass(slots=True)
class Rekeyed:
    """A record as it is published: its key is the seller."""

    key: bytes
    value: bytes
    timestamp_millis: int
    headers: Headers
    origin: Any
    """The record that it came from."""


Refusal = tuple[Rekeyed, InvalidEvent]


class BatchProducer(Protocol):
    """What is needed of aiokafka's producer."""

    def create_batch(self) -> Any:
        """An empty batch."""

    async def send_batch(self, batch: Any, topic: str, *, partition: int) -> Awaitable[Any]:
        """Hand a batch over; the result is awaited for the broker's acknowledgement."""


class SourceWriter:
    """Writes to partitions of topics; asks again where the broker does not answer.

    After a failure some records may be there twice.

    Args:
        producer: sends batches of ``BATCH_BYTES``, acknowledged by all replicas.
    """

    def __init__(self, producer: BatchProducer) -> None:
        self._producer = producer

    async def write(self, topic: str, partition: int, records: Sequence[Rekeyed]) -> list[Refusal]:
        """Publish records; those that the topic never takes, and why.

        Raises:
            ClusterError: the topic cannot be written.
        """
        refused: list[Refusal] = []
        for run in _runs(records):
            refused += await self._publish(topic, partition, run)
        return refused

    async def _publish(
        self, topic: str, partition: int, records: Sequence[Rekeyed]
    ) -> list[Refusal]:
        backoff_seconds = _BACKOFF_SECONDS_MIN
        while True:
            try:
                await (
                    await self._producer.send_batch(
                        self._batch(records), topic, partition=partition
                    )
                )
            except tuple(_REFUSED) as error:
                return await self._find_refused(topic, partition, records, error)
            except (KafkaError, OSError) as error:
                if not _may_pass(error):
                    raise ClusterError(f"topic {topic} cannot be written: {error}") from error
                logger.warning("topic %s[%d] not written: %s", topic, partition, error)
                await asyncio.sleep(backoff_seconds)
                backoff_seconds = min(2 * backoff_seconds, _BACKOFF_SECONDS_MAX)
            else:
                return []

    async def _find_refused(
        self, topic: str, partition: int, records: Sequence[Rekeyed], error: KafkaError
    ) -> list[Refusal]:
        """The broker refuses batches as a whole: halve until the culprits are alone."""
        if len(records) == 1:
            why = InvalidEvent(_REFUSED[type(error)], f"topic {topic} does not take it: {error}")
            return [(records[0], why)]
        middle = len(records) // 2
        return [
            *await self._publish(topic, partition, records[:middle]),
            *await self._publish(topic, partition, records[middle:]),
        ]

    def _batch(self, records: Sequence[Rekeyed]) -> Any:
        batch = self._producer.create_batch()
        append = batch.append
        for record in records:
            taken = append(
                key=record.key,
                value=record.value,
                timestamp=record.timestamp_millis,
                headers=record.headers,
            )
            if taken is None:
                raise AssertionError("the records of a run fit into one batch")
        batch.close()
        return batch


def _runs(records: Sequence[Rekeyed]) -> Iterator[Sequence[Rekeyed]]:
    """The records in runs that fit into a batch; one that is larger is alone."""
    first, size = 0, 0
    for index, record in enumerate(records):
        own = len(record.key) + len(record.value) + _FRAME_BYTES
        if size + own > BATCH_BYTES and index > first:
            yield records[first:index]
            first, size = index, 0
        size += own
    if first < len(records):
        yield records[first:]


def _may_pass(error: KafkaError | OSError) -> bool:
    """Whether to ask again helps."""
    if isinstance(error, KafkaError):
        return bool(error.retriable) or isinstance(error, KafkaTimeoutError)
    return True
