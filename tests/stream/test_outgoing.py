"""Alert records on their way out: published in order, then shown, then received."""

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
from monitor.stream import publication, receivers
from monitor.stream.alerts_topic import AlertsTopic
from monitor.stream.partition import Partition
from monitor.stream.receivers import Receivers
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
async def _running(*services: AlertsTopic | Receivers) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(service.run()) for service in services]
    yield
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_records_are_published_with_their_seller_as_key_and_then_shown() -> None:
    producer, shown = FlakyProducer(), list[AlertRecord]()
    topic = AlertsTopic(producer, "alerts", shown.append, Receivers())
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
    topic = AlertsTopic(producer, "alerts", shown.append, Receivers())
    async with _running(topic):
        await topic.put([_record(1).encode(), _record(2).encode()])
        async with asyncio.timeout(5):
            await topic.published()
    assert [record.seq for record in shown] == [1, 2]


async def test_a_receiver_that_fails_or_hangs_holds_up_no_other() -> None:
    received: list[int] = []
    never, all_received = asyncio.Event(), asyncio.Event()

    async def good(record: AlertRecord) -> None:
        received.append(record.seq)
        if len(received) == 3:
            all_received.set()

    async def failing(record: AlertRecord) -> None:
        raise ConnectionError("https://hooks.example/secret")

    async def hanging(record: AlertRecord) -> None:
        await never.wait()

    outgoing = Receivers([failing, hanging, good])
    async with _running(outgoing):
        for seq in (1, 2, 3):
            outgoing.put(_record(seq))
        async with asyncio.timeout(5):
            await all_received.wait()
    assert received == [1, 2, 3]


async def test_a_failure_is_logged_without_the_receivers_secret_address(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def failing(record: AlertRecord) -> None:
        raise ConnectionError("https://hooks.example/secret")

    outgoing = Receivers([failing])
    async with _running(outgoing):
        outgoing.put(_record(4))
        async with asyncio.timeout(5):
            await outgoing.delivered()
    assert "ConnectionError" in caplog.text
    assert "secret" not in caplog.text


async def test_where_a_receiver_is_too_slow_the_oldest_records_are_dropped_and_that_is_said(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(receivers, "_WAITING_MAX", 2)
    received: list[int] = []

    async def receiver(record: AlertRecord) -> None:
        received.append(record.seq)

    outgoing = Receivers([receiver])
    for seq in (1, 2, 3):
        outgoing.put(_record(seq))
    async with _running(outgoing), asyncio.timeout(5):
        await outgoing.delivered()
    assert received == [2, 3]
    assert "too slow" in caplog.text
