"""From a decision to its publication: what an earlier owner left comes first, and once."""

import json
from typing import Any, cast

import pytest

from monitor.core.alert_records import decode_record
from monitor.core.events import SOURCE_TOPICS, SourceTopic, decode
from monitor.core.instants import SECOND, Instant, parse_instant
from monitor.core.ledger_keys import parse_key
from monitor.core.position import Point
from monitor.core.readings import Level
from monitor.stream import lateness
from monitor.stream.alerts_topic import AlertsTopic
from monitor.stream.clock import EventClock
from monitor.stream.evaluation import Evaluation
from monitor.stream.evaluations_topic import EvaluationsTopic
from monitor.stream.lateness import BEHIND_RECORDS
from monitor.stream.ledger_topic import LedgerWriter
from monitor.stream.partition import Partition
from tests.stream.live import cancellation, one_metric_rulebook, order

NOON = parse_instant("2026-11-20T12:00:00Z")
NOTHING = dict.fromkeys(SOURCE_TOPICS, 0)


class Outbox:
    """Both topics: publishes at once, and remembers."""

    def __init__(self, partition: Partition) -> None:
        self.values: list[bytes] = []
        self.points: list[bytes] = []
        self.decided_when_put: list[int] = []
        """Number of the last decision whenever records were put."""
        self._partition = partition

    async def write(self, points: dict[int, Point]) -> None:
        self.points += [point.entry(number) for number, point in points.items()]

    async def put(self, values: list[bytes]) -> None:
        self.values += values
        if values:
            self.decided_when_put.append(self._partition.decided)

    async def published(self) -> None:
        """All is."""


def empty(now: int) -> Partition:
    partition = Partition(0, 4, one_metric_rulebook(), now, version="1", durable=True)
    partition.begin(NOTHING, NOTHING)
    return partition


def take(partition: Partition, *values: bytes) -> None:
    read_to = partition.positions["orders"] + len(values)
    partition.apply("orders", [decode(value) for value in values], read_to)


def left_behind(*, unread: int) -> tuple[Partition, bytes]:
    """A partition whose last owner died before it published, and the record it left."""
    first = empty(NOON)
    take(first, order(1, "s1"), cancellation(1, "s1"))
    (record,) = first.evaluate(NOON)
    assert first._journal is not None
    partition = empty(NOON + SECOND)
    partition.resume(first.position())
    for key, value in first._journal.take(1).records:
        assert value is not None
        partition.restore(parse_key(key), value, superseded=False)
    ends = partition.positions | {"orders": 2 + unread}
    partition.begin(partition.positions, ends)
    return partition, record.encode()


class Ends:
    """Where the topics of the partition end, as far as was fetched, and as the broker tells."""

    def __init__(self) -> None:
        self.seen: dict[SourceTopic, int | None] = {}
        self.present: dict[SourceTopic, int] = {}
        self.answered: dict[SourceTopic, int | None] = {}

    def highwaters(self, number: int) -> dict[SourceTopic, int | None]:
        return self.seen

    def answers(self, number: int) -> dict[SourceTopic, int | None]:
        return self.answered

    async def ends(self, number: int) -> dict[SourceTopic, int]:
        return self.present


class Points:
    """The evaluation of one partition, and what it published."""

    def __init__(self, partition: Partition) -> None:
        self.outbox = Outbox(partition)
        self.ends = Ends()
        self._evaluation = Evaluation({partition.number: partition}, EventClock(NOON), self.ends)

    async def resume(self) -> None:
        """Go on after a time in which nothing could be published."""
        await self._evaluation._catch_up()

    async def at(self, point: Instant) -> None:
        journal = cast("EvaluationsTopic", self.outbox)
        await self._evaluation._evaluate(point, journal, cast("AlertsTopic", self.outbox))

    @property
    def values(self) -> list[bytes]:
        return self.outbox.values

    @property
    def journaled(self) -> list[str]:
        return [json.loads(one)["as_of"] for one in self.outbox.points]


async def test_what_an_earlier_owner_left_waits_until_the_partition_is_ready() -> None:
    partition, record = left_behind(unread=1)
    points = Points(partition)
    await points.at(NOON + SECOND)
    assert points.values == []
    take(partition, order(2, "s1"))
    await points.at(NOON + 2 * SECOND)
    await points.at(NOON + 3 * SECOND)
    assert points.values == [record]
    assert partition.published == 1


