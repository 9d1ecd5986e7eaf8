"""What ``monitor audit`` prints: text, JSON, or a page of its own (HTML). Pure.

The same audit gives the same bytes. Pages escape all that they show, and ask for nothing else.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from monitor.audit.alert_audit import AlertAudit
from monitor.audit.due_tracks import ClosestItem
from monitor.audit.range_audit import RangeAudit
from monitor.audit.tracks import Closest
from monitor.audit.verdicts import Verdict
from monitor.printable import printable

Audit = AlertAudit | RangeAudit

_SHOWN_MAX = 50


def text(audit: Audit) -> str:
    """For a terminal; hostile text is neutralised."""
    lines = _alert_lines(audit) if isinstance(audit, AlertAudit) else _range_lines(audit)
    return "".join(f"{line}\n" for line in lines)


def as_json(found: msgspec.Struct) -> str:
    """One object, keys sorted."""
    told = msgspec.to_builtins(found)
    return json.dumps(told, sort_keys=True, indent=1, ensure_ascii=False) + "\n"


def _alert_lines(audit: AlertAudit) -> Iterable[str]:
    record = audit.record
    yield f"{printable(audit.id)}: {_outcome(audit.verdict)}"
    yield (
        f"  said      {record['from']} -> {record['to']} at {record['as_of']}, because of"
        f" {record['reason']} ({audit.where}, version {record['program']})"
    )
    yield f"  policy    {printable(audit.policy_name)}, {record['policy']}"
    yield f"  cut       {_cut(record['cut'])}"
    point = "none" if audit.point_offset is None else f"offset {audit.point_offset}"
    yield f"  point     {point} of the journal of partition {next(iter(record['cut'].values()))[0]}"
    yield f"  figures   {_figures(audit.figures)}; level by them: {audit.level or 'no such series'}"
    yield f"  decided once more: {audit.decided_again}"
    yield from _difference_lines(audit.verdict)
    if audit.late.events:
        yield (
            f"  known only later: {audit.late.events} events that had happened by then arrived"
            f" after the cut; with them {_figures(audit.late.figures)}"
        )
    if audit.behind:
        yield f"  behind it ({len(audit.behind)}):"
        for one in audit.behind[:_SHOWN_MAX]:
            counts = "counts" if one.in_numerator else "counted, not in the numerator"
            reasons = printable("; ".join(one.reasons), 500)
            yield f"    {one.day}  {one.kind} {printable(one.id)}  {counts}  {reasons}"
        if len(audit.behind) > _SHOWN_MAX:
            yield f"    and {len(audit.behind) - _SHOWN_MAX} more (--format json has all)"


def _range_lines(audit: RangeAudit) -> Iterable[str]:
    yield f"{audit.seller}, {audit.begin} .. {audit.end}: {verdict_of(audit)}"
    read_to = ", ".join(f"{topic} {end}" for topic, end in audit.read_to.items())
    yield (
        f"  decided once more at {audit.points} points of partition {audit.partition}"
        f" (read to {read_to or 'nothing'}), the last of {audit.decided_to or 'never'}, by version"
        f" {audit.program}"
    )
    yield f"  policies  {', '.join(audit.policies) or 'none that an alert names'}"
    yield f"  verdicts  {len(audit.verdicts)}"
    for one in audit.verdicts:
        change = f"{one.from_} -> {one.to} ({one.reason})"
        yield f"    {one.as_of}  {printable(one.id)}  {change}: {_outcome(one)}"
        yield from (f"  {line}" for line in _difference_lines(one))
    yield "  closest approach of each series"
    for near in audit.closest:
        yield f"    {printable(near.alert)}: {distance_of(near)}"
    for item in audit.closest_items:
        yield f"    {printable(item.alert)}: {time_left_of(item)}"
    balance = audit.balance
    equal = "=" if balance.adds_up else "is NOT"
    yield (
        f"  balance   read {balance.read} {equal} counted {balance.counted} + redundant"
        f" {balance.redundant} + late {balance.late} + invalid {balance.invalid}"
    )


def verdict_of(audit: RangeAudit) -> str:
    """The whole in one sentence."""
    if not audit.is_same:
        bad = sum(one.outcome != "same" for one in audit.verdicts)
        return f"{bad} of {len(audit.verdicts)} verdicts do not come out once more"
    if not audit.verdicts:
        return "no alert was said, and none was due"
    return f"all {len(audit.verdicts)} verdicts come out once more, and no other was due"


def distance_of(near: Closest) -> str:
    """How near a series came, in words."""
    whole = "" if near.denominator is None else f" of {near.denominator}"
    room = ""
    if near.headroom is not None:
        room = (
            f", {near.headroom} more until the limit"
            if near.headroom >= 0
            else f", {-near.headroom} too many"
        )
    unknown = f"; unknown at {near.unknown_points} points" if near.unknown_points else ""
    return (
        f"{near.level} with {near.numerator}{whole} at {near.as_of}"
        f" (limit: {near.limit}{room}){unknown}"
    )


def time_left_of(item: ClosestItem) -> str:
    """How near an open item came to its deadline, in words."""
    hours = f"{abs(item.left_seconds) / 3600:.1f} h"
    when = f"{hours} before" if item.left_seconds >= 0 else f"{hours} after"
    return (
        f"{item.level} with {printable(item.item)}, open to {item.open_to}, {when} it was due"
        f" (warned from {item.warn_before_seconds / 3600:g} h before)"
    )


def _outcome(verdict: Verdict) -> str:
    if verdict.cause is None:
        return "the same once more"
    return f"{verdict.outcome.upper()}, {verdict.cause}: {printable(verdict.because)}"


def _difference_lines(verdict: Verdict) -> Iterable[str]:
    for one in verdict.differences:
        yield f"  differs   {one.field}: said {shown(one.said)}, once more {shown(one.again)}"


def _figures(figures: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {shown(value)}" for name, value in figures.items()) or "none"


def _cut(cut: Mapping[str, Any]) -> str:
    return ", ".join(f"{topic}[{number}]<{end}" for topic, (number, end) in sorted(cut.items()))


def shown(value: object) -> str:
    """A field of a record, safe to show."""
    return printable(json.dumps(value, ensure_ascii=False, default=str), 500)


FORMATS: Mapping[str, Callable[[Audit], str]] = {"text": text, "json": as_json}
