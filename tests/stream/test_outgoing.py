"""Alert records on their way out: published in order, then shown."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
from aiokafka.errors import KafkaTimeoutError
from faust.exceptions import ProducerSendError

from monitor.core.alert_records import AlertRecord
from monitor.core.events import SOURCE_TOPICS, decode
from monitor.core.instants import parse_instant
from monitor.stream import publication
from monitor.stream.alerts_topic import AlertsTopic
from monitor.stream.partition import Partition
from tests.stream.live import cancellation, one_metric_rulebook, order

NOON = parse_instant("2026-11-20T12:00:00Z")
NOTHING = dict.fromkeys(SOURCE_TOPICS, 0)


def _record(seq: int) -> AlertRecord:
    partition = Partition(0, 4, one_metric_rulebook(), NOON, version="1")
    partition.begin(NOTHING, NOTHING)
    partition.apply("orders", [decode(order(1, "s1")), decode(cancellation(1, "s1"))], 2)
    (record,) = partition.evaluate(NOON)
    return msgspec.structs.replace(record, seq=seq)


class FlakyProducer:
    """Refuses the first ``failures`` records that it gets."""

    def __init__(self, failures: int = 0) -> None:
        self.sent: list[tuple[str, bytes | None, bytes | None]] = []
        self._failures = failures

    async def send(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        partition: int | None,
        timestamp: float | None,
        headers: Any,
    ) -> Awaitable[Any]:
        if self._failures:
            self._failures -= 1
            raise ProducerSendError("not sent") from KafkaTimeoutError()
        self.sent.append((topic, key, value))
        return _done()


async def _done() -> None:
    """An acknowledgement."""


@asynccontextmanager
async def _running(*services: AlertsTopic) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(service.run()) for service in services]
    yield
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_records_are_published_with_their_seller_as_key_and_then_shown() -> None:
    producer, shown = FlakyProducer(), list[AlertRecord]()
    topic = AlertsTopic(producer, "alerts", shown.append)
    records = [_record(1), _record(2)]
    async with _running(topic):
        await topic.put(record.encode() for record in records)
        await topic.published()
    assert producer.sent == [("alerts", b"s1", record.encode()) for record in records]
    assert shown == records


async def test_a_broker_that_refuses_is_asked_again_and_none_is_overtaken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(publication, "_BACKOFF_SECONDS_MIN", 0.001)
    producer, shown = FlakyProducer(failures=3), list[AlertRecord]()
    topic = AlertsTopic(producer, "alerts", shown.append)
    async with _running(topic):
        await topic.put([_record(1).encode(), _record(2).encode()])
        async with asyncio.timeout(5):
            await topic.published()
    assert [record.seq for record in shown] == [1, 2]