async def test_each_point_at_which_anything_changed_is_journaled_once() -> None:
    points = Points(partition := empty(NOON))
    await points.at(NOON)
    await points.at(NOON + SECOND)
    take(partition, order(1, "s1"))
    await points.at(NOON + 2 * SECOND)
    await points.at(NOON + 3 * SECOND)
    await points.at(NOON + 43_200 * SECOND)
    assert points.journaled == [
        "2026-11-20T12:00:00Z",
        "2026-11-20T12:00:02Z",
        "2026-11-21T00:00:00Z",
    ]
    assert points.outbox.points[1] == (
        b'{"as_of":"2026-11-20T12:00:02Z","cut":'
        b'{"claims":[0,0],"feedback":[0,0],"messages":[0,0],"orders":[0,1]}}'
    )
    assert partition.journaled_at == NOON + 43_200 * SECOND


async def test_the_last_point_of_an_earlier_owner_is_journaled_with_its_record() -> None:
    partition, record = left_behind(unread=0)
    points = Points(partition)
    await points.at(NOON + SECOND)
    assert points.journaled == ["2026-11-20T12:00:00Z", "2026-11-20T12:00:01Z"]
    assert points.values == [record]


async def test_nothing_is_journaled_before_a_partition_is_ready() -> None:
    partition, _ = left_behind(unread=1)
    points = Points(partition)
    await points.at(NOON + SECOND)
    assert points.journaled == []


async def test_an_alert_changes_again_only_after_its_last_record_is_out() -> None:
    partition, record = left_behind(unread=0)
    take(partition, *(order(n, "s1") for n in range(2, 30)))
    points = Points(partition)
    await points.at(NOON + SECOND)
    assert points.values[0] == record
    assert points.outbox.decided_when_put == [1, 2]
    assert [decode_record(value).to for value in points.values] == [Level.BREACHED, Level.OK]
    assert [decode_record(value).seq for value in points.values] == [1, 2]


def levels(partition: Partition) -> set[Level]:
    return {reading.level for reading in partition.readings()}


async def test_a_partition_that_has_fallen_behind_is_unknown_until_it_has_caught_up() -> None:
    points = Points(partition := empty(NOON))
    take(partition, *(order(n, "s1") for n in range(3)))
    await points.at(NOON)
    assert levels(partition) == {Level.OK}
    points.ends.seen = {"orders": 4 + BEHIND_RECORDS}
    take(partition, cancellation(1, "s1"))
    await points.at(NOON + SECOND)
    assert levels(partition) == {Level.UNKNOWN}
    assert not partition.ready
    assert points.values == []
    partition.apply("orders", [], 4 + BEHIND_RECORDS)
    await points.at(NOON + 2 * SECOND)
    assert levels(partition) == {Level.BREACHED}
    (said,) = map(decode_record, points.values)
    assert (said.from_, said.to, said.reason) == (Level.UNKNOWN, Level.BREACHED, "caught_up")


async def test_a_topic_of_which_the_broker_tells_nothing_makes_its_partition_unknown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lateness, "SILENT_SECONDS", 0.0)
    points = Points(partition := empty(NOON))
    take(partition, *(order(n, "s1") for n in range(3)))
    points.ends.seen = {"orders": 3}
    await points.at(NOON)
    assert levels(partition) == {Level.OK}
    points.ends.answered = {"orders": 1}
    take(partition, cancellation(1, "s1"))
    for second in (1, 2):
        await points.at(NOON + second * SECOND)
        assert (levels(partition), partition.ready) == ({Level.UNKNOWN}, False)
    assert points.values == []
    # It answers again: one more is there than was known of.
    points.ends.answered, points.ends.seen = {"orders": 2}, {"orders": 5}
    monkeypatch.setattr(lateness, "SILENT_SECONDS", 15.0)
    await points.at(NOON + 3 * SECOND)
    assert levels(partition) == {Level.UNKNOWN}
    take(partition, order(4, "s1"))
    await points.at(NOON + 4 * SECOND)
    assert levels(partition) == {Level.BREACHED}
    assert [decode_record(value).reason for value in points.values] == ["caught_up"]


async def test_what_came_while_nothing_could_be_published_is_read_before_anything_is_decided() -> (
    None
):
    points = Points(partition := empty(NOON))
    take(partition, *(order(n, "s1") for n in range(3)))
    await points.at(NOON)
    points.ends.present = {"orders": 5, "claims": 0}
    await points.resume()
    take(partition, cancellation(1, "s1"))
    await points.at(NOON + SECOND)
    assert (levels(partition), points.values) == ({Level.UNKNOWN}, [])
    take(partition, order(4, "s1"))
    await points.at(NOON + 2 * SECOND)
    assert levels(partition) == {Level.BREACHED}
    assert len(points.values) == 1


async def test_a_worker_that_was_superseded_decides_no_more() -> None:
    partition = empty(NOON)
    writer = LedgerWriter(cast("Any", None), 0, 1, partition.position())
    writer.superseded = True
    partition.own(writer)
    take(partition, order(1, "s1"), cancellation(1, "s1"))
    points = Points(partition)
    await points.at(NOON)
    assert (points.values, points.journaled) == ([], [])
    assert partition.decided == 0
