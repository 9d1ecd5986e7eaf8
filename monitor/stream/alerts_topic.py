"""The ``alerts`` topic: records in order, each acknowledged before it is shown to anyone."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

from aiokafka.errors import KafkaError
from faust.exceptions import ProducerSendError

from monitor.core.alert_records import AlertRecord, decode_record
from monitor.stream.deadletters import Producer
from monitor.stream.receivers import Receivers

logger = logging.getLogger(__name__)

_WAITING_MAX = 10_000
_AT_ONCE = 500
_BACKOFF_SECONDS_MIN = 1.0
_BACKOFF_SECONDS_MAX = 30.0


class AlertsTopic:
    """Publishes alert records, then hands them to the console and the receivers.

    Where the broker refuses, it is asked again and again; no record is skipped, though after
    a failure some may be there twice.

    Args:
        producer: partitions by key as Kafka's default partitioner does.
        topic: its name.
        on_record: called with each published record, on the event loop.
        receivers: get each published record in their own time.
    """

    def __init__(
        self,
        producer: Producer,
        topic: str,
        on_record: Callable[[AlertRecord], None],
        receivers: Receivers,
    ) -> None:
        self._producer = producer
        self._topic = topic
        self._on_record = on_record
        self._receivers = receivers
        self._waiting: asyncio.Queue[bytes] = asyncio.Queue(_WAITING_MAX)

    async def put(self, records: Iterable[bytes]) -> None:
        """Take records, as they are to be written; waits where very many are under way."""
        for value in records:
            await self._waiting.put(value)

    async def published(self) -> None:
        """Wait until all records taken so far are published."""
        await self._waiting.join()

    async def run(self) -> None:
        """Publish until cancelled."""
        while True:
            values = [await self._waiting.get()]
            while not self._waiting.empty() and len(values) < _AT_ONCE:
                values.append(self._waiting.get_nowait())
            records = [decode_record(value) for value in values]
            await self._publish(records, values)
            for record in records:
                self._on_record(record)
                self._receivers.put(record)
                self._waiting.task_done()

    async def _publish(self, records: Sequence[AlertRecord], values: Sequence[bytes]) -> None:
        """Send all; where one fails, it and those after it again."""
        backoff_seconds = _BACKOFF_SECONDS_MIN
        left = list(zip(records, values, strict=True))
        while left:
            sent = await self._send(left)
            if sent == len(left):
                return
            left = left[sent:]
            await asyncio.sleep(backoff_seconds)
            backoff_seconds = min(2 * backoff_seconds, _BACKOFF_SECONDS_MAX)

    async def _send(self, left: Sequence[tuple[AlertRecord, bytes]]) -> int:
        """How many of the leading ones are acknowledged."""
        under_way: list[Awaitable[Any]] = []
        acknowledged = 0
        try:
            for record, value in left:
                key = record.seller.encode()
                under_way.append(
                    await self._producer.send(self._topic, key, value, None, None, None)
                )
            for sent in under_way:
                await sent
                acknowledged += 1
        except (ProducerSendError, KafkaError, OSError) as error:
            record, _ = left[acknowledged]
            logger.warning("alert %s %d not published: %s", record.alert, record.seq, error)
            await asyncio.gather(*under_way[acknowledged:], return_exceptions=True)
        return acknowledged
