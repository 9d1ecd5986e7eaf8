"""``monitor audit`` on real Kafka, of what a live worker said there."""

import asyncio
import json
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import click
import pytest
from msgspec.structs import replace

from deploy.kafka.node import KafkaNode
from monitor.audit.alert_id import AlertId
from monitor.cli import commands
from monitor.cluster import Cluster
from monitor.core.alert_records import AlertRecord
from monitor.core.instants import DAY, HOUR, isoformat, parse_instant
from monitor.policy import load_policies
from monitor.stream.clock import EventClock
from monitor.stream.worker import Worker, WorkerSettings
from tests.kafka.members import producing
from tests.stream.live import cancellation, order, own_settings, publishing, until

NOON = parse_instant("2026-11-20T12:00:00Z")
POLICY = """
name = "{name}"
[marketplaces.shop]
time_zone = "UTC"
[metrics.pre_fulfilment_cancel_rate]
windows = [30, 7]
limit = "at most {limit}%"
approach = "5%"
source = "https://marketplace.example/rules"
runbook = "Cancel less."
"""


@dataclass
class Audited:
    """Topics of a worker that has said something, and the command on them."""

    settings: WorkerSettings
    said: list[AlertRecord]
    capture: pytest.CaptureFixture[str]

    def audit(self, *arguments: str) -> tuple[int, str]:
        """Exit status and what was printed."""
        return self.run("audit", *arguments)

    def run(self, *arguments: str) -> tuple[int, str]:
        """The same of any command."""
        self.capture.readouterr()
        prefix = self.settings.names.orders.removesuffix("orders")
        where = ("--kafka", self.settings.cluster.address, "--prefix", prefix)
        status = commands.main([*arguments, *where], standalone_mode=False)
        return status, self.capture.readouterr().out

    def told(self, *arguments: str) -> tuple[int, dict[str, Any]]:
        """Exit status and the JSON."""
        status, printed = self.audit(*arguments, "--format", "json")
        return status, json.loads(printed)


