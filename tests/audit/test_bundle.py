"""A bundle holds all that its figures rest on, checks itself, and shows what was changed."""

import io
import json
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from monitor.audit import bundle_check
from monitor.audit.alert_id import AlertId
from monitor.audit.bundle import bundle
from monitor.audit.bundle_check import check_bundle, read_bundle
from monitor.audit.dossier import gather
from monitor.audit.keys import Secret
from monitor.audit.logs import Log, LogRecord
from monitor.audit.verification import partition_of
from monitor.errors import Irreproducible, NothingToExplain, UnknownPolicy, UnreadableSource
from tests.audit.memory import MemoryLog
from tests.audit.world import World
from tests.policies.documents import parsed, table

SECRET = Secret(b"0123456789abcdef0123456789abcdef")
CANCELLED, SHIPMENT = "S1/M1/pre_fulfilment_cancel_rate/30", "S1/M1/shipment"


def event(type_: str, at: str, order: str, seller: str = "S1", **fields: Any) -> dict[str, Any]:
    common = {"type": type_, "id": f"{type_}-{order}", "at": at, "seller": seller}
    return common | {"marketplace": "M1", "order": order} | fields


def placed(order: str, **fields: Any) -> dict[str, Any]:
    return event("order_placed", "2026-03-02T08:00:00Z", order, amount=17.25, **fields)


def cancelled(order: str, at: str = "2026-03-02T09:00:00Z", **fields: Any) -> dict[str, Any]:
    return event("order_cancelled", at, order, by="seller", reason="Jane Doe", **fields)


@pytest.fixture
def world() -> World:
    """Two sellers whose cancellations break a limit, and a shipment that comes to be due."""
    metrics = {name: table(name) for name in ("pre_fulfilment_cancel_rate", "late_shipment_rate")}
    world = World(parsed(metrics, deadlines={"shipment": {}}))
    world.at("2026-03-02T08:30:00Z", *(placed(f"o{n}") for n in range(4)))
    world.at("2026-03-02T09:00:00Z", cancelled("o1"), placed("p", seller="S2"))
    world.at("2026-03-02T09:30:00Z", cancelled("p", "2026-03-02T09:10:00Z", seller="S2"))
    world.at("2026-03-02T10:00:00Z", cancelled("o2", "2026-03-02T10:00:00Z"), *ALSO)
    world.at("2026-03-04T23:00:00Z")
    return world


ALSO = [
    placed("elsewhere", id="e", marketplace="M2"),
    {"type": "heartbeat", "id": "h", "at": "2026-03-02T09:00:00Z", "seller": "S1"}
    | {"marketplace": "M1"},
]


def packed(world: World, name: str, secret: Secret | None = None) -> dict[str, bytes]:
    """The files of a bundle."""
    data = bundle(gather(world.open_log, AlertId.parse(name), ()), secret)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {entry: archive.read(entry) for entry in archive.namelist()}


def faults(files: dict[str, bytes], folder: Path) -> list[str]:
    """What is wrong with a bundle of these files."""
    path = folder / "bundle.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return [finding.fault for finding in check_bundle(read_bundle(path)) if finding.fault]


def test_the_alerts_of_the_world_are_these(world: World) -> None:
    said = [(str(AlertId.of(record)), record.to.value) for record in world.said]
    assert said == [
        (f"{CANCELLED}#1", "breached"),
        ("S2/M1/pre_fulfilment_cancel_rate/30#1", "breached"),
        (f"{SHIPMENT}#1", "approaching"),
    ]


@pytest.mark.parametrize("secret", [None, SECRET], ids=["in clear", "pseudonymised"])
@pytest.mark.parametrize("name", [f"{CANCELLED}#1", f"{SHIPMENT}#1"])
def test_a_bundle_checks(world: World, tmp_path: Path, name: str, secret: Secret | None) -> None:
    files = packed(world, name, secret)
    assert faults(files, tmp_path) == []
    assert set(files) == set(bundle_check.FILES)


def test_a_bundle_has_the_record_and_what_was_known_when_it_was_decided(world: World) -> None:
    files = packed(world, f"{CANCELLED}#1")
    assert files["alert.json"] == world.topics["alerts"][0].value
    events = [json.loads(line) for line in files["events.jsonl"].splitlines()]
    assert [(one["type"], one["order"]) for one in events] == [
        *[("order_placed", f"o{n}") for n in range(4)],
        ("order_cancelled", "o1"),
    ]
    expected = json.loads(files["expected.json"])
    assert expected["figures"]["numerator"] == expected["line"]["numerator"] == 1
    assert expected["line"] in [json.loads(line) for line in files["expected.jsonl"].splitlines()]
    assert json.loads(files["point.json"])["as_of"] == "2026-03-02T09:00:00Z"
    (line,) = [one for one in files["README.txt"].splitlines() if one.startswith(b"    {")]
    assert json.loads(line) == expected["line"]


