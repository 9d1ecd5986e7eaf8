"""The dead-letter topic: records that are no events, as they came, with reason and origin."""

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any, Protocol

from aiokafka.errors import MessageSizeTooLargeError
from faust.exceptions import ProducerSendError

from monitor.errors import InvalidEvent

DETAIL_CHARACTERS_MAX = 1000


class Producer(Protocol):
    """What is needed of Faust's producer."""

    async def send(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        partition: int | None,
        timestamp: float | None,
        headers: Any,
    ) -> Awaitable[Any]:
        """Hand a record over; the result is awaited for the broker's acknowledgement."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a record lies."""

    topic: str
    partition: int
    offset: int


class DeadLetters:
    """Writes invalid records to a topic.

    Key and value are unchanged; the headers ``reason``, ``detail``, ``topic``, ``partition``
    and ``offset`` say why and whence. A value too large for the topic is left out: its
    origin tells where it lies.
    """

    def __init__(self, producer: Producer, topic: str) -> None:
        self._producer = producer
        self._topic = topic

    async def write(self, record: Any, origin: Origin, error: InvalidEvent) -> Awaitable[Any]:
        """Hand over one record; await the result for the broker's acknowledgement."""
        headers = [
            ("reason", str(error.reason).encode()),
            ("detail", error.detail[:DETAIL_CHARACTERS_MAX].encode(errors="backslashreplace")),
            ("topic", origin.topic.encode()),
            ("partition", str(origin.partition).encode()),
            ("offset", str(origin.offset).encode()),
        ]
        try:
            return await self._send(record.key, record.value, headers)
        except ProducerSendError as failure:
            if not isinstance(failure.__cause__, MessageSizeTooLargeError):
                raise
            return await self._send(None, None, [*headers, ("truncated", b"true")])

    async def _send(
        self, key: bytes | None, value: bytes | None, headers: list[tuple[str, bytes]]
    ) -> Awaitable[Any]:
        return await self._producer.send(self._topic, key, value, None, None, headers)
