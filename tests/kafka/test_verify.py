"""The alert log of a live worker on real Kafka, and copies of it that somebody tampered with."""

import asyncio
import json
import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from aiokafka import ConsumerRecord
from aiokafka.admin import NewTopic
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from deploy.kafka.node import KafkaNode
from monitor.cli import commands
from monitor.cluster import Cluster
from monitor.core.alert_records import AlertRecord
from monitor.core.instants import HOUR, parse_instant
from monitor.errors import UnreadableSource
from monitor.policy import policy_file
from monitor.stream.clock import EventClock
from monitor.stream.worker import Worker
from tests.faults.evidence import read_all
from tests.kafka.members import administering, producing
from tests.policies.documents import parsed
from tests.stream.live import (
    PARTITIONS,
    cancellation,
    one_metric_rulebook,
    order,
    own_settings,
    publishing,
    until,
)

SELLERS = ("s1", "s2", "s3", "s5")
Records = list[ConsumerRecord]
"""Of the partition that is tampered with."""


@pytest.fixture(scope="module")
def cluster(kafka: KafkaNode) -> Cluster:
    return Cluster((kafka.address,))


@pytest.fixture(scope="module")
def said(cluster: Cluster) -> Records:
    """The alert log of a worker whose sellers get worse and better three times."""
    return asyncio.run(_said(cluster))


async def _said(cluster: Cluster) -> Records:
    settings, shown = own_settings(cluster), list[AlertRecord]()
    clock = EventClock(parse_instant("2026-11-20T12:00:00Z"))
    worker = Worker(settings, one_metric_rulebook(), clock, on_record=shown.append)
    async with publishing(settings) as publisher, worker:
        for turn in range(3):
            first = turn * 100
            worse = [_some(order, first, 10), _some(cancellation, first, 4)]
            for values in ([*worse[0], *worse[1]], _some(order, first + 10, 40)):
                await publisher.send("orders", values)
                await worker.applied(publisher.ends)
                clock.set(clock.now() + HOUR)
                await worker.evaluated(clock.now())
        await until(lambda: len(shown) == 6 * len(SELLERS))
    records, _ = await read_all(cluster, [settings.names.alerts])
    return sorted(records, key=lambda one: (one.partition, one.offset))


def _some(make: Callable[[int, str], bytes], first: int, count: int) -> list[bytes]:
    return [make(first + n, seller) for seller in SELLERS for n in range(count)]


def _copied(cluster: Cluster, records: Sequence[ConsumerRecord]) -> str:
    """Publish records as a log of their own; the prefix of its name."""
    prefix = f"copy-{uuid.uuid4().hex[:12]}-"
    asyncio.run(_copy(cluster, f"{prefix}alerts", records))
    return prefix


async def _copy(cluster: Cluster, topic: str, records: Sequence[ConsumerRecord]) -> None:
    async with administering(cluster) as admin:
        await admin.create_topics([NewTopic(topic, PARTITIONS, 1)])
    async with producing(cluster) as producer:
        for one in records:
            await producer.send_and_wait(topic, one.value, one.key, partition=one.partition)


def _monitor(cluster: Cluster, command: str, prefix: str, *more: str) -> int:
    """The exit status of a command on a log."""
    where = ("--kafka", cluster.address, "--prefix", prefix)
    status: int = commands.main([command, *where, *more], standalone_mode=False)
    return status


def _faults(
    cluster: Cluster, records: Sequence[ConsumerRecord], capsys: Any, *more: str
) -> list[tuple[str, str]]:
    """Kind and place of each fault, the latter as partition and offset."""
    status = _monitor(cluster, "verify", _copied(cluster, records), "--format", "json", *more)
    found = json.loads(capsys.readouterr().out)
    assert status == (0 if found["intact"] else 1)
    assert found["intact"] == (not found["faults"])
    return [(fault["kind"], fault["at"].split("alerts")[1]) for fault in found["faults"]]


def _split(records: Records) -> tuple[int, Records, Records]:
    """The busiest partition, its records, and those of all others."""
    numbers = [one.partition for one in records]
    number = max(sorted(set(numbers)), key=numbers.count)
    own = [one for one in records if one.partition == number]
    assert len(own) >= 6
    return number, own, [one for one in records if one.partition != number]


def test_the_log_of_a_worker_is_intact_also_where_a_crash_has_repeated_its_end(
    cluster: Cluster, said: Records, capsys: pytest.CaptureFixture[str]
) -> None:
    _, own, others = _split(said)
    assert _faults(cluster, said, capsys) == []
    assert _faults(cluster, [*own, *own[-3:], *others], capsys) == []


