"""One engine per partition number: readiness, alerts, parking."""

import asyncio
from typing import get_args

import pytest

from monitor.core.events import SOURCE_TOPICS, SourceTopic, decode
from monitor.core.instants import SECOND, parse_instant
from monitor.core.readings import Level
from monitor.errors import ClusterError
from monitor.stream.partition import Partition
from monitor.stream.partitions import Partitions, check_complete
from tests.stream.live import cancellation, one_metric_rulebook, order

NOON = parse_instant("2026-11-20T12:00:00Z")
NOTHING = dict.fromkeys(SOURCE_TOPICS, 0)


def _partition(ends: dict[SourceTopic, int] | None = None) -> Partition:
    partition = Partition(2, 4, one_metric_rulebook(), NOON, version="1.0")
    partition.begin(NOTHING, NOTHING | (ends or {}))
    return partition


def _apply(partition: Partition, *values: bytes, topic: SourceTopic = "orders") -> None:
    read_to = partition.feeds[topic].totals.offset + len(values)
    partition.apply(topic, [decode(value) for value in values], read_to)


def _partitions() -> Partitions:
    return Partitions(one_metric_rulebook(), "1.0")


def test_empty_topics_are_ready_at_once() -> None:
    assert _partition().ready


def test_a_partition_is_ready_when_all_four_topics_have_reached_their_end() -> None:
    partition = _partition({"orders": 1, "claims": 1})
    _apply(partition, order(1, "s1"))
    assert not partition.ready
    _apply(partition, b'{"type":"heartbeat","id":"h","at":"2026-11-20T00:00:00Z","seller":"s1",'
           b'"marketplace":"shop"}', topic="claims")  # fmt: skip
    assert partition.ready


def test_until_then_levels_are_unknown_and_nothing_opens() -> None:
    partition = _partition({"orders": 3})
    _apply(partition, order(1, "s1"), cancellation(1, "s1"))
    assert partition.evaluate(NOON) == []
    assert [reading.level for reading in partition.readings()] == [Level.UNKNOWN]
    assert [reading.numerator for reading in partition.readings()] == [1]


def test_once_ready_the_present_level_counts() -> None:
    partition = _partition({"orders": 3})
    _apply(partition, order(1, "s1"), cancellation(1, "s1"))
    partition.evaluate(NOON)
    _apply(partition, order(2, "s1"))
    (record,) = partition.evaluate(NOON + SECOND)
    assert (record.from_, record.to, record.reason) == (
        Level.UNKNOWN,
        Level.BREACHED,
        "caught_up",
    )
    assert [reading.level for reading in partition.readings()] == [Level.BREACHED]


def test_a_record_says_how_far_each_topic_was_read() -> None:
    partition = _partition()
    _apply(partition, order(1, "s1"), cancellation(1, "s1"))
    (record,) = partition.evaluate(NOON)
    assert record.cut == {
        "orders": (2, 2),
        "feedback": (2, 0),
        "claims": (2, 0),
        "messages": (2, 0),
    }


def test_a_point_is_decided_once_and_never_an_earlier_one() -> None:
    partition = _partition()
    _apply(partition, order(1, "s1"), cancellation(1, "s1"))
    assert partition.evaluate(NOON)
    _apply(partition, order(2, "s2"), cancellation(2, "s2"))
    assert partition.evaluate(NOON) == []
    assert partition.evaluate(NOON - SECOND) == []
    assert len(partition.evaluate(NOON + SECOND)) == 1


def test_an_event_of_the_running_second_counts_at_its_end() -> None:
    partition = _partition()
    partition.evaluate(NOON)
    _apply(partition, order(1, "s1", "2026-11-20T12:00:00.5Z"),
           cancellation(1, "s1", "2026-11-20T12:00:00.6Z"))  # fmt: skip
    (record,) = partition.evaluate(NOON + SECOND)
    assert record.as_of == "2026-11-20T12:00:01Z"
    assert record.reason == "events"


