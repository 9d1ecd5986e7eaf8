"""The ``alerts`` topic: records in order, each acknowledged before it is shown to anyone."""

import asyncio
import logging
from collections.abc import Callable, Iterable

from faust.exceptions import ProducerSendError

from monitor.core.alerts import AlertRecord
from monitor.stream.deadletters import Producer
from monitor.stream.receivers import Receivers

logger = logging.getLogger(__name__)

_WAITING_MAX = 10_000
_BACKOFF_SECONDS_MIN = 1.0
_BACKOFF_SECONDS_MAX = 30.0


class AlertsTopic:
    """Publishes alert records, then hands them to the console and the receivers.

    Where the broker refuses, it is asked again and again; no record is skipped or overtaken.

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
        self._waiting: asyncio.Queue[AlertRecord] = asyncio.Queue(_WAITING_MAX)

    async def put(self, records: Iterable[AlertRecord]) -> None:
        """Take records; waits where very many are not published yet."""
        for record in records:
            await self._waiting.put(record)

    async def published(self) -> None:
        """Wait until all records taken so far are published."""
        await self._waiting.join()

    async def run(self) -> None:
        """Publish until cancelled."""
        while True:
            record = await self._waiting.get()
            await self._publish(record)
            self._on_record(record)
            self._receivers.put(record)
            self._waiting.task_done()

    async def _publish(self, record: AlertRecord) -> None:
        key, value = record.seller.encode(), record.encode()
        backoff_seconds = _BACKOFF_SECONDS_MIN
        while True:
            try:
                await (await self._producer.send(self._topic, key, value, None, None, None))
            except (ProducerSendError, OSError) as error:
                logger.warning("alert %s %d not published: %s", record.alert, record.seq, error)
            else:
                return
            await asyncio.sleep(backoff_seconds)
            backoff_seconds = min(2 * backoff_seconds, _BACKOFF_SECONDS_MAX)
