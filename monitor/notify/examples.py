"""Made-up alerts: to try a receiver, and to see where an alert would go. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, get_args
from zoneinfo import ZoneInfo

from monitor.core.alert_records import AlertRecord, DeadlineRecord, Link, MetricRecord
from monitor.core.instants import HOUR, Instant, isoformat
from monitor.core.readings import Level
from monitor.core.rules import ItemKind, Severity
from monitor.notify.notification import Item, Notification
from monitor.notify.reader import moment_words
from monitor.notify.routing import Decision, Routing, decide
from monitor.notify.silences import Silence, subject_of
from monitor.printable import printable

_KINDS: tuple[ItemKind, ...] = get_args(ItemKind)


def example_item(
    *,
    seller: str = "example-seller",
    marketplace: str = "example-marketplace",
    metric: str = "order_defect_rate",
    severity: Severity = "critical",
    at: Instant,
) -> Item:
    """A breach that never was; ``metric`` may be a kind of open items."""
    record: AlertRecord
    common: dict[str, Any] = {
        "seq": 1,
        "episode": 1,
        "chain": Link(1, ""),
        "from_": Level.OK,
        "to": Level.BREACHED,
        "reason": "events",
        "seller": seller,
        "marketplace": marketplace,
        "as_of": isoformat(at),
        "cut": {},
        "policy": "",
        "program": "",
    }
    kind = next((one for one in _KINDS if one == metric), None)
    if kind is not None:
        record = DeadlineRecord(
            **common,
            alert=f"{seller}/{marketplace}/{kind}",
            kind=kind,
            open=3,
            overdue=1,
            first_due_at=isoformat(at - HOUR),
            subjects=("example-1",),
            subjects_total=1,
        )
    else:
        record = MetricRecord(
            **common,
            alert=f"{seller}/{marketplace}/{metric}/60",
            metric=metric,
            window_days=60,
            category=None,
            numerator=5,
            denominator=412,
            limit="under 1%",
            approach="0.75%",
            headroom=-1,
            orders_to_recover=89,
            subjects=("example-1", "example-2"),
            subjects_total=2,
        )
    return Item(record, severity)


def trial_notification(at: Instant) -> Notification:
    """A notification that is marked as a test."""
    return Notification((example_item(severity="info", at=at),), "test")


def ways_of(
    item: Item,
    receivers: Mapping[str, ZoneInfo],
    routing: Routing,
    silences: Sequence[Silence],
    at: Instant,
) -> Iterator[str]:
    """What becomes of an item at an instant: a line for each receiver, by its readers' clock."""
    record = item.record
    yield (
        f"{item.severity} {printable(subject_of(record))} of seller {printable(record.seller)}"
        f" in marketplace {printable(record.marketplace)} at {isoformat(at)}:"
    )
    for receiver, zone in receivers.items():
        decision = decide(item, receiver, at, routing, silences)
        ways = [route.name for route in routing.ways(item, receiver) if route.name]
        yield f"  {receiver}: {_what_becomes(decision, ways, zone)}"
    if not receivers:
        yield "  nobody is told: there are no receivers"


def _what_becomes(decision: Decision, ways: Sequence[str], zone: ZoneInfo) -> str:
    through = f"through {', '.join(ways)}" if ways else "since there are no routes"
    if decision.outcome == "deliver":
        return f"told at once, {through}"
    if decision.outcome == "unrouted":
        return "not told, no route to it fits"
    end = "" if decision.until is None else f" at {moment_words(decision.until, zone)}"
    hidden_by = "mute time" if decision.outcome == "muted" else "silence"
    return f"told when {hidden_by} {decision.by} ends{end}, if it is still so; {through}"
