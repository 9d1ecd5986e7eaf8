"""From where on a receiver reads alerts, and what it lets go of when partitions are revoked."""

import asyncio
from collections.abc import Mapping
from typing import Any, cast

import pytest
from faust.types import TP

from monitor.notify.told import Told
from monitor.stream.delivery.deliveries_topic import Restored
from monitor.stream.delivery.outbox import Outbox
from monitor.stream.transport import Consumer
from tests.stream.delivery.fakes import Bench, MemoryRows, batch, record

TP0 = TP("alerts", 0)
BEGIN, END = 10, 100


class FakeConsumer:
    """Knows the bounds of the alerts topic and what is committed."""

    def __init__(self, committed: int | None) -> None:
        self._committed = committed
        self.positions: dict[TP, int] = {}
        self.delivering = asyncio.Event()

    async def seek_to_committed(self) -> Mapping[TP, int]:
        return {} if self._committed is None else {TP0: self._committed}

    async def earliest_offsets(self, *partitions: TP) -> Mapping[TP, int]:
        return dict.fromkeys(partitions, BEGIN)

    async def highwaters(self, *partitions: TP) -> Mapping[TP, int]:
        return dict.fromkeys(partitions, END)

    async def deliver(self, positions: Mapping[TP, int]) -> None:
        self.positions = dict(positions)
        self.delivering.set()


class BegunRows(MemoryRows):
    """Rows of a receiver that began at an offset."""

    def __init__(self, start: int | None) -> None:
        super().__init__()
        self._start = start

    async def read(self, number: int, receiver: str) -> Restored:
        return Restored(Told(), self._start)


async def opened(committed: int | None, start: int | None) -> int:
    """Where a partition is opened."""
    bench, consumer = Bench(), FakeConsumer(committed)
    outbox = Outbox("alerts", bench.courier, BegunRows(start), commits=True)
    opening = asyncio.create_task(outbox.open(cast("Consumer", consumer), frozenset({TP0})))
    await consumer.delivering.wait()
    opening.cancel()
    await asyncio.gather(opening, return_exceptions=True)
    return consumer.positions[TP0]


@pytest.mark.parametrize(
    ("committed", "start", "position"),
    [
        (42, 20, 42),
        (None, 20, 20),
        # As brokers tell of a partition in which nothing was committed.
        (-1, 20, 20),
        (None, None, END),
    ],
)
async def test_it_reads_on_where_it_stopped_or_else_from_its_beginning(
    committed: int | None, start: int | None, position: int
) -> None:
    assert await opened(committed, start) == position


async def test_what_retention_removed_is_passed_over_and_said(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert await opened(BEGIN - 3, 0) == BEGIN
    assert "it was never told" in caplog.text


async def test_a_topic_that_was_made_anew_is_read_from_its_beginning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert await opened(END + 1, 0) == BEGIN
    assert "made anew" in caplog.text


async def test_without_anything_that_lasts_all_is_read() -> None:
    bench, consumer = Bench(), FakeConsumer(committed=None)
    outbox = Outbox("alerts", bench.courier, BegunRows(0), commits=False)
    opening = asyncio.create_task(outbox.open(cast("Consumer", consumer), frozenset({TP0})))
    await consumer.delivering.wait()
    assert consumer.positions == {TP0: BEGIN}
    opening.cancel()
    await asyncio.gather(opening, return_exceptions=True)


async def test_once_its_partitions_are_revoked_it_takes_nothing_more() -> None:
    bench, consumer = Bench(), FakeConsumer(committed=0)
    running = asyncio.create_task(bench.courier.run())
    outbox = Outbox("alerts", bench.courier, BegunRows(0), commits=True)
    opening = asyncio.create_task(outbox.open(cast("Consumer", consumer), frozenset({TP0})))
    await consumer.delivering.wait()
    opening.cancel()
    await asyncio.gather(opening, return_exceptions=True)
    one: Any = batch([record(1)])
    await bench.courier.take(one)
    await outbox.drained()
    outbox.close(frozenset({TP0}))
    assert not one.processed
    assert bench.courier.stats().undelivered == 0
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
