"""Valid tracking rate: shipments whose tracking number their own carrier scanned."""

from monitor.core.calendar import Calendar
from monitor.core.facts import Order
from monitor.core.instants import Instant
from monitor.core.metrics.metric import (
    COUNTED,
    HIT,
    OUT,
    Metric,
    SubjectKind,
    elapsed,
)
from monitor.core.rules import MetricRule, Population


def _judge(order: Order, rule: MetricRule, now: Instant) -> int:
    if order.shipped_at is None:
        return OUT
    if order.scanned:
        return COUNTED | HIT
    return COUNTED if now >= order.shipped_at + rule.scan_grace else OUT


def _turns_at(order: Order, rule: MetricRule) -> Instant | None:
    if order.shipped_at is None or order.scanned:
        return None
    return order.shipped_at + rule.scan_grace


def _reasons(
    order: Order,
    rule: MetricRule,
    now: Instant,
    calendar: Calendar,
) -> tuple[str, ...]:
    assert order.shipped_at is not None
    if order.scanned:
        return (f"{order.carrier} scanned {order.tracking}",)
    if not (order.tracking or "").strip():
        return ("shipped without tracking number",)
    if not (order.carrier or "").strip():
        return ("shipped without carrier",)
    waited = elapsed(now - order.shipped_at)
    return (f"no scan of {order.tracking} by {order.carrier} {waited} after shipment",)


METRIC = Metric(
    name="valid_tracking_rate",
    subject=SubjectKind.ORDER,
    bad_side="low",
    judge=_judge,
    reasons=_reasons,
    rests_on=frozenset({"shipment", "scan"}),
    turns_at=_turns_at,
    population=Population.SELLER,
    keys=frozenset({"scan_grace_hours", "by_category"}),
)
