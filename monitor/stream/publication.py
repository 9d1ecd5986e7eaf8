"""Sends records to a topic until the broker has acknowledged them all, in their order."""

import asyncio
import logging
from collections.abc import Awaitable, Sequence
from typing import Any, NamedTuple

from aiokafka.errors import KafkaError
from faust.exceptions import ProducerSendError

from monitor.stream.deadletters import Producer

logger = logging.getLogger(__name__)

_BACKOFF_SECONDS_MIN = 1.0
_BACKOFF_SECONDS_MAX = 30.0


class Message(NamedTuple):
    """A record to be sent; ``name`` is what the log calls it."""

    name: str
    key: bytes
    value: bytes | None
    partition: int | None = None
    """None: that of the key."""
    headers: tuple[tuple[str, bytes], ...] = ()


async def publish(producer: Producer, topic: str, messages: Sequence[Message]) -> None:
    """Send all; where one fails, it and those after it again, as long as it takes.

    None is skipped, though after a failure some may be there twice.
    """
    backoff_seconds = _BACKOFF_SECONDS_MIN
    left = messages
    while left:
        sent = await _send(producer, topic, left)
        if sent == len(left):
            return
        left = left[sent:]
        await asyncio.sleep(backoff_seconds)
        backoff_seconds = min(2 * backoff_seconds, _BACKOFF_SECONDS_MAX)


async def _send(producer: Producer, topic: str, messages: Sequence[Message]) -> int:
    """How many of the leading ones are acknowledged."""
    under_way: list[Awaitable[Any]] = []
    acknowledged = 0
    try:
        for one in messages:
            headers = list(one.headers) or None
            sending = producer.send(topic, one.key, one.value, one.partition, None, headers)
            under_way.append(await sending)
        for sent in under_way:
            await sent
            acknowledged += 1
    except (ProducerSendError, KafkaError, OSError) as error:
        logger.warning("%s not published: %s", messages[acknowledged].name, error)
        await asyncio.gather(*under_way[acknowledged:], return_exceptions=True)
    return acknowledged
