"""``monitor replay`` of ranges of the topics, on real Kafka, as from the command line."""

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.records_to_delete import RecordsToDelete

from deploy.kafka.node import KafkaNode
from monitor.audit.alert_id import AlertId
from monitor.audit.console import Remarks
from monitor.audit.kafka_source import KafkaSource
from monitor.audit.parallel import Crew, Plan
from monitor.audit.parts import Answer
from monitor.audit.resuming import Progress
from monitor.cli import commands
from monitor.cluster import Cluster
from monitor.core.alert_records import AlertRecord, MetricRecord
from monitor.core.instants import HOUR, isoformat, parse_instant
from monitor.errors import UnreadableSource
from monitor.policy import load_policies
from monitor.stream.clock import EventClock, SystemClock
from monitor.stream.intake import partition_of
from monitor.stream.worker import Worker, WorkerSettings
from tests.stream.live import (
    CANCEL_POLICY,
    PARTITIONS,
    cancellation,
    order,
    own_settings,
    publishing,
    until,
)

SELLERS = [f"s{n}" for n in range(20)]
AS_OF = "2026-11-20T12:00:00Z"


@dataclass
class Live:
    """Topics with events, and what the command prints about them."""

    settings: WorkerSettings
    policy: Path
    capture: pytest.CaptureFixture[str]

    def replay(self, *arguments: str) -> tuple[int, list[dict[str, Any]], str]:
        """Status, lines and the balance."""
        status, printed, remarks = self.print("replay", *arguments)
        return status, [json.loads(line) for line in printed.splitlines()], remarks[-1]

    def print(self, command: str, *arguments: str) -> tuple[int, str, list[str]]:
        """Status, stdout and the lines of stderr."""
        self.capture.readouterr()
        prefix = self.settings.names.orders.removesuffix("orders")
        where = ("--kafka", self.settings.cluster.address, "--prefix", prefix)
        policy = ("--policy", str(self.policy))
        status = commands.main([command, *where, *policy, *arguments], standalone_mode=False)
        out, err = self.capture.readouterr()
        return status, out, err.splitlines()