def test_the_settings_of_the_worker_say_where_the_log_is(
    cluster: Cluster, said: Records, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    prefix, config = _copied(cluster, said), tmp_path / "monitor.toml"
    (tmp_path / "policy.toml").write_text(policy_file(parsed()))
    config.write_text(
        f'policies = ["policy.toml"]\n[kafka]\nbootstrap_servers = "{cluster.address}"\n'
        f'[topics]\nalerts = "{prefix}alerts"\n'
    )
    status = commands.main(["verify", "--config", str(config)], standalone_mode=False)
    assert status == 0
    assert f"{prefix}alerts: intact" in capsys.readouterr().out


def test_a_record_that_was_tampered_with_is_named(
    cluster: Cluster, said: Records, capsys: pytest.CaptureFixture[str]
) -> None:
    number, own, others = _split(said)
    value = own[2].value.replace(b'"to":"breached"', b'"to":"approaching"')
    assert value != own[2].value
    forged = replace(own[2], value=value)
    found = _faults(cluster, [*own[:2], forged, *own[3:], *others], capsys)
    assert found == [("altered", f"[{number}]@2")]


def test_a_record_that_was_dropped_is_missed_at_its_place(
    cluster: Cluster, said: Records, capsys: pytest.CaptureFixture[str]
) -> None:
    number, own, others = _split(said)
    found = _faults(cluster, [*own[:2], *own[3:], *others], capsys)
    assert found == [("missing", f"[{number}]@2")]


def test_two_records_that_were_exchanged_are_named(
    cluster: Cluster, said: Records, capsys: pytest.CaptureFixture[str]
) -> None:
    number, own, others = _split(said)
    found = _faults(cluster, [*own[:2], own[3], own[2], *own[4:], *others], capsys)
    assert found == [("moved", f"[{number}]@3")]


def test_a_record_of_somebody_elses_is_named(
    cluster: Cluster, said: Records, capsys: pytest.CaptureFixture[str]
) -> None:
    number, own, others = _split(said)
    foreign = replace(own[0], value=b'{"alert":"S/M/x/1","to":"ok"}')
    found = _faults(cluster, [*own[:3], foreign, *own[3:], *others], capsys)
    assert found == [("foreign", f"[{number}]@3")]


@pytest.mark.parametrize("algorithm", ["hmac", "ed25519"])
def test_a_tail_that_was_cut_shows_against_a_signed_head_and_only_there(
    cluster: Cluster,
    said: Records,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    algorithm: str,
) -> None:
    number, own, others = _split(said)
    key, check_key, head = tmp_path / "key", tmp_path / "public", tmp_path / "head.json"
    _write_keys(algorithm, key, check_key)
    before = _copied(cluster, [*own[:4], *others])
    assert _monitor(cluster, "sign-head", before, "--key", str(key), str(head)) == 0
    against = ("--head", str(head), "--key", str(check_key))
    capsys.readouterr()
    assert _faults(cluster, said, capsys, *against) == []
    cut = [*own[:2], *others]
    assert _faults(cluster, cut, capsys) == []
    assert _faults(cluster, cut, capsys, *against) == [("cut", f"[{number}]@2")]
    rewritten = _rewritten(own[:5])
    assert _faults(cluster, [*rewritten, *others], capsys) == []
    assert [kind for kind, _ in _faults(cluster, [*rewritten, *others], capsys, *against)] == [
        "rewritten"
    ]


def test_a_log_that_is_not_intact_is_not_signed(
    cluster: Cluster, said: Records, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _write_keys("hmac", tmp_path / "key", tmp_path / "key")
    prefix, out = _copied(cluster, said[1:]), tmp_path / "head.json"
    assert _monitor(cluster, "sign-head", prefix, "--key", str(tmp_path / "key"), str(out)) == 1
    assert "missing: record 1 is missing before it" in capsys.readouterr().err
    assert not out.exists()


def test_a_log_that_is_not_there_could_not_be_checked(cluster: Cluster) -> None:
    with pytest.raises(UnreadableSource, match="has no topic nowhere-alerts"):
        _monitor(cluster, "verify", "nowhere-")


def _rewritten(records: Records) -> Records:
    """The past once more, somewhat better, and chained as it should be."""
    forged: Records = []
    for one in records:
        value = json.loads(one.value) | {"program": "forged"}
        if forged:
            value["chain"]["previous"] = sha256(forged[-1].value).hexdigest()
        encoded = json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
        forged.append(replace(one, value=encoded))
    return forged


def _write_keys(algorithm: str, key: Path, check_key: Path) -> None:
    """What signs, and what checks."""
    if algorithm == "hmac":
        for path in (key, check_key):
            path.write_text("0123456789abcdef0123456789abcdef\n")
        return
    private = Ed25519PrivateKey.generate()
    key.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    public = private.public_key()
    check_key.write_bytes(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
