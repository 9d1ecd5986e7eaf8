"""Raw inputs: what becomes of each record, without Kafka."""

import asyncio
import json
from collections.abc import Awaitable, Iterable
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiokafka.errors import (
    InvalidTimestampError,
    KafkaConnectionError,
    KafkaError,
    MessageSizeTooLargeError,
    TopicAuthorizationFailedError,
)

from monitor.core.events import SOURCE_TOPICS, TOPIC_OF, SourceTopic
from monitor.errors import ClusterError
from monitor.stream import source_writer
from monitor.stream.deadletters import DeadLetters
from monitor.stream.inflight import Batch
from monitor.stream.intake import partition_of
from monitor.stream.rekeying import Rekeying
from monitor.stream.source_writer import BATCH_BYTES, Rekeyed, SourceWriter
from tests.stream.live import cancellation, heartbeat, order

PARTITIONS = 4
NAMES: dict[SourceTopic, str] = {topic: f"our-{topic}" for topic in SOURCE_TOPICS}
RECORDED_MILLIS = 1_795_150_000_123


@dataclass
class Record:
    """What aiokafka's consumer gives."""

    offset: int
    value: bytes | None
    key: bytes | None = None
    timestamp: int = RECORDED_MILLIS


@dataclass
class FakeBatch:
    """Takes records up to a size, as aiokafka's does."""

    records: list[dict[str, Any]] = field(default_factory=list)
    is_closed: bool = False
    size: int = 0

    def append(self, **record: Any) -> object:
        assert not self.is_closed
        size = len(record["key"]) + len(record["value"])
        if self.records and self.size + size > 2 * BATCH_BYTES:
            return None
        self.size += size
        self.records.append(record)
        return record

    def close(self) -> None:
        self.is_closed = True


class FakeProducer:
    """Acknowledges at once, or when told to; refuses values as a broker would."""

    def __init__(self, failures: Iterable[KafkaError] = ()) -> None:
        self.written: list[tuple[str, int, dict[str, Any]]] = []
        self.refused: dict[bytes, KafkaError] = {}
        self.acknowledging = asyncio.Event()
        self.acknowledging.set()
        self.batches = 0
        self._failures = list(failures)

    def create_batch(self) -> FakeBatch:
        return FakeBatch()

    async def send_batch(self, batch: FakeBatch, topic: str, *, partition: int) -> Awaitable[None]:
        self.batches += 1
        return self._acknowledge(batch, topic, partition)

    async def _acknowledge(self, batch: FakeBatch, topic: str, partition: int) -> None:
        assert batch.is_closed
        await self.acknowledging.wait()
        if self._failures:
            raise self._failures.pop()
        for record in batch.records:
            if record["value"] in self.refused:
                raise self.refused[record["value"]]
        self.written += [(topic, partition, record) for record in batch.records]


class LetterBox:
    """Faust's producer, which only the dead letters use."""

    def __init__(self) -> None:
        self.letters: list[tuple[bytes | None, bytes | None, dict[str, bytes]]] = []

    async def send(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        partition: int | None,
        timestamp: float | None,
        headers: Any,
    ) -> Awaitable[None]:
        self.letters.append((key, value, dict(headers)))
        return _done()

    @property
    def reasons(self) -> list[bytes]:
        return [headers["reason"] for _, _, headers in self.letters]


async def _done() -> None:
    """An acknowledgement."""


class Bench:
    """A rekeying with its producer and its dead letters."""

    def __init__(self, failures: Iterable[KafkaError] = ()) -> None:
        self.producer = FakeProducer(failures)
        self.box = LetterBox()
        letters = DeadLetters(self.box, "dead-letters")
        self.rekeying = Rekeying(NAMES, PARTITIONS, SourceWriter(self.producer), letters)

    async def process(self, *records: Record) -> Batch:
        """A batch that all was done for."""
        batch = _batch(*records)
        await self.rekeying.process(batch)
        async with asyncio.timeout(5):
            await self.rekeying.settled()
        return batch

    @property
    def places(self) -> list[tuple[str, int]]:
        return [(topic, number) for topic, number, _ in self.producer.written]


def _batch(*records: Record) -> Batch:
    end = records[-1].offset + 1 if records else 0
    return Batch("shop-events", 2, records, 0, end, 1)


def _typed(type_name: str, seller: str) -> bytes:
    fields: dict[str, Any] = {
        "type": type_name, "id": "1", "at": "2026-11-20T00:00:00Z", "seller": seller,
        "marketplace": "shop", "order": "o", "by": "buyer", "refund": "r", "return": "x",
        "decision": "approved", "feedback": "f", "rating": 5, "satisfied": True, "vote": "v",
        "solved": True, "claim": "c", "kind": "guarantee", "outcome": "granted", "message": "m",
        "thread": "t", "violation": "n", "carrier": "c", "tracking": "t",
    }  # fmt: skip
    if type_name == "violation_resolved":
        fields["outcome"] = "fixed"
    return json.dumps(fields).encode()


async def test_an_event_is_published_as_it_came_under_the_key_of_its_seller() -> None:
    bench = Bench()
    batch = await bench.process(Record(41, order(1, "s1"), key=b"order-1"))
    ((topic, number, record),) = bench.producer.written
    assert (topic, number) == ("our-orders", partition_of(b"s1", PARTITIONS))
    assert record == {
        "key": b"s1",
        "value": order(1, "s1"),
        "timestamp": RECORDED_MILLIS,
        "headers": [("topic", b"shop-events"), ("partition", b"2"), ("offset", b"41")],
    }
    assert batch.processed


