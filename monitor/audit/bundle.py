"""A bundle: one alert record with all that it takes to come to its figures without Kafka.

A zip file, whose bytes depend on the record, its events, its policy and its place in the log
only (docs/audit.md, docs/adr/0010).
"""

import io
import zipfile
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace

from monitor.audit.bundle_readme import readme
from monitor.audit.dossier import Dossier
from monitor.audit.figures import Figures, engine_at, figures_of, recomputed
from monitor.audit.keys import Secret
from monitor.audit.lines import Line, line_of, write_jsonl
from monitor.audit.minimal import Rename, as_they_are, minimal
from monitor.audit.pseudonyms import pseudonyms, subject_kind
from monitor.audit.search import FoundRecord, Placed
from monitor.core.alert_records import AlertRecord, Link, MetricRecord
from monitor.core.engine import Engine
from monitor.core.events import decode
from monitor.core.instants import parse_instant
from monitor.errors import Irreproducible, NothingToExplain
from monitor.policy import policy_file, rulebook_of

_WRITTEN_AT = (1980, 1, 1, 0, 0, 0)
_UNIX = 3
_READABLE = 0o100644 << 16


class Replayed(NamedTuple):
    """What ``monitor replay`` prints, and of it the line of the alert, if there is any."""

    output: bytes
    line: Line | None


def bundle(dossier: Dossier, secret: Secret | None = None) -> bytes:
    """The zip file.

    Args:
        dossier: what was gathered.
        secret: hashes ids; without it they stay as they are.

    Raises:
        Irreproducible: the events and the policy do not give what the record says.
        NothingToExplain: its policy holds for other marketplaces only.
    """
    rename = as_they_are if secret is None else pseudonyms(secret)
    record, rulebook = _renamed(dossier.found.record, rename), rulebook_of([dossier.policy])
    rules = rulebook.in_force(record.marketplace, parse_instant(record.as_of))
    if rules is None:
        raise NothingToExplain(f"policy {record.policy} is not in force in {record.marketplace}")
    lines = minimal(dossier.events, rules, rename)
    engine = engine_at(record, map(decode, lines), rulebook)
    check_figures(record, engine, dossier.truncated)
    replayed = replay_of(record, engine)
    value = dossier.found.placed.value if secret is None else record.encode()
    return _zipped(
        {
            "README.txt": readme(record, replayed.line, is_pseudonymised=secret is not None),
            "alert.json": value,
            "chain.json": _json(_chain(dossier.found, rename)),
            "events.jsonl": b"".join(line + b"\n" for line in lines),
            "expected.json": _json({"figures": figures_of(record), "line": replayed.line}),
            "expected.jsonl": replayed.output,
            "point.json": _json(_point(dossier)),
            "policy.json": dossier.policy.canonical.encode(),
            "policy.toml": policy_file(dossier.policy).encode(),
        }
    )


def check_figures(record: AlertRecord, engine: Engine, truncated: list[str]) -> None:
    """Check that an engine gives the figures of a record.

    Raises:
        Irreproducible: it does not; says how they differ, and what may be missing.
    """
    said, again = figures_of(record), recomputed(record, engine)
    if again == said or (not again and record.reason == "policy" and not any(_counts(said))):
        return
    differ = ", ".join(
        f"{name} {said[name]} in the record, {again.get(name)} again"
        for name in said
        if said[name] != again.get(name)
    )
    missing = f"; retention took records: {', '.join(truncated)}" if truncated else ""
    raise Irreproducible(
        f"{record.alert}#{record.seq} does not follow from its events and policy: {differ}{missing}"
    )


def replay_of(record: AlertRecord, engine: Engine) -> Replayed:
    """What ``monitor replay`` prints for the events of an engine."""
    out, lines = io.StringIO(), [line_of(reading) for reading in engine.readings()]
    write_jsonl(lines, out)
    own = [
        line
        for line in lines
        if isinstance(record, MetricRecord)
        and (line["metric"], line["window_days"], line["category"])
        == (record.metric, record.window_days, record.category)
    ]
    return Replayed(out.getvalue().encode(), own[0] if own else None)


def _counts(figures: Figures) -> list[Any]:
    return [figures.get(name) for name in ("numerator", "denominator", "open", "overdue")]


def _renamed(record: AlertRecord, rename: Rename) -> AlertRecord:
    seller = rename("seller", record.seller)
    kind, rest = subject_kind(record), record.alert.split("/", 1)[1]
    subjects = tuple(rename(kind, name) for name in record.subjects)
    # A digest would let anybody try which seller gives it: all else in a record is told.
    previous = rename("record", record.chain.previous) if record.chain.previous else ""
    return replace(
        record,
        seller=seller,
        alert=f"{seller}/{rest}",
        subjects=subjects,
        chain=Link(record.chain.n, previous),
    )


def _chain(found: FoundRecord, rename: Rename) -> dict[str, Any]:
    """Where the record lies, its digest, and its neighbours; others' records as digests only."""
    record, placed, in_clear = found.record, found.placed, rename is as_they_are

    def neighbour(one: Placed | None) -> dict[str, Any] | None:
        if one is None:
            return None
        is_own = in_clear and one.seller == record.seller
        shown = {"previous": rename("record", one.previous) if one.previous else ""}
        if is_own:
            shown = {"record": one.value.decode()}
        return {"offset": one.offset, "sha256": rename("record", one.sha256)} | shown

    return {
        "partition": placed.partition,
        "offset": placed.offset,
        "n": record.chain.n,
        "sha256": rename("record", placed.sha256),
        "pseudonymised": not in_clear,
        "previous": neighbour(found.previous),
        "following": neighbour(found.following),
    }


def _point(dossier: Dossier) -> dict[str, Any] | None:
    if dossier.point is None:
        return None
    offset, point = dossier.point
    return {"offset": offset, **msgspec.to_builtins(point)}


def _json(value: Any) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value, order="sorted")) + b"\n"


def _zipped(files: Mapping[str, bytes | str]) -> bytes:
    """A zip file of which every byte follows from the files."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in sorted(files.items()):
            entry = zipfile.ZipInfo(name, _WRITTEN_AT)
            entry.create_system, entry.external_attr = _UNIX, _READABLE
            archive.writestr(entry, data, zipfile.ZIP_DEFLATED, compresslevel=9)
    return out.getvalue()
