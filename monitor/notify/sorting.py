"""What becomes of records for one receiver: who tells of them now, later or never. Pure."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from monitor.core.alert_records import AlertRecord
from monitor.core.instants import Instant
from monitor.core.readings import URGENCY
from monitor.core.rules import Severity
from monitor.notify.notification import Item
from monitor.notify.routing import Decision
from monitor.notify.told import Outcome, Told, is_closing

Rule = Callable[[Item, Instant], Decision]
"""Decides on an item at an instant."""
Judge = Callable[[AlertRecord, AlertRecord | None], Item]
"""Makes an item of a record and what was told of its alert last."""


@dataclass(slots=True)
class Sorted:
    """Records of a group, sorted for one receiver."""

    items: list[Item] = field(default_factory=list)
    """What is to be told now, the worst first."""
    aside: list[tuple[AlertRecord, Outcome]] = field(default_factory=list)
    """What is not, and why."""
    repeats: int = 0
    """How many were dealt with already."""
    until: dict[str, Instant | None] = field(default_factory=dict)
    """By alert, when what is postponed may be looked at again."""


def sort_out(
    records: Iterable[AlertRecord], told: Told, judge: Judge, rule: Rule, at: Instant
) -> Sorted:
    """Sort records that are told of together.

    The closing of an alert that the receiver takes for open is told whatever mutes or silences
    it: it wakes nobody, and without it a page would stay open for ever.
    """
    found = Sorted()
    for record in records:
        if told.is_done(record):
            found.repeats += 1
        else:
            _sort_one(record, told, judge, rule, at, found)
    found.items.sort(key=_worst_first)
    return found


def sort_waiting(
    due: Iterable[AlertRecord], told: Told, judge: Judge, rule: Rule, at: Instant
) -> Sorted:
    """Sort records that waited, and may be told by now."""
    found = Sorted()
    for record in due:
        _sort_one(record, told, judge, rule, at, found)
    found.items.sort(key=_worst_first)
    return found


def _sort_one(
    record: AlertRecord, told: Told, judge: Judge, rule: Rule, at: Instant, found: Sorted
) -> None:
    if not told.has_to_hear(record):
        found.aside.append((record, "suppressed"))
        return
    item = judge(record, told.previous(record))
    decision = Decision("deliver") if is_closing(record) else rule(item, at)
    if decision.outcome == "deliver":
        found.items.append(item)
        return
    found.aside.append((record, decision.outcome))
    found.until[record.alert] = decision.until


_SEVERITIES: dict[Severity, int] = {"critical": 0, "warning": 1, "info": 2}


def _worst_first(item: Item) -> tuple[int, int, str, str]:
    record = item.record
    return (URGENCY[record.to], _SEVERITIES[item.severity], record.seller, record.alert)
