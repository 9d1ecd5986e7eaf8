"""The laws of the ``alerts`` topic (contract, alerts.md), checked over all of its records."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from random import Random
from typing import Any

from aiokafka import ConsumerRecord

from monitor.core.instants import Instant, instant_of, isoformat, parse_instant, utc
from monitor.stream.intake import partition_of
from tests.faults.evidence import Sources, Valid
from tests.faults.fleet import DEADLINES, PARTITIONS, REMEMBERED
from tests.recount import Policy, Recount, recount

QUIET = ("ok", "no_data")
Said = dict[str, Any]


@dataclass(slots=True)
class Outbox:
    """The records of the topic: each once, and what is wrong with them, in words."""

    chains: dict[int, list[Said]] = field(default_factory=dict)
    alerts: dict[str, list[Said]] = field(default_factory=dict)
    values: dict[int, list[bytes]] = field(default_factory=dict)
    """By partition, as they are there first."""
    repeated: int = 0
    """Records that were there before, byte for byte."""
    faults: list[str] = field(default_factory=list)


def open_outbox(records: Iterable[ConsumerRecord]) -> Outbox:
    """Sort the records of the topic, and check them."""
    outbox = Outbox()
    first: dict[tuple[str, int], bytes] = {}
    for record in sorted(records, key=lambda one: (one.partition, one.offset)):
        value: bytes = record.value
        said = json.loads(value)
        name = (said["alert"], said["seq"])
        if name in first:
            outbox.repeated += 1
            if first[name] != value:
                outbox.faults.append(f"{name} has other bytes: {first[name]!r} and {value!r}")
            continue
        first[name] = value
        if json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False) != (
            value.decode()
        ):
            outbox.faults.append(f"{name} is not in canonical form")
        if partition_of(said["seller"].encode(), PARTITIONS) != record.partition:
            outbox.faults.append(f"{name} lies in partition {record.partition}")
        said["sha256"] = hashlib.sha256(value).hexdigest()
        outbox.alerts.setdefault(said["alert"], []).append(said)
        outbox.chains.setdefault(record.partition, []).append(said)
        outbox.values.setdefault(record.partition, []).append(value)
    for number, chain in sorted(outbox.chains.items()):
        outbox.faults += _chain_faults(number, chain)
    for alert, history in sorted(outbox.alerts.items()):
        outbox.faults += _history_faults(alert, history)
    return outbox


def _chain_faults(number: int, chain: list[Said]) -> Iterable[str]:
    where = f"chain of partition {number}"
    if [said["chain"]["n"] for said in chain] != list(range(1, len(chain) + 1)):
        yield f"{where}: its numbers are {[said['chain']['n'] for said in chain]}"
        return
    if chain[0]["chain"]["previous"]:
        yield f"{where}: the first record names a previous one"
    for before, said in pairwise(chain):
        if said["chain"]["previous"] != before["sha256"]:
            yield f"{where}: {said['chain']['n']} does not name the record before it"
        if parse_instant(said["as_of"]) < parse_instant(before["as_of"]):
            yield f"{where}: time goes back at {said['chain']['n']}"
        if any(said["cut"][topic] < cut for topic, cut in before["cut"].items()):
            yield f"{where}: the cut goes back at {said['chain']['n']}"


def _history_faults(alert: str, history: list[Said]) -> Iterable[str]:
    if [said["seq"] for said in history] != list(range(1, len(history) + 1)):
        yield f"{alert}: its numbers are {[said['seq'] for said in history]}"
        return
    level, episode = "ok", 0
    for said in history:
        opens = level in QUIET
        episode = said["seq"] if opens else episode
        may_be = {level, "unknown"} if opens and said["reason"] == "caught_up" else {level}
        if said["from"] not in may_be and not (opens and said["from"] in QUIET):
            yield f"{alert} {said['seq']}: from {said['from']}, after {level}"
        if said["episode"] != episode:
            yield f"{alert} {said['seq']}: episode {said['episode']}, not {episode}"
        level = said["to"]


def ending_faults(outbox: Outbox, found: Recount, as_of: Instant) -> Iterable[str]:
    """Alerts whose last record by an instant does not say the level that the recount finds.

    Those that remember are left to the rerun.
    """
    levels = {_alert_of(line): line["level"] for line in found.lines}
    levels |= {_items_of(item): _level_of(item, as_of) for item in found.open_items}
    for alert in sorted(levels.keys() | outbox.alerts.keys()):
        if alert.split("/")[2] in REMEMBERED:
            continue
        due = levels.get(alert, "no_data")
        history = outbox.alerts.get(alert, ())
        by_then = [one["to"] for one in history if parse_instant(one["as_of"]) <= as_of]
        said = by_then[-1] if by_then else "ok"
        if said != due and not (said in QUIET and due in QUIET):
            yield f"{alert}: its last record says {said}, the recount {due}"


def rebuilding_faults(
    outbox: Outbox, sources: Sources, policy: Policy, random: Random, sample: int
) -> Iterable[str]:
    """Records whose numbers are not those of their cut, of some that are drawn."""
    of_seller: dict[str, list[Valid]] = defaultdict(list)
    for valid in sources.valid:
        of_seller[valid.value["seller"]].append(valid)
    every = [said for history in outbox.alerts.values() for said in history]
    for said in random.sample(every, min(sample, len(every))):
        cut = said["cut"]
        known = [
            valid.value
            for valid in of_seller[said["seller"]]
            if valid.offset < cut[valid.topic][1]
            and valid.value["marketplace"] == said["marketplace"]
        ]
        as_of = parse_instant(said["as_of"])
        told, due = _figures(said, recount(known, utc(as_of), [policy]), as_of)
        if told != due:
            yield f"{said['alert']} {said['seq']}: says {told}, but its cut {due}"


def _figures(said: Said, found: Recount, as_of: Instant) -> tuple[Said, Said]:
    """What a record says of numbers and level, and what is due; without a memory both agree."""
    if "kind" in said:
        told = {name: said[name] for name in _ITEMS}
        item = next((one for one in found.open_items if _items_of(one) == said["alert"]), None)
        if item is None:
            return told | {"level": said["to"]}, _NO_ITEMS | {"level": "ok"}
        first_due_at = isoformat(instant_of(item["first_due_at"]))
        due = {name: item[name] for name in _ITEMS} | {"first_due_at": first_due_at}
        return told | {"level": said["to"]}, due | {"level": _level_of(item, as_of)}
    told = {name: said[name] for name in _NUMBERS} | {"level": said["to"]}
    line = next((one for one in found.lines if _alert_of(one) == said["alert"]), None)
    if line is None:
        return {"level": said["to"]}, {"level": "no_data"}
    remembers = said["metric"] in REMEMBERED
    level = said["to"] if remembers else line["level"]
    return told, {name: line[name] for name in _NUMBERS} | {"level": level}


def _level_of(item: Mapping[str, Any], as_of: Instant) -> str:
    if item["overdue"]:
        return "breached"
    warned_at = instant_of(item["first_due_at"]) - DEADLINES[item["kind"]].warn_before
    return "approaching" if as_of >= warned_at else "ok"


def _items_of(item: Mapping[str, Any]) -> str:
    return f"{item['seller']}/{item['marketplace']}/{item['kind']}"


_ITEMS = ("open", "overdue", "first_due_at")
_NO_ITEMS = {"open": 0, "overdue": 0, "first_due_at": None}
_NUMBERS = ("numerator", "denominator", "headroom", "orders_to_recover")


def _alert_of(line: Mapping[str, Any]) -> str:
    parts = [line["seller"], line["marketplace"], line["metric"], str(line["window_days"])]
    return "/".join([*parts, line["category"]] if line["category"] is not None else parts)
