"""What becomes of the records of a batch."""

import logging
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from aiokafka.errors import KafkaConnectionError, MessageSizeTooLargeError
from faust.exceptions import ProducerSendError

from monitor.core.events import SOURCE_TOPICS
from monitor.core.instants import DAY, Instant, parse_instant
from monitor.errors import InvalidEvent, InvalidReason
from monitor.stream.deadletters import DETAIL_CHARACTERS_MAX, DeadLetters, Origin
from monitor.stream.inflight import Batch
from monitor.stream.intake import Intake, partition_of
from monitor.stream.partition import Partition
from monitor.stream.topics import TopicNames
from tests.stream.live import PARTITIONS, one_metric_rulebook, order

NOON = parse_instant("2026-11-20T12:00:00Z")
NOTHING = dict.fromkeys(SOURCE_TOPICS, 0)
HERE = partition_of(b"s1", PARTITIONS)


@dataclass(frozen=True)
class Record:
    """What aiokafka says of a record."""

    offset: int
    value: bytes | None
    key: bytes | None = b"s1"
    timestamp: int = NOON // 1000


class FakeProducer:
    """Keeps what it is sent; refuses values longer than ``value_max``."""

    def __init__(self, value_max: int = 10**6, failure: Exception | None = None) -> None:
        self.sent: list[tuple[str, bytes | None, bytes | None, dict[str, bytes]]] = []
        self._value_max = value_max
        self._failure = failure

    async def send(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        partition: int | None,
        timestamp: float | None,
        headers: Any,
    ) -> Awaitable[Any]:
        if self._failure is not None:
            raise ProducerSendError("not sent") from self._failure
        if value is not None and len(value) > self._value_max:
            raise ProducerSendError("too large") from MessageSizeTooLargeError()
        self.sent.append((topic, key, value, dict(headers)))
        return _done()


async def _done() -> None:
    """An acknowledgement."""


class Bench:
    """An intake with one partition."""

    def __init__(self, producer: FakeProducer | None = None, now: Instant = NOON) -> None:
        self.producer = producer or FakeProducer()
        self.partition = Partition(HERE, 4, one_metric_rulebook(), now, version="1.0")
        self.partition.begin(NOTHING, NOTHING)
        owned = {HERE: self.partition}
        letters = DeadLetters(self.producer, "dead-letters")
        self.intake = Intake(owned.get, TopicNames().sources.__getitem__, letters, 4)

    async def take(self, records: Sequence[Record], number: int = HERE, end: int = 0) -> Batch:
        end = end or (records[-1].offset + 1 if records else 0)
        batch = Batch("orders", number, records, 0, end, 1)
        await self.intake.process(batch)
        return batch


async def test_events_are_applied_and_the_batch_counts_as_processed() -> None:
    bench = Bench()
    batch = await bench.take([Record(n, order(n, "s1")) for n in range(5000)])
    assert batch.processed
    totals = bench.partition.feeds["orders"].totals
    assert (totals.events, totals.invalid, totals.offset) == (5000, 0, 5000)
    bench.partition.evaluate(NOON)
    assert [reading.denominator for reading in bench.partition.readings()] == [5000]


async def test_the_position_is_the_end_of_the_batch_though_its_last_offsets_hold_no_record() -> (
    None
):
    bench = Bench()
    await bench.take([Record(3, order(1, "s1"))], end=9)
    assert bench.partition.positions["orders"] == 9
    await bench.take([], end=11)
    assert bench.partition.positions["orders"] == 11


async def test_a_batch_of_a_partition_that_is_not_ours_is_left_alone() -> None:
    bench = Bench()
    batch = await bench.take([Record(0, order(1, "s1"))], number=HERE + 1)
    assert not batch.processed
    assert bench.partition.feeds["orders"].totals.events == 0


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (Record(7, None), InvalidReason.NOT_JSON),
        (Record(7, b"\xff\x00"), InvalidReason.NOT_JSON),
        (Record(7, b'{"type":"order_eaten"}'), InvalidReason.UNKNOWN_TYPE),
        (Record(7, b'{"type":"order_placed"}'), InvalidReason.MALFORMED),
        (Record(7, order(1, "s1"), key=None), InvalidReason.FOREIGN_KEY),
        (Record(7, order(1, "s1"), key=b"S1"), InvalidReason.FOREIGN_KEY),
        (Record(7, order(1, "s1"), timestamp=(NOON - 2 * DAY) // 1000), InvalidReason.FUTURE),
    ],
)
async def test_what_is_no_event_is_a_dead_letter_with_reason_and_origin(
    record: Record, reason: InvalidReason
) -> None:
    bench = Bench()
    batch = await bench.take([Record(6, order(2, "s1")), record])
    assert batch.processed
    ((topic, key, value, headers),) = bench.producer.sent
    assert (topic, key, value) == ("dead-letters", record.key, record.value)
    assert headers["reason"] == reason.encode()
    assert headers["topic"] == b"orders"
    assert headers["partition"] == str(HERE).encode()
    assert headers["offset"] == b"7"
    totals = bench.partition.feeds["orders"].totals
    assert (totals.events, totals.counted, totals.invalid) == (2, 1, 1)


async def test_a_record_in_the_wrong_partition_is_a_dead_letter() -> None:
    bench = Bench()
    stray = next(f"s{n}" for n in range(99) if partition_of(f"s{n}".encode(), 4) != HERE)
    await bench.take([Record(0, order(1, stray), key=stray.encode())])
    assert bench.producer.sent[0][3]["reason"] == b"wrong_partition"


async def test_advice_is_given_once_per_topic_and_reason(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench()
    await bench.take([Record(n, order(n, "s1"), key=b"x") for n in range(50)])
    warnings = [one for one in caplog.records if one.levelno == logging.WARNING]
    assert len(warnings) == 1
    assert "must set the record's key to the seller" in warnings[0].getMessage()
    assert len(bench.producer.sent) == 50


async def test_a_value_too_large_for_the_topic_is_left_out_and_its_origin_kept() -> None:
    producer = FakeProducer(value_max=10)
    letters = DeadLetters(producer, "dead-letters")
    error = InvalidEvent(InvalidReason.NOT_JSON, "x" * 5000)
    written = await letters.write(Record(1, b"y" * 100), Origin("orders", 1, 1), error)
    await written
    ((_, key, value, headers),) = producer.sent
    assert (key, value, headers["truncated"]) == (None, None, b"true")
    assert len(headers["detail"]) == DETAIL_CHARACTERS_MAX


async def test_a_batch_whose_dead_letters_cannot_be_written_is_not_processed() -> None:
    bench = Bench(FakeProducer(failure=KafkaConnectionError()))
    batch = Batch("orders", HERE, [Record(0, b"junk")], 0, 1, 1)
    with pytest.raises(ProducerSendError):
        await bench.intake.process(batch)
    assert not batch.processed


@pytest.mark.parametrize(
    ("key", "partition"),
    [
        (b"a", 0),
        (b"kafka", 0),
        (b"S-1", 1),
        (b"seller-42", 1),
        (b"3442f8959a84dea7ee197c632cb2df15", 1),
    ],
)
def test_keys_are_placed_as_librdkafkas_murmur2_random_places_them(
    key: bytes, partition: int
) -> None:
    assert partition_of(key, 4) == partition
