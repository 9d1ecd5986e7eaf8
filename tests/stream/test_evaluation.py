"""From a decision to its publication: what an earlier owner left comes first, and once."""

from typing import Any, cast

from monitor.core.alert_records import decode_record
from monitor.core.events import SOURCE_TOPICS, decode
from monitor.core.instants import SECOND, parse_instant
from monitor.core.readings import Level
from monitor.core.records import parse_key
from monitor.stream.alerts_topic import AlertsTopic
from monitor.stream.clock import EventClock
from monitor.stream.evaluation import Evaluation
from monitor.stream.ledger_topic import LedgerWriter
from monitor.stream.partition import Partition
from tests.stream.live import cancellation, one_metric_rulebook, order

NOON = parse_instant("2026-11-20T12:00:00Z")
NOTHING = dict.fromkeys(SOURCE_TOPICS, 0)


class Outbox:
    """Publishes at once, and remembers."""

    def __init__(self) -> None:
        self.values: list[bytes] = []

    async def put(self, values: list[bytes]) -> None:
        self.values += values

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


def evaluation(partition: Partition) -> Evaluation:
    return Evaluation({partition.number: partition}, EventClock(NOON))


async def test_what_an_earlier_owner_left_waits_until_the_partition_is_ready() -> None:
    partition, record = left_behind(unread=1)
    outbox = cast("AlertsTopic", said := Outbox())
    points = evaluation(partition)
    await points._evaluate(NOON + SECOND, outbox)
    assert said.values == []
    take(partition, order(2, "s1"))
    await points._evaluate(NOON + 2 * SECOND, outbox)
    await points._evaluate(NOON + 3 * SECOND, outbox)
    assert said.values == [record]
    assert partition.published == 1


async def test_an_alert_changes_again_only_after_its_last_record_is_out() -> None:
    partition, record = left_behind(unread=0)
    take(partition, *(order(n, "s1") for n in range(2, 30)))
    outbox = cast("AlertsTopic", said := Outbox())
    points = evaluation(partition)
    await points._evaluate(NOON + SECOND, outbox)
    assert said.values == [record]
    assert partition.decided == 1
    await points._evaluate(NOON + 2 * SECOND, outbox)
    assert [decode_record(value).to for value in said.values] == [Level.BREACHED, Level.OK]
    assert [decode_record(value).seq for value in said.values] == [1, 2]


async def test_a_worker_that_was_superseded_decides_no_more() -> None:
    partition = empty(NOON)
    writer = LedgerWriter(cast("Any", None), 0, 1, partition.position())
    writer.superseded = True
    partition.own(writer)
    take(partition, order(1, "s1"), cancellation(1, "s1"))
    outbox = cast("AlertsTopic", said := Outbox())
    await evaluation(partition)._evaluate(NOON, outbox)
    assert said.values == []
    assert partition.decided == 0
