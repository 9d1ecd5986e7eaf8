"""``monitor check-bundle``: comes to the figures of a bundle once more, without Kafka."""

import zipfile
import zlib
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import msgspec

from monitor.audit.bundle import check_figures, replay_of
from monitor.audit.chain import Linked
from monitor.audit.figures import engine_at, figures_of
from monitor.audit.rerun import JournaledPoint
from monitor.core.alert_records import AlertRecord, MetricRecord, decode_record
from monitor.core.engine import Engine
from monitor.core.events import decode
from monitor.errors import ConfigError, InvalidEvent, Irreproducible, UnreadableSource
from monitor.policy import Policy, parse_policy, restore_policy, rulebook_of
from monitor.policy.load import parsed_toml

FILES = (
    *("README.txt", "alert.json", "chain.json", "events.jsonl", "expected.json"),
    *("expected.jsonl", "point.json", "policy.json", "policy.toml"),
)
BYTES_MAX = 1 << 30
"""Of all files together, unpacked."""
_HASHED = " (its ids are hashes: its own bytes cannot be compared)"


class Neighbour(msgspec.Struct, frozen=True):
    """A record beside another in the chain; of somebody else's only digests are told."""

    offset: int
    sha256: str
    record: str | None = None
    previous: str | None = None

    def fault(self) -> str:
        """What is wrong with it in itself."""
        if self.record is not None and _digest(self.record.encode()) != self.sha256:
            return f"the record at offset {self.offset} has another digest"
        return ""

    def named(self) -> str | None:
        """The digest of the record that it was chained to, as it says; None: it says none."""
        if self.record is None:
            return self.previous
        try:
            return msgspec.json.decode(self.record, type=Linked).chain.previous
        except msgspec.DecodeError:
            return None


class Place(msgspec.Struct, frozen=True):
    """``chain.json``: where a record lies in the alert log, and beside what."""

    n: int
    partition: int
    offset: int
    sha256: str
    pseudonymised: bool
    previous: Neighbour | None
    following: Neighbour | None


class Expected(msgspec.Struct, frozen=True):
    """``expected.json``: the figures, and the line of the alert in what replay prints."""

    figures: dict[str, str | int | None]
    line: dict[str, str | int | float | None] | None


class Contents(NamedTuple):
    """What a bundle holds."""

    record: AlertRecord
    value: bytes
    place: Place
    point: JournaledPoint | None
    policy: Policy
    policy_text: str
    policy_file: bytes
    events: bytes
    expected: Expected
    output: bytes


class Finding(NamedTuple):
    """One thing that was checked; ``fault`` says what is wrong, empty where nothing is."""

    checked: str
    fault: str


def read_bundle(path: Path) -> Contents:
    """The files of a bundle; whatever else is in it is not looked at.

    Raises:
        UnreadableSource: it is no bundle, or too large to be one.
    """
    try:
        return _contents(_unpacked(path))
    except KeyError as missing:
        raise UnreadableSource(f"{path}: is no bundle: {missing.args[0]}") from None
    except (OSError, RuntimeError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        # Encrypted, or compressed in another way; no JSON, no UTF-8 text.
        raise UnreadableSource(f"{path}: is no bundle: {error}") from None
    except ConfigError as error:
        raise UnreadableSource(f"{path}: {error}") from None


def check_bundle(contents: Contents) -> list[Finding]:
    """Each thing that can be checked, and what is wrong with it."""
    hashed = _HASHED if contents.place.pseudonymised else ""
    findings = [
        Finding("the policy is the one that the record names", _policy_fault(contents)),
        Finding(
            f"the record is chained to those before and after it{hashed}", _chain_fault(contents)
        ),
        Finding("the record was decided at its point", _point_fault(contents)),
    ]
    try:
        events = [decode(line) for line in contents.events.splitlines()]
    except InvalidEvent as error:
        return [*findings, Finding("the events are events", str(error))]
    engine = engine_at(contents.record, events, rulebook_of([contents.policy]))
    figures = "the events and the policy give the figures of the record"
    output = "replay prints what is expected"
    return [
        *findings,
        Finding(figures, _figures_fault(contents, engine)),
        Finding(output, _output_fault(contents, engine)),
    ]


def _unpacked(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        entries = [archive.getinfo(name) for name in FILES]
        if sum(entry.file_size for entry in entries) > BYTES_MAX:
            raise UnreadableSource(f"{path}: holds more than a bundle may")
        return {entry.filename: archive.read(entry) for entry in entries}


def _contents(files: dict[str, bytes]) -> Contents:
    text, record = files["policy.json"].decode(), decode_record(files["alert.json"])
    if record.alert != _alert_of(record):
        raise ValueError("alert.json is about another alert than it names")
    return Contents(
        record=record,
        value=files["alert.json"],
        place=msgspec.json.decode(files["chain.json"], type=Place),
        point=msgspec.json.decode(files["point.json"], type=JournaledPoint | None),
        policy=restore_policy(text, "policy.json"),
        policy_text=text,
        policy_file=files["policy.toml"],
        events=files["events.jsonl"],
        expected=msgspec.json.decode(files["expected.json"], type=Expected),
        output=files["expected.jsonl"],
    )


def _alert_of(record: AlertRecord) -> str:
    account = f"{record.seller}/{record.marketplace}"
    if not isinstance(record, MetricRecord):
        return f"{account}/{record.kind}"
    series = f"{account}/{record.metric}/{record.window_days}"
    return series if record.category is None else f"{series}/{record.category}"


def _policy_fault(contents: Contents) -> str:
    named = contents.record.policy
    digest = _digest(contents.policy_text.encode())
    if digest != named:
        return f"policy.json has the digest {digest}, but the record names {named}"
    try:
        written = parse_policy(parsed_toml(contents.policy_file, "policy.toml"), "policy.toml")
    except ConfigError as error:
        return str(error)
    return "" if written.digest == named else f"policy.toml has the digest {written.digest}"


def _chain_fault(contents: Contents) -> str:
    place, record = contents.place, contents.record
    digest = _digest(contents.value)
    before, after = place.previous, place.following
    if not place.pseudonymised and place.sha256 != digest:
        return f"alert.json has the digest {digest}, but chain.json says {place.sha256}"
    if place.n != record.chain.n:
        return f"the record is number {record.chain.n}, but chain.json says {place.n}"
    if before is not None and before.sha256 != record.chain.previous:
        return "the record is not chained to the one before it"
    if after is not None and after.named() != place.sha256:
        return "the next record is not chained to this one"
    return "; ".join(fault for one in (before, after) if one is not None and (fault := one.fault()))


def _point_fault(contents: Contents) -> str:
    point, record = contents.point, contents.record
    if point is None:
        return ""
    is_its_own = point.as_of == record.as_of and dict(point.cut) == dict(record.cut)
    return "" if is_its_own else "point.json is another point"


def _figures_fault(contents: Contents, engine: Engine) -> str:
    try:
        check_figures(contents.record, engine, [])
    except Irreproducible as error:
        return str(error)
    if contents.expected.figures != figures_of(contents.record):
        return "expected.json has other figures than the record"
    return ""


def _output_fault(contents: Contents, engine: Engine) -> str:
    output, line = replay_of(contents.record, engine)
    if output != contents.output:
        return "expected.jsonl says something else"
    return "" if line == contents.expected.line else "expected.json has another line"


def _digest(data: bytes) -> str:
    return sha256(data).hexdigest()