@pytest.mark.parametrize("type_name", sorted(TOPIC_OF.keys() - {"heartbeat"}))
async def test_each_type_goes_to_its_own_topic(type_name: str) -> None:
    bench = Bench()
    await bench.process(Record(0, _typed(type_name, "s9")))
    number = partition_of(b"s9", PARTITIONS)
    assert bench.places == [(NAMES[TOPIC_OF[type_name]], number)]


async def test_a_heartbeat_vouches_for_all_four_topics() -> None:
    bench = Bench()
    await bench.process(Record(0, heartbeat(1, "s1")))
    number = partition_of(b"s1", PARTITIONS)
    assert sorted(bench.places) == sorted((name, number) for name in NAMES.values())


async def test_what_is_no_event_goes_to_the_dead_letters_with_its_origin_and_is_counted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bench = Bench()
    late = Record(3, order(1, "s1", at="2030-01-01T00:00:00Z"))
    batch = await bench.process(
        Record(0, b"junk", key=b"k"),
        Record(1, None),
        Record(2, order(1, "s1")),
        late,
        Record(4, b"more junk"),
    )
    assert bench.box.reasons == [b"not_json", b"not_json", b"future", b"not_json"]
    key, value, headers = bench.box.letters[0]
    assert (key, value) == (b"k", b"junk")
    assert (headers["topic"], headers["partition"], headers["offset"]) == (
        b"shop-events", b"2", b"0",
    )  # fmt: skip
    assert len(bench.producer.written) == 1
    totals = bench.rekeying.totals["shop-events", 2]
    assert (totals.records, totals.invalid) == (5, 4)
    assert batch.processed
    assert caplog.text.count("goes to the dead letters") == 2


async def test_a_batch_counts_as_processed_only_once_all_of_it_is_acknowledged() -> None:
    bench = Bench()
    bench.producer.acknowledging.clear()
    batch = _batch(Record(0, order(1, "s1")))
    await bench.rekeying.process(batch)
    await asyncio.sleep(0.01)
    assert not batch.processed
    bench.producer.acknowledging.set()
    await bench.rekeying.settled()
    assert batch.processed


async def test_only_so_many_batches_are_under_way() -> None:
    bench = Bench()
    bench.producer.acknowledging.clear()
    for number in range(8):
        await bench.rekeying.process(_batch(Record(number, order(number, "s1"))))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await bench.rekeying.process(_batch(Record(8, order(8, "s1"))))
    bench.producer.acknowledging.set()
    await bench.process(Record(8, order(8, "s1")))
    assert len(bench.producer.written) == 9


async def test_a_broker_that_does_not_answer_is_asked_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(source_writer, "_BACKOFF_SECONDS_MIN", 0.001)
    bench = Bench(failures=[KafkaConnectionError(), KafkaConnectionError()])
    batch = await bench.process(Record(0, order(1, "s1")))
    assert batch.processed
    assert len(bench.producer.written) == 1


async def test_a_topic_that_may_not_be_written_breaks_the_worker_and_commits_nothing() -> None:
    bench = Bench(failures=[TopicAuthorizationFailedError()])
    batch = await bench.process(Record(0, order(1, "s1")))
    assert not batch.processed
    with pytest.raises(ClusterError, match="our-orders cannot be written"):
        await bench.rekeying.broken


async def test_a_record_that_a_topic_never_takes_is_found_among_the_others() -> None:
    bench = Bench()
    bench.producer.refused = {
        order(3, "s1"): InvalidTimestampError(),
        order(6, "s1"): MessageSizeTooLargeError(),
    }
    batch = await bench.process(*(Record(n, order(n, "s1")) for n in range(10)))
    assert bench.box.reasons == [b"future", b"too_large"]
    assert [headers["offset"] for _, _, headers in bench.box.letters] == [b"3", b"6"]
    assert len(bench.producer.written) == 8
    assert batch.processed


async def test_a_heartbeat_that_all_topics_refuse_is_one_dead_letter() -> None:
    bench = Bench()
    bench.producer.refused = {heartbeat(1, "s1"): InvalidTimestampError()}
    await bench.process(Record(0, heartbeat(1, "s1")))
    assert bench.box.reasons == [b"future"]
    assert bench.rekeying.totals["shop-events", 2].invalid == 1


async def test_records_are_written_in_batches_of_bounded_size() -> None:
    producer = FakeProducer()
    large = [Rekeyed(b"s", bytes(300_000), 1, [], None) for _ in range(4)]
    small = [Rekeyed(b"s", b"x", 1, [], None) for _ in range(100)]
    enormous = Rekeyed(b"s", bytes(3 * BATCH_BYTES), 1, [], None)
    assert await SourceWriter(producer).write("t", 0, [*small, enormous, *large]) == []
    assert producer.batches == 6
    assert len(producer.written) == 105


async def test_an_empty_batch_counts_as_processed() -> None:
    bench = Bench()
    assert (await bench.process()).processed
    assert bench.places == []


async def test_sellers_are_partitioned_as_kafka_does_it() -> None:
    bench = Bench()
    await bench.process(*(Record(n, cancellation(n, f"s{n}")) for n in range(50)))
    assert {place[1] for place in bench.places} == set(range(PARTITIONS))
    for _, number, record in bench.producer.written:
        assert number == partition_of(record["key"], PARTITIONS)