def test_the_same_bundle_has_the_same_bytes(world: World) -> None:
    dossier = gather(world.open_log, AlertId.parse(f"{SHIPMENT}#1"), ())
    again = dossier._replace(events=list(reversed(dossier.events)))
    assert bundle(dossier) == bundle(again)
    assert bundle(dossier, SECRET) == bundle(again, SECRET) != bundle(dossier)


def test_other_sellers_and_buyers_are_not_in_a_bundle(world: World) -> None:
    for secret in (None, SECRET):
        for name in (f"{CANCELLED}#1", f"{SHIPMENT}#1"):
            files = packed(world, name, secret)
            every = b"\n".join(files.values())
            for word in (b"Jane", b"17.25", b"S2", b"elsewhere"):
                assert word not in every


def test_no_id_is_in_clear_in_a_pseudonymised_bundle(world: World) -> None:
    in_clear = b"\n".join(packed(world, f"{SHIPMENT}#1").values())
    hashed = b"\n".join(packed(world, f"{SHIPMENT}#1", SECRET).values())
    record = world.said[2]
    digests = [record.chain.previous.encode(), sha256(record.encode()).hexdigest().encode()]
    for name in (b'"o0"', b'"o1"', b"S1", *digests):
        assert name in in_clear
        assert name not in hashed


def test_neighbours_in_the_chain_are_shown_where_they_are_the_sellers_own(world: World) -> None:
    first = json.loads(packed(world, f"{CANCELLED}#1")["chain.json"])
    assert first["previous"] is None
    assert set(first["following"]) == {"offset", "sha256", "previous"}
    assert first["following"]["previous"] == first["sha256"]
    world.at("2026-03-05T09:00:00Z")
    last = json.loads(packed(world, f"{SHIPMENT}#1")["chain.json"])
    assert last["previous"]["sha256"] == world.said[2].chain.previous
    assert json.loads(last["following"]["record"])["seller"] == "S1"


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("alert.json", b'"numerator":1', b'"numerator":2', "numerator 2 in the record, 1 again"),
        ("alert.json", b'"to":"breached"', b'"to":"approaching"', "alert.json has the digest"),
        ("events.jsonl", b"order_cancelled", b"order_lost", "unknown_type"),
        ("events.jsonl", b'"order":"o3"', b'"order":"o2"', "denominator 4 in the record, 3 again"),
        ("policy.json", b"under 4%", b"under 5%", "policy.json has the digest"),
        ("policy.toml", b"under 4%", b"under 5%", "policy.toml has the digest"),
        ("policy.toml", b"under 4%", b"=", "limit"),
        ("expected.jsonl", b'"numerator":1', b'"numerator":2', "expected.jsonl says something"),
        ("expected.json", b'"numerator": 1', b'"numerator": 2', "expected.json has"),
        ("point.json", b"2026", b"2025", "point.json is another point"),
        ("chain.json", b'"n": 1', b'"n": 2', "the record is number 1, but chain.json says 2"),
        ("chain.json", b'"sha256": "', b'"sha256": "0', "alert.json has the digest"),
        ("chain.json", b'"previous": "', b'"previous": "0', "not chained to this one"),
    ],
)
def test_what_was_changed_is_named(
    world: World, tmp_path: Path, file: str, old: bytes, new: bytes, message: str
) -> None:
    files = packed(world, f"{CANCELLED}#1")
    changed = files[file].replace(old, new)
    assert changed != files[file]
    assert message in "; ".join(faults(files | {file: changed}, tmp_path))


@pytest.mark.parametrize(
    ("file", "data"),
    [
        ("alert.json", b"{}"),
        ("alert.json", b"\xff"),
        ("chain.json", b"[]"),
        ("policy.json", b"{}"),
        ("policy.json", b"\xff"),
        ("point.json", b""),
        ("expected.json", b"x"),
    ],
)
def test_what_is_no_bundle_is_refused(world: World, tmp_path: Path, file: str, data: bytes) -> None:
    files = packed(world, f"{CANCELLED}#1")
    with pytest.raises(UnreadableSource):
        faults(files | {file: data}, tmp_path)
    del files[file]
    with pytest.raises(UnreadableSource, match="is no bundle"):
        faults(files, tmp_path)


def test_a_record_under_another_name_is_refused(world: World, tmp_path: Path) -> None:
    files = packed(world, f"{CANCELLED}#1")
    files["alert.json"] = files["alert.json"].replace(CANCELLED.encode(), b"x")
    with pytest.raises(UnreadableSource, match="about another alert"):
        faults(files, tmp_path)


