"""The ``alerts`` topic: records in order, each acknowledged before it is shown to anyone.

It is the outbox of the receivers, which read it by themselves (monitor/stream/delivery).
"""

import asyncio
from collections.abc import Callable, Iterable

from monitor.core.alert_records import AlertRecord, decode_record
from monitor.notify.quality import Quality
from monitor.stream.deadletters import Producer
from monitor.stream.publication import Message, publish

_WAITING_MAX = 10_000
_AT_ONCE = 500


class AlertsTopic:
    """Publishes alert records, then hands them to the console.

    Where the broker refuses, it is asked again and again; no record is skipped, though after
    a failure some may be there twice.

    Args:
        producer: partitions by key as Kafka's default partitioner does.
        topic: its name.
        on_record: called with each published record, on the event loop.
    """

    def __init__(
        self,
        producer: Producer,
        topic: str,
        on_record: Callable[[AlertRecord], None],
    ) -> None:
        self._producer = producer
        self._topic = topic
        self._on_record = on_record
        self.quality = Quality()
        """How alerts went on that were published as approaching."""
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
            messages = [
                Message(f"alert {record.alert} {record.seq}", record.seller.encode(), value)
                for record, value in zip(records, values, strict=True)
            ]
            await publish(self._producer, self._topic, messages)
            for record in records:
                self._on_record(record)
                self.quality.note(record)
                self._waiting.task_done()
