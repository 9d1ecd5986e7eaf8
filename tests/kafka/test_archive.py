"""``monitor archive`` on real Kafka: what it has copied answers like the topics did."""

import asyncio
import json
import signal
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.records_to_delete import RecordsToDelete

from deploy.kafka.node import KafkaNode
from monitor.audit.alert_id import AlertId
from monitor.audit.archive_command import TOPICS
from monitor.audit.archive_files import open_topic
from monitor.audit.archive_log import ArchiveLog
from monitor.audit.kafka_log import KafkaLog
from monitor.audit.logs import LogRecord, every_record
from monitor.cli import commands
from monitor.cluster import Cluster
from monitor.core.alert_records import AlertRecord
from monitor.core.instants import HOUR, isoformat, parse_instant
from monitor.errors import UnreadableSource
from monitor.policy import load_policies
from monitor.stream.clock import EventClock, SystemClock
from monitor.stream.topics import TopicNames
from monitor.stream.worker import Worker
from tests.kafka.members import administering, producing
from tests.stream.live import CANCEL_POLICY, cancellation, order, own_settings, publishing, until

SELLERS = [f"s{n}" for n in range(8)]
AS_OF = "2026-11-21T00:00:00Z"
DAY = ("--range", "2026-11-20T00:00:00Z..2026-11-21T00:00:00Z")


@dataclass
class Live:
    """A cluster on which a worker has said alerts, and what commands print about them."""

    cluster: Cluster
    names: TopicNames
    folder: Path
    alert: AlertId
    between: str
    capture: pytest.CaptureFixture[str]

    @property
    def prefix(self) -> str:
        return self.names.orders.removesuffix("orders")

    @property
    def kafka(self) -> tuple[str, ...]:
        return ("--kafka", self.cluster.address, "--prefix", self.prefix)

    def run(self, *arguments: str) -> tuple[int, str, list[str]]:
        """Status, stdout, and the lines of stderr in some order."""
        self.capture.readouterr()
        status: int = commands.main(list(arguments), standalone_mode=False)
        out, err = self.capture.readouterr()
        return status, out, sorted(err.splitlines())

    def answers(self, *place: str) -> dict[str, object]:
        """What all commands say that read topics."""
        policy = ("--policy", str(self.folder / "policy.toml"))
        series = ("--seller", self.alert.seller, "--metric", "pre_fulfilment_cancel_rate")
        as_of, cut = ("--as-of", AS_OF), ("--cut", str(self.alert))
        out = self.folder / f"{place[0]}.zip"
        key = ("--key", str(self.folder / "key"))
        said: dict[str, object] = {
            "replay": self.run("replay", *place, *policy, *as_of),
            "workers": self.run("replay", *place, *policy, *as_of, "--workers", "2"),
            "cut": self.run("replay", *place, *policy, *cut),
            "known": self.run("replay", *place, *policy, *as_of, "--known-at", self.between),
            "since": self.run("replay", *place, *policy, *as_of, "--from", self.between),
            "explain": self.run("explain", *place, *policy, *as_of, *series),
            "verify": self.run("verify", *place, "--format", "json"),
            "sign-head": self.run("sign-head", *place, *key, str(self.folder / f"{place[0]}.json")),
            "bundle": self.run("bundle", str(self.alert), str(out), *place),
            "audit": self.run("audit", str(self.alert), *place, "--format", "json"),
            "range": self.run("audit", *DAY, "--seller", self.alert.seller, *place),
            "compare": self.run("compare", *place),
        }
        said["zip"] = out.read_bytes()
        said["head"] = _marks(self.folder / f"{place[0]}.json")
        return said


def _marks(head: Path) -> dict[str, object]:
    """What a signed head says, but for when it was made."""
    kept: dict[str, object] = json.loads(head.read_text())["head"]
    return {name: said for name, said in kept.items() if name != "made_at"}


