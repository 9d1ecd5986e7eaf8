"""Late shipment rate: orders confirmed shipped after ship-by, or overdue and unshipped."""

from monitor.core.calendar import Calendar
from monitor.core.facts import Order
from monitor.core.instants import Instant
from monitor.core.metrics.metric import (
    COUNTED,
    HIT,
    Metric,
    SubjectKind,
    elapsed,
)
from monitor.core.rules import MetricRule, Population


def is_late(order: Order, now: Instant) -> bool:
    """Shipped after ship-by; or not shipped, not cancelled, and ship-by is overdue."""
    assert order.ship_due_at is not None
    if order.shipped_at is not None:
        return order.shipped_at > order.ship_due_at
    return order.cancelled_at is None and now > order.ship_due_at


def late_reason(order: Order, now: Instant) -> str:
    """How the shipment stands against its ship-by date, in words."""
    assert order.ship_due_at is not None
    if order.shipped_at is None:
        if order.cancelled_at is not None:
            return "cancelled, never shipped"
        if now > order.ship_due_at:
            return f"not shipped {elapsed(now - order.ship_due_at)} after ship-by"
        return "not shipped, ship-by not reached"
    if order.shipped_at > order.ship_due_at:
        return f"shipped {elapsed(order.shipped_at - order.ship_due_at)} after ship-by"
    return f"shipped {elapsed(order.ship_due_at - order.shipped_at)} before ship-by"


def overdue_at(order: Order, rule: MetricRule) -> Instant | None:
    """When an unshipped order becomes late."""
    if order.shipped_at is not None or order.cancelled_at is not None:
        return None
    assert order.ship_due_at is not None
    return order.ship_due_at + 1


def _judge(order: Order, rule: MetricRule, now: Instant) -> int:
    return COUNTED | HIT if is_late(order, now) else COUNTED


def _reasons(
    order: Order,
    rule: MetricRule,
    now: Instant,
    calendar: Calendar,
) -> tuple[str, ...]:
    return (late_reason(order, now),)


METRIC = Metric(
    name="late_shipment_rate",
    subject=SubjectKind.ORDER,
    bad_side="high",
    judge=_judge,
    reasons=_reasons,
    rests_on=frozenset({"shipment", "cancellation"}),
    turns_at=overdue_at,
    population=Population.SELLER,
)