def test_a_file_that_is_no_zip_or_too_large_is_refused(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "x").write_bytes(b"x")
    with pytest.raises(UnreadableSource, match="is no bundle"):
        read_bundle(tmp_path / "x")
    monkeypatch.setattr(bundle_check, "BYTES_MAX", 100)
    with pytest.raises(UnreadableSource, match="more than a bundle may"):
        faults(packed(world, f"{CANCELLED}#1"), tmp_path)


def test_events_that_do_not_give_the_record_are_no_evidence(world: World) -> None:
    dossier = gather(world.open_log, AlertId.parse(f"{CANCELLED}#1"), ())
    cut = dossier._replace(events=dossier.events[1:], truncated=["orders[0] begins at offset 1"])
    with pytest.raises(Irreproducible, match="denominator 4 in the record, 3 again") as refused:
        bundle(cut)
    assert "retention took records: orders[0] begins at offset 1" in str(refused.value)


def test_what_retention_has_taken_is_named(world: World) -> None:
    world.topics["orders"] = world.topics["orders"][2:]
    dossier = gather(world.open_log, AlertId.parse(f"{CANCELLED}#1"), ())
    assert dossier.truncated == ["orders[0] begins at offset 2"]


def test_a_topic_that_ends_before_the_cut_is_refused(world: World) -> None:
    world.topics["orders"] = world.topics["orders"][:3]
    with pytest.raises(UnreadableSource, match=r"orders\[0\] ends at 3, but .* read up to 6"):
        gather(world.open_log, AlertId.parse(f"{CANCELLED}#1"), ())


def test_a_record_that_is_not_there_is_refused(world: World) -> None:
    with pytest.raises(NothingToExplain, match="has no record S1/M1/shipment#7"):
        gather(world.open_log, AlertId.parse(f"{SHIPMENT}#7"), ())


def test_a_policy_that_is_not_there_is_refused(world: World) -> None:
    world.policy = parsed()
    with pytest.raises(UnknownPolicy, match="topic policies has no policy"):
        gather(world.open_log, AlertId.parse(f"{CANCELLED}#1"), ())


def test_a_point_that_is_not_kept_is_none(world: World, tmp_path: Path) -> None:
    world.topics["evaluations"] = world.topics["evaluations"][2:]
    files = packed(world, f"{CANCELLED}#1")
    assert files["point.json"] == b"null\n"
    assert faults(files, tmp_path) == []


def test_a_point_is_found_among_many(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitor.audit.search._NEARBY", 2)
    world.topics["evaluations"] += [
        LogRecord(5 + n, b"0", world.topics["evaluations"][4].value) for n in range(50)
    ]
    for record in world.said:
        dossier = gather(world.open_log, AlertId.of(record), ())
        assert dossier.point is not None
        assert dossier.point.point.as_of == record.as_of


def test_a_record_is_found_behind_what_a_crash_repeated(world: World) -> None:
    records = world.topics["alerts"]
    values = [records[n] for n in (0, 1, 0, 1, 2, 0, 1, 2)]
    world.topics["alerts"] = [one._replace(offset=n) for n, one in enumerate(values)]
    found = gather(world.open_log, AlertId.parse(f"{SHIPMENT}#1"), ()).found
    assert (found.placed.offset, found.previous and found.previous.offset) == (4, 3)
    assert found.following is None


def test_what_lies_in_a_former_partition_of_the_seller_is_read_too(world: World) -> None:
    """Two orders came before a partition was added, all else after it, in the seller's new one."""
    seller = next(name for name in map("T{}".format, range(9)) if partition_of(name.encode(), 2))
    key = seller.encode()

    def moved(record: LogRecord, offset: int) -> LogRecord:
        value = (record.value or b"").replace(b'"S1', b'"' + key)
        value = value.replace(b"[0,6]", b"[1,4]").replace(b"[0,0]", b"[1,0]")
        return record._replace(offset=offset, key=key, value=value)

    @contextmanager
    def open_log(topic: str) -> Iterator[Log]:
        with world.open_log(topic) as log:
            if topic == "policies":
                yield log
                return
            records = world.topics[topic]
            split = 2 if topic == "orders" else 0
            parts = [records[:split], records[split:]]
            yield MemoryLog(
                {p: [moved(one, n) for n, one in enumerate(part)] for p, part in enumerate(parts)},
                topic,
            )

    alert_id = AlertId.parse(f"{CANCELLED}#1".replace("S1", seller))
    dossier = gather(open_log, alert_id, [1])
    assert dossier.found.record.cut["orders"] == (1, 4)
    assert len(dossier.events) == 5
    assert bundle(dossier)
    with pytest.raises(Irreproducible, match="denominator 4 in the record, 2 again"):
        bundle(gather(open_log, alert_id, []))