@pytest.fixture
def live(kafka: KafkaNode, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Live:
    (tmp_path / "policy.toml").write_text(CANCEL_POLICY)
    (tmp_path / "key").write_text("0123456789abcdef0123456789abcdef\n")
    return asyncio.run(_live(Cluster((kafka.address,)), tmp_path, capsys))


async def _live(cluster: Cluster, folder: Path, capsys: pytest.CaptureFixture[str]) -> Live:
    """Sellers who cancel one order of twenty, then two, of which a worker warns; and junk."""
    settings, shown = own_settings(cluster), list[AlertRecord]()
    clock, between = EventClock(parse_instant("2026-11-20T12:00:00Z")), 0
    rulebook = load_policies([folder / "policy.toml"])
    worker = Worker(settings, rulebook, clock, on_record=shown.append)
    async with publishing(settings) as publisher, worker:
        await publisher.send("orders", [order(n, one) for one in SELLERS for n in range(20)])
        await publisher.send("messages", [b"junk", b"{}"], key=b"s1")
        for turn in (1, 2):
            if turn == 2:
                await asyncio.sleep(0.05)
                between = SystemClock().now()
                await asyncio.sleep(0.05)
            late = [cancellation(n, one) for one in SELLERS for n in range(turn)]
            await publisher.send("orders", late)
            await worker.applied(publisher.ends)
            clock.set(clock.now() + HOUR)
            await worker.evaluated(clock.now())
        await until(lambda: len(shown) >= len(SELLERS))
    alert = AlertId.of(shown[0])
    return Live(cluster, settings.names, folder, alert, isoformat(between), capsys)


def _kept(live: Live) -> dict[tuple[str, int], list[LogRecord]]:
    """All records of the archived topics as they are on the cluster."""
    found = {}
    for topic in TOPICS:
        with KafkaLog(live.cluster, getattr(live.names, topic)) as log:
            for number in log.bounds():
                found[topic, number] = list(every_record(log, number))
    return found


def _archived(archive: Path) -> dict[tuple[str, int], list[LogRecord]]:
    found = {}
    for topic in TOPICS:
        log = ArchiveLog(open_topic(archive, topic.replace("_", "-")))
        for number in log.bounds():
            found[topic, number] = list(every_record(log, number))
    return found


async def _delete_all(live: Live) -> None:
    """Does to every topic but the compacted one what retention does."""
    admin = AIOKafkaAdminClient(**live.cluster.client_options())
    await admin.start()
    try:
        names = [getattr(live.names, topic) for topic in TOPICS if topic != "policies"]
        for described in await admin.describe_topics(names):
            for partition in described["partitions"]:
                place = TopicPartition(described["topic"], partition["partition"])
                await admin.delete_records({place: RecordsToDelete(before_offset=-1)})
    finally:
        await admin.close()


def test_every_command_says_of_the_archive_what_it_said_of_the_topics(live: Live) -> None:
    archive = live.folder / "archive"
    before, records = live.answers(*live.kafka), _kept(live)
    status, said, missing = live.run("archive", *live.kafka, "--to", str(archive))
    assert (status, missing) == (0, [])
    assert f"{live.names.orders}: {20 * 8 + 3 * 8} records added in " in said
    asyncio.run(_delete_all(live))
    with pytest.raises(UnreadableSource, match="retention has taken"):
        live.run("replay", *live.kafka, "--as-of", AS_OF, "--policy", f"{live.folder}/policy.toml")
    assert _archived(archive) == records
    assert any(one.headers for kept in records.values() for one in kept)
    after = live.answers("--archive", str(archive))
    assert after == before
    # None of them is empty.
    assert isinstance(before["replay"], tuple)
    assert len(before["replay"][1].splitlines()) == 2 * len(SELLERS)
    assert before["known"] != before["replay"]
    assert before["since"] != before["replay"]
    assert zipfile.is_zipfile(live.folder / "--archive.zip")


def test_an_archive_of_topics_that_were_made_anew_is_refused(live: Live) -> None:
    archive = live.folder / "archive"
    to = ("archive", *live.kafka, "--to", str(archive))
    assert live.run(*to)[0] == 0
    status, said, _ = live.run(*to)
    assert status == 0
    assert [line.rpartition(": ")[2] for line in said.splitlines()] == ["nothing new"] * len(TOPICS)

    async def anew() -> None:
        async with administering(live.cluster) as admin:
            await admin.delete_topics([live.names.orders])
        await asyncio.sleep(1)
        settings = own_settings(live.cluster, live.prefix)
        async with publishing(settings) as publisher:
            await publisher.send("orders", [order(n, one) for one in SELLERS for n in range(40)])

    asyncio.run(anew())
    kept = sorted(archive.rglob("*.parquet"))
    with pytest.raises(UnreadableSource, match=r"is another record|ends at \d+, before"):
        live.run(*to)
    assert sorted(archive.rglob("*.parquet")) == kept


@pytest.mark.slow
def test_a_kill_in_the_middle_costs_only_what_was_not_yet_a_whole_file(live: Live) -> None:
    archive, count = live.folder / "archive", 150_000

    async def feed() -> None:
        async with producing(live.cluster) as producer:
            for n in range(count):
                value = order(n, "s1")
                await producer.send(live.names.orders, value, key=b"s1", partition=0)
            await producer.flush()

    asyncio.run(feed())
    program = (
        "from monitor.audit import archive_copy;"
        "archive_copy._FILE_RECORDS = 10_000;"
        "from monitor.cli import main; main()"
    )
    asked = ["archive", *live.kafka, "--to", str(archive)]
    command = [sys.executable, "-c", program, *asked]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)  # noqa: S603 - our own
    while len(list(archive.glob("orders/*/*.parquet"))) < 3:
        assert process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.wait()
    kept = {path: path.read_bytes() for path in archive.glob("orders/*/*.parquet")}
    assert live.run(*asked)[0] == 0
    assert {path: path.read_bytes() for path in kept} == kept
    assert _archived(archive) == _kept(live)