@pytest.fixture
def audited(kafka: KafkaNode, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Audited:
    settings = own_settings(Cluster((kafka.address,)))
    return Audited(settings, asyncio.run(_said(settings, tmp_path)), capsys)


def _is_said(said: list[AlertRecord], count: int) -> bool:
    return len(said) >= count


async def _said(settings: WorkerSettings, folder: Path) -> list[AlertRecord]:
    """Two sellers of which one gets worse and better, under two policies, one after the other."""
    said, clock = list[AlertRecord](), EventClock(NOON)
    for turn, limit in enumerate((10, 50)):
        policy = folder / f"{limit}.toml"
        policy.write_text(POLICY.format(name=f"limit-{limit}", limit=limit))
        worker = Worker(settings, load_policies([policy]), clock, on_record=said.append)
        first = 100 * turn
        async with publishing(settings) as publisher, worker:
            for values in (
                [order(first + n, one) for one in ("bad", "good") for n in range(20)],
                [cancellation(first + n, "bad") for n in range(2 + 8 * turn)],
                [b"no event"],
            ):
                await publisher.send("orders", values, key=None if len(values) > 1 else b"bad")
                await worker.applied(publisher.ends)
                clock.set(clock.now() + HOUR)
                await worker.evaluated(clock.now())
            await until(partial(_is_said, said, 2))
        clock.set(clock.now() + DAY)
    return said


def test_each_record_comes_out_once_more_with_the_orders_behind_it(audited: Audited) -> None:
    for record in audited.said:
        status, told = audited.told(str(AlertId.of(record)))
        assert (status, told["verdict"]["outcome"]) == (0, "same"), told
        assert told["decided_again"].startswith("yes")
        assert told["figures"]["numerator"] == record.numerator  # type: ignore[union-attr]
        bad = [one["id"] for one in told["behind"] if one["in_numerator"]]
        assert sorted(bad) == sorted(record.subjects)


def test_a_range_has_every_verdict_and_how_near_the_others_came(audited: Audited) -> None:
    ends = (isoformat(NOON), isoformat(NOON + 3 * DAY))
    of_range = ("--range", "..".join(ends), "--seller")
    status, told = audited.told(*of_range, "bad")
    said = [str(AlertId.of(record)) for record in audited.said]
    assert status == 0, told["verdicts"]
    assert [one["id"] for one in told["verdicts"]] == said
    assert len(told["policies"]) == 2
    balance = told["balance"]
    # The last invalid record came after the last point: it changed nothing.
    assert balance["read"] == 2 * 20 + 2 + 10 + 1
    assert balance["invalid"] == 1
    assert sum(balance.values()) == 2 * balance["read"]

    status, told = audited.told(*of_range, "good")
    assert (status, told["verdicts"]) == (0, [])
    near = {one["alert"]: one for one in told["closest"]}
    assert near.keys() == {f"good/shop/pre_fulfilment_cancel_rate/{days}" for days in (30, 7)}
    assert {(one["numerator"], one["denominator"]) for one in near.values()} == {(0, 20)}


@pytest.mark.parametrize("form", ["text", "json", "html"])
def test_the_same_audit_has_the_same_bytes(audited: Audited, form: str, tmp_path: Path) -> None:
    arguments = (str(AlertId.of(audited.said[0])), "--format", form)
    printed = audited.audit(*arguments)[1]
    assert printed == audited.audit(*arguments)[1]
    out = tmp_path / "report"
    assert audited.audit(*arguments, "--out", str(out)) == (0, "")
    assert out.read_text() == printed
    with pytest.raises(click.UsageError, match="is there already"):
        audited.audit(*arguments, "--out", str(out))


def test_what_arrives_later_is_told_and_changes_no_verdict(audited: Audited) -> None:
    async def arrive() -> None:
        async with publishing(audited.settings) as publisher:
            await publisher.send("orders", [cancellation(n, "bad") for n in range(2, 5)])

    asyncio.run(arrive())
    record = audited.said[0]
    status, told = audited.told(str(AlertId.of(record)))
    assert (status, told["verdict"]["outcome"]) == (0, "same")
    assert told["late"]["events"] == 20 + 10 + 3
    assert told["late"]["figures"]["numerator"] > told["figures"]["numerator"]


def test_live_and_once_more_are_compared_and_one_difference_is_enough(
    audited: Audited, tmp_path: Path
) -> None:
    textfile = tmp_path / "compare.prom"
    status, printed = audited.run("compare", "--textfile", str(textfile))
    assert status == 0
    assert printed.startswith(f"the beginning .. the last point: {len(audited.said)} same\n")
    assert "seller_health_compare_unexplained 0\n" in textfile.read_text()

    async def forge() -> None:
        last = audited.said[-1]
        chain = replace(last.chain, n=last.chain.n + 1)
        forged = replace(last, seq=last.seq + 1, chain=chain)
        number, _ = last.cut["orders"]
        async with producing(audited.settings.cluster) as producer:
            topic = audited.settings.names.alerts
            await producer.send_and_wait(topic, forged.encode(), b"bad", partition=number)

    asyncio.run(forge())
    status, printed = audited.run("compare", "--textfile", str(textfile))
    assert status == 1
    assert "EXTRA" in printed
    assert "seller_health_compare_unexplained 1\n" in textfile.read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "name an alert"),
        (("s/m/reply#1", "--range", "2026-01-01T00:00:00Z..2026-01-02T00:00:00Z"), "name an alert"),
        (("--range", "2026-01-01T00:00:00Z..2026-01-02T00:00:00Z"), "goes with --seller"),
        (("--range", "2026-01-01T00:00:00Z", "--seller", "s"), "no range"),
        (
            ("--range", "2026-01-02T00:00:00Z..2026-01-01T00:00:00Z", "--seller", "s"),
            "before it begins",
        ),
        (("s/m/reply#1", "--metric", "refund_rate"), "go with --range"),
    ],
)
def test_what_contradicts_itself_is_a_usage_error(arguments: tuple[str, ...], message: str) -> None:
    with pytest.raises(click.UsageError, match=message):
        commands.main(["audit", *arguments, "--kafka", "x:1"], standalone_mode=False)
