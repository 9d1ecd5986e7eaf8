"""An alert of a live worker on real Kafka, given to a stranger who has none."""

import asyncio
import json
import os
import re
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import click
import pytest
from msgspec.structs import replace

from deploy.kafka.node import KafkaNode
from monitor.audit.alert_id import AlertId
from monitor.cli import commands
from monitor.cluster import Cluster
from monitor.core.alert_records import AlertRecord, DeadlineRecord, MetricRecord, decode_record
from monitor.core.instants import HOUR, parse_instant
from monitor.errors import NothingToExplain
from monitor.policy import Policy, rulebook_of
from monitor.stream.clock import EventClock
from monitor.stream.worker import Worker
from tests.policies.documents import parsed, table
from tests.stream.live import cancellation, order, own_settings, publishing, until

SELLERS = ["s3", "s5", "s7"]


def policy() -> Policy:
    metrics = {
        "pre_fulfilment_cancel_rate": table("pre_fulfilment_cancel_rate", approach="2.5%"),
        "valid_tracking_rate": table("valid_tracking_rate", by_category={"shoes": "at least 90%"}),
    }
    shops = {"shop": {"time_zone": "America/Los_Angeles", "holidays": "US"}}
    reply = {"warn_before_hours": Decimal("0.5")}
    return parsed(metrics, marketplaces=shops, deadlines={"shipment": {}, "reply": reply})


@dataclass
class Live:
    """A cluster on which a worker has said these alerts."""

    cluster: Cluster
    prefix: str
    said: list[AlertRecord]

    def named(self, seller: str, kind: type[AlertRecord]) -> AlertRecord:
        """The first record of a seller's of a kind."""
        return next(one for one in self.said if one.seller == seller and isinstance(one, kind))

    def bundle(self, record: AlertRecord, out: Path, *more: str) -> int:
        """The exit status of ``monitor bundle``."""
        where = ("--kafka", self.cluster.address, "--prefix", self.prefix)
        arguments = ["bundle", str(AlertId.of(record)), str(out), *where, *more]
        status: int = commands.main(arguments, standalone_mode=False)
        return status


@pytest.fixture(scope="module")
def live(kafka: KafkaNode) -> Live:
    """Sellers who cancel an order in twenty, then two, and let the others come to be due."""
    return asyncio.run(_live(Cluster((kafka.address,))))


async def _live(cluster: Cluster) -> Live:
    settings, shown = own_settings(cluster), list[AlertRecord]()
    clock = EventClock(parse_instant("2026-11-20T12:00:00Z"))
    worker = Worker(settings, rulebook_of([policy()]), clock, on_record=shown.append)
    async with publishing(settings) as publisher, worker:
        await publisher.send("orders", [order(n, one) for one in SELLERS for n in range(20)])
        for count in (1, 2):
            late = [cancellation(n, one) for one in SELLERS for n in range(count)]
            await publisher.send("orders", late)
            await worker.applied(publisher.ends)
            clock.set(clock.now() + HOUR)
            await worker.evaluated(clock.now())
        clock.set(parse_instant("2026-11-25T12:00:00Z"))
        await worker.evaluated(clock.now())
        # What comes later is not in a bundle of what was said before.
        await publisher.send("orders", [cancellation(5, one) for one in SELLERS])
        await worker.applied(publisher.ends)
        await until(lambda: len(shown) >= 2 * len(SELLERS))
    return Live(cluster, settings.names.orders.removesuffix("orders"), shown)


def stranger(folder: Path, command: str) -> subprocess.CompletedProcess[str]:
    """Runs a command of the README in its folder, with the monitor on the path."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(  # noqa: S602 - the README gives it for a shell
        command,
        shell=True,
        cwd=folder,
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("kind", "pseudonymise"), [(MetricRecord, False), (MetricRecord, True), (DeadlineRecord, True)]
)
def test_a_stranger_comes_to_the_same_figures_without_kafka(
    live: Live, tmp_path: Path, kind: type[AlertRecord], pseudonymise: bool
) -> None:
    record = live.named("s7", kind)
    (tmp_path / "key").write_text("0123456789abcdef0123456789abcdef\n")
    more = ("--pseudonymise", str(tmp_path / "key")) if pseudonymise else ()
    assert live.bundle(record, tmp_path / "out.zip", *more) == 0
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        archive.extractall(tmp_path / "out")
    readme = (tmp_path / "out" / "README.txt").read_text()
    (command,) = re.findall(r"^ +(monitor replay .*)$", readme, re.MULTILINE)
    done = stranger(tmp_path / "out", command)
    assert (done.returncode, done.stdout) == (0, "")
    assert "+ invalid 0 +" in done.stderr
    if isinstance(record, MetricRecord):
        printed = (tmp_path / "out" / "expected.jsonl").read_text()
        assert has_figures_of(record, [json.loads(line) for line in printed.splitlines()])
    arguments = ["check-bundle", str(tmp_path / "out.zip")]
    assert commands.main(arguments, standalone_mode=False) == 0
    found = decode_record((tmp_path / "out" / "alert.json").read_bytes())
    assert (found == record) == (not pseudonymise)
    assert ("s7" in readme) == (not pseudonymise)


def has_figures_of(record: MetricRecord, lines: list[dict[str, Any]]) -> bool:
    """Whether one of the lines is about the alert and says what its record says."""
    names = ("metric", "window_days", "category", "numerator", "denominator", "headroom")
    said = [getattr(record, name) for name in names]
    return [[line[name] for name in names] for line in lines].count(said) == 1


def test_the_same_bundle_has_the_same_bytes_and_overwrites_nothing(
    live: Live, tmp_path: Path
) -> None:
    record = live.named("s3", MetricRecord)
    assert live.bundle(record, tmp_path / "one.zip") == 0
    assert live.bundle(record, tmp_path / "two.zip") == 0
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()
    with pytest.raises(click.UsageError, match="is there already"):
        live.bundle(record, tmp_path / "one.zip")


def test_an_alert_that_nobody_gave_is_not_bundled(live: Live, tmp_path: Path) -> None:
    record = replace(live.named("s3", MetricRecord), seq=99)
    with pytest.raises(NothingToExplain, match=r"has no record s3/shop/.*#99"):
        live.bundle(record, tmp_path / "out.zip")
    assert not (tmp_path / "out.zip").exists()