@pytest.fixture
def live(kafka: KafkaNode, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Live:
    policy = tmp_path / "policy.toml"
    policy.write_text(CANCEL_POLICY)
    return Live(own_settings(Cluster((kafka.address,))), policy, capsys)


async def _feed(settings: WorkerSettings) -> None:
    """Twenty orders a seller, of which the seller cancels one; and three invalid records."""
    wrong = (partition_of(b"s1", PARTITIONS) + 1) % PARTITIONS
    async with publishing(settings) as publisher:
        await publisher.send("orders", [order(n, one) for one in SELLERS for n in range(20)])
        await publisher.send("orders", [cancellation(0, one) for one in SELLERS])
        await publisher.send("messages", [b"junk", b"{}"], key=b"s1")
        await publisher.send("orders", [order(99, "s1")], partition=wrong)


async def _cancel(settings: WorkerSettings, numbers: range) -> None:
    async with publishing(settings) as publisher:
        await publisher.send("orders", [cancellation(n, one) for one in SELLERS for n in numbers])


async def _expire(settings: WorkerSettings, number: int, before: int) -> None:
    """Does to a partition of the orders what retention does."""
    admin = AIOKafkaAdminClient(**settings.cluster.client_options())
    await admin.start()
    try:
        place = TopicPartition(settings.names.orders, number)
        await admin.delete_records({place: RecordsToDelete(before_offset=before)})
    finally:
        await admin.close()


def test_several_processes_print_what_one_prints(live: Live) -> None:
    asyncio.run(_feed(live.settings))
    asked = ("replay", "--as-of", AS_OF)
    one = live.print(*asked)
    three = live.print(*asked, "--workers", "3")
    assert three[:2] == one[:2]
    assert sorted(three[2]) == sorted(one[2])
    assert three[2][-1] == one[2][-1]
    assert one[0] == 1
    assert one[2][-1].startswith(f"read {20 * 20 + 20 + 3} = ")
    assert "+ invalid 3 +" in one[2][-1]
    assert len(one[1].splitlines()) == 2 * len(SELLERS)


def test_what_had_happened_and_what_was_known_are_asked_for_apart(live: Live) -> None:
    asyncio.run(_feed(live.settings))

    async def arrive_later() -> int:
        await asyncio.sleep(0.05)
        known_at = SystemClock().now()
        await asyncio.sleep(0.05)
        await _cancel(live.settings, range(1, 3))
        return known_at

    known_at = isoformat(asyncio.run(arrive_later()))
    counts = {}
    for name, asked in {
        "now": ("--as-of", AS_OF),
        "then": ("--as-of", AS_OF, "--known-at", known_at),
        "then, of an hour before": ("--as-of", "2026-11-20T00:59:59Z", "--known-at", known_at),
        "now, of an hour before": ("--as-of", "2026-11-20T00:59:59Z"),
    }.items():
        _, lines, _ = live.replay(*asked)
        counts[name] = {(one["numerator"], one["denominator"]) for one in lines}
    assert counts == {
        "now": {(3, 20)},
        "then": {(1, 20)},
        "then, of an hour before": {(0, 20)},
        "now, of an hour before": {(0, 20)},
    }
    asked = ("--as-of", AS_OF, "--known-at", known_at)
    assert live.replay(*asked, "--workers", "2")[1] == live.replay(*asked)[1]
    # The records of this test were made today, their events are of another day.
    _, lines, balance = live.replay("--known-at", known_at)
    assert lines == live.replay("--as-of", known_at, "--known-at", known_at)[1]
    assert balance.startswith(f"read {20 * 20 + 20 + 3} = ")


def test_a_range_that_retention_cut_is_refused_with_what_is_missing(live: Live) -> None:
    asyncio.run(_feed(live.settings))
    number = partition_of(b"s1", PARTITIONS)
    asyncio.run(_expire(live.settings, number, 7))
    gone = rf"orders\[{number}\] offsets 0 to 6\. "
    series = ("--seller", "s1", "--metric", "pre_fulfilment_cancel_rate")
    with pytest.raises(UnreadableSource, match=gone):
        live.print("explain", "--as-of", AS_OF, *series)
    with pytest.raises(UnreadableSource, match=gone) as refused:
        live.print("replay", "--as-of", AS_OF)
    assert live.capture.readouterr().out == ""
    begin = str(refused.value).rpartition("--from ")[2]
    assert begin == f"orders:{number}=7"
    _, _, balance = live.replay("--as-of", AS_OF, "--from", begin)
    assert balance.startswith(f"read {20 * 20 + 20 + 3 - 7} = ")
    with pytest.raises(UnreadableSource, match="offsets 0 to 6"):
        live.print("replay", "--as-of", AS_OF, "--from", "2020-01-01T00:00:00Z")
    # Nothing is that late: nothing is missing, and nothing is read.
    assert live.replay("--as-of", AS_OF, "--from", "2100-01-01T00:00:00Z")[1] == []
    with pytest.raises(UnreadableSource, match="a begin is given for orders, which is not read"):
        live.print("replay", "--as-of", AS_OF, "--raw", "x", "--from", "orders:0=1")


def test_what_retention_takes_meanwhile_is_named_by_the_process_that_misses_it(
    live: Live,
) -> None:
    asyncio.run(_feed(live.settings))
    names = {topic: name for name, topic in live.settings.names.sources.items()}
    source = KafkaSource(live.settings.cluster, names)
    found = source.find()
    # Known before anything is read: a progress bar has an end.
    assert source.total == 20 * 20 + 20 + 3
    number = partition_of(b"s1", PARTITIONS)
    asyncio.run(_expire(live.settings, number, 7))
    plan = Plan((live.policy,), parse_instant(AS_OF))
    remarks = Remarks(lambda line: None)
    with Crew(plan, 1) as crew, pytest.raises(UnreadableSource, match="cannot be read"):
        list(crew.answers({0: source.limited_to(found)}, remarks, lambda weight: None))


def test_a_replay_that_was_stopped_goes_on_and_prints_the_same(
    live: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asyncio.run(_feed(live.settings))
    monkeypatch.setattr("monitor.audit.parts._RECORDS_A_PART", 1)
    asked = ("replay", "--as-of", AS_OF)
    resumed = (*asked, "--resume", str(tmp_path / "done"))
    status, printed, remarks = live.print(*asked)
    keep, kept = Progress.keep, list[int]()

    def stopped(progress: Progress, number: int, answer: Answer) -> None:
        if len(kept) == 2:
            raise KeyboardInterrupt
        keep(progress, number, answer)
        kept.append(number)

    with monkeypatch.context() as patched:
        patched.setattr(Progress, "keep", stopped)
        with pytest.raises(click.exceptions.Abort):
            live.print(*resumed)
    # What comes in meanwhile is not of this replay: its end stays where it was.
    asyncio.run(_cancel(live.settings, range(1, 3)))
    again = live.print(*resumed)
    assert again[:2] == (status, printed)
    assert again[2][0] == f"2 of {PARTITIONS} parts were done before"
    assert again[2][-1] == remarks[-1]
    # All is there: nothing is read any more.
    for number in range(PARTITIONS):
        asyncio.run(_expire(live.settings, number, -1))
    assert live.print(*resumed)[1] == printed
    with pytest.raises(UnreadableSource, match="something else"):
        live.print("replay", "--as-of", "2026-11-20T13:00:00Z", *resumed[3:])


def test_the_cut_of_an_alert_gives_its_figures(live: Live) -> None:
    record = asyncio.run(_alerts(live))
    asked = ("--cut", str(AlertId.of(record)))
    for more in ((), ("--workers", "2")):
        status, lines, _ = live.replay(*asked, *more)
        (line,) = [
            one
            for one in lines
            if (one["seller"], one["window_days"]) == (record.seller, record.window_days)
        ]
        assert status == 0
        assert (line["numerator"], line["denominator"]) == (record.numerator, record.denominator)
        assert (line["level"], line["headroom"]) == ("approaching", record.headroom)
    series = ("--seller", record.seller, "--metric", record.metric)
    _, printed, _ = live.print("explain", *asked, *series, "--format", "jsonl")
    behind = [json.loads(line) for line in printed.splitlines()]
    assert [one["id"] for one in behind if one["in_numerator"]] == list(record.subjects)


async def _alerts(live: Live) -> MetricRecord:
    """Two cancellations of twenty, of which a worker warns; then another one."""
    shown, clock = list[AlertRecord](), EventClock(parse_instant(AS_OF))
    worker = Worker(live.settings, load_policies([live.policy]), clock, on_record=shown.append)
    async with publishing(live.settings) as publisher, worker:
        await publisher.send("orders", [order(n, one) for one in SELLERS for n in range(20)])
        await publisher.send("orders", [cancellation(n, "s3") for n in range(2)])
        await worker.applied(publisher.ends)
        clock.set(clock.now() + HOUR)
        await worker.evaluated(clock.now())
        await publisher.send("orders", [cancellation(n, "s3") for n in range(2, 5)])
        await worker.applied(publisher.ends)
        clock.set(clock.now() + HOUR)
        await worker.evaluated(clock.now())
        await until(lambda: len(shown) >= 2)
    record = shown[0]
    assert isinstance(record, MetricRecord)
    return record


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--known-at", AS_OF, "--to", AS_OF), "only one can be given"),
        (("--cut", "s1/shop/reply#1", "--raw", "x"), "does not go with --raw"),
        (("--cut", "s1/shop/reply#1", "--earlier-partitions", "2"), "--cut names one partition"),
        (("--cut", "s1/shop"), "is no alert record"),
        (("--workers", "2", "--raw", "x", "--as-of", AS_OF), "without --raw"),
        ((), "say --as-of, --known-at or --cut"),
    ],
)
def test_what_contradicts_itself_is_a_usage_error(
    live: Live, arguments: tuple[str, ...], message: str
) -> None:
    with pytest.raises(click.UsageError, match=message):
        live.print("replay", *arguments)