def test_an_event_of_a_later_second_waits_for_it() -> None:
    partition = _partition()
    partition.evaluate(NOON)
    _apply(partition, order(1, "s1"), cancellation(1, "s1", "2026-11-20T12:00:05Z"))
    assert partition.evaluate(NOON + SECOND) == []
    assert len(partition.evaluate(NOON + 5 * SECOND)) == 1


def test_a_series_that_has_become_empty_is_gone_from_the_readings() -> None:
    partition = _partition()
    _apply(partition, order(1, "s1"))
    partition.evaluate(NOON)
    assert len(list(partition.readings())) == 1
    partition.evaluate(parse_instant("2026-12-31T00:00:00Z"))
    assert list(partition.readings()) == []


def test_a_seller_whose_every_record_is_too_old_is_gone_and_its_alert_closed() -> None:
    rulebook = one_metric_rulebook(windows=("all",), retention_days=40)
    partition = Partition(2, 4, rulebook, NOON, version="1.0")
    partition.begin(NOTHING, NOTHING)
    _apply(partition, order(1, "s1"), cancellation(1, "s1"))
    assert partition.evaluate(NOON)
    (record,) = partition.evaluate(parse_instant("2027-03-01T00:00:00Z"))
    assert (record.from_, record.to, record.reason) == (Level.BREACHED, Level.NO_DATA, "time")
    assert list(partition.readings()) == []


def test_totals_tell_what_became_of_the_records() -> None:
    partition = _partition({"orders": 2})
    _apply(partition, order(1, "s1"), order(1, "s1"))
    partition.feeds["orders"].totals.events += 2
    stats = {one.topic: one for one in partition.stats({"orders": 7})}
    assert stats["orders"].redundant == 1
    assert stats["orders"].lag == 5
    assert stats["orders"].last_event_at == parse_instant("2026-11-20T00:00:00Z")
    assert stats["claims"].lag == 0
    assert set(stats) == set(get_args(SourceTopic))


async def test_a_partition_that_comes_back_at_once_is_the_same() -> None:
    partitions = _partitions()
    first = partitions.make(1, 4, NOON)
    partitions.own(first)
    partitions.revoke([1])
    assert partitions.owned == {}
    assert await partitions.take(1) is first
    assert await partitions.take(1) is None


async def test_a_partition_comes_back_only_when_nobody_works_on_it() -> None:
    partitions = _partitions()
    first = partitions.make(1, 4, NOON)
    partitions.own(first)
    partitions.revoke([1])
    async with first.busy:
        taking = asyncio.create_task(partitions.take(1))
        await asyncio.sleep(0)
        assert not taking.done()
    assert await taking is first


async def test_a_partition_that_was_away_for_an_assignment_is_forgotten() -> None:
    partitions = _partitions()
    partitions.own(partitions.make(1, 4, NOON))
    partitions.revoke([1])
    partitions.forget_parked()
    assert await partitions.take(1) is None


def test_an_alert_that_ended_while_its_partition_was_parked_is_closed() -> None:
    partition = _partition()
    _apply(partition, order(1, "s1"), cancellation(1, "s1"))
    assert partition.evaluate(NOON)
    partition.begin(partition.positions, partition.positions | {"claims": 1})
    later = parse_instant("2026-12-31T00:00:00Z")
    assert partition.evaluate(later) == []
    partition.apply("claims", [], 1)
    (record,) = partition.evaluate(later + SECOND)
    assert (record.from_, record.to) == (Level.BREACHED, Level.NO_DATA)


def test_a_partition_number_without_one_of_its_topics_is_refused() -> None:
    assigned: list[tuple[SourceTopic, int]] = [(topic, 0) for topic in SOURCE_TOPICS]
    assert check_complete(assigned) == [0]
    with pytest.raises(ClusterError, match="partition 3 was assigned without claims, messages"):
        check_complete([*assigned, ("orders", 3), ("feedback", 3)])
