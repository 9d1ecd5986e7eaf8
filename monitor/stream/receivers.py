"""Hands alert records to receivers, each in its own task so that none holds up another."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

from monitor.core.alert_records import AlertRecord

logger = logging.getLogger(__name__)

Receiver = Callable[[AlertRecord], Awaitable[None]]
"""Delivers one record, with its own retries; raises where it gives up."""

_WAITING_MAX = 1000


class Receivers:
    """All configured receivers.

    Each has a queue of its own. Where one is full the oldest record is dropped and that is
    logged: the record stays on the alerts topic.
    """

    def __init__(self, receivers: Sequence[Receiver] = ()) -> None:
        self._outboxes = [_Outbox(receiver) for receiver in receivers]

    def put(self, record: AlertRecord) -> None:
        """Queue a record for every receiver; never waits."""
        for outbox in self._outboxes:
            outbox.put(record)

    async def run(self) -> None:
        """Deliver until cancelled."""
        for_ever = asyncio.Event().wait()
        await asyncio.gather(for_ever, *(outbox.run() for outbox in self._outboxes))

    async def delivered(self) -> None:
        """Wait until all that was queued is delivered or given up."""
        await asyncio.gather(*(outbox.idle.wait() for outbox in self._outboxes))


class _Outbox:
    def __init__(self, receiver: Receiver) -> None:
        self.idle = asyncio.Event()
        self.idle.set()
        self._receiver = receiver
        self._name = getattr(receiver, "name", type(receiver).__name__)
        self._waiting: deque[AlertRecord] = deque()
        self._filled = asyncio.Event()

    def put(self, record: AlertRecord) -> None:
        if len(self._waiting) >= _WAITING_MAX:
            dropped = self._waiting.popleft()
            logger.error(
                "receiver %s is too slow: alert %s %d is not delivered",
                *(self._name, dropped.alert, dropped.seq),
            )
        self._waiting.append(record)
        self.idle.clear()
        self._filled.set()

    async def run(self) -> None:
        while True:
            await self._filled.wait()
            while self._waiting:
                await self._deliver(self._waiting.popleft())
            self._filled.clear()
            self.idle.set()

    async def _deliver(self, record: AlertRecord) -> None:
        try:
            await self._receiver(record)
        except Exception as error:  # noqa: BLE001
            # Whatever a receiver does wrong must not stop the others, nor the stream. Neither its
            # message nor its traceback is logged: they may hold the receiver's secret address.
            logger.error(  # noqa: TRY400
                "receiver %s failed for alert %s %d: %s",
                *(self._name, record.alert, record.seq, type(error).__name__),
            )
