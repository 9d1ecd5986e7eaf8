"""Pre-fulfilment cancel rate: orders cancelled before shipment by those the policy names."""

from monitor.core.calendar import Calendar
from monitor.core.facts import Order
from monitor.core.instants import Instant
from monitor.core.metrics.metric import (
    COUNTED,
    HIT,
    Metric,
    SubjectKind,
    local_date,
)
from monitor.core.rules import MetricRule, Population


def _judge(order: Order, rule: MetricRule, now: Instant) -> int:
    blamed = (
        order.cancelled_before_shipment
        and order.cancelled_by in rule.cancelled_by
        and order.cancel_reason not in rule.excused_reasons
    )
    return COUNTED | HIT if blamed else COUNTED


def _reasons(
    order: Order,
    rule: MetricRule,
    now: Instant,
    calendar: Calendar,
) -> tuple[str, ...]:
    if order.cancelled_at is None:
        return ("not cancelled",)
    reason = f", reason {order.cancel_reason}" if order.cancel_reason is not None else ""
    told = f"cancelled by {order.cancelled_by} on {local_date(order.cancelled_at, calendar)}"
    if _judge(order, rule, now) & HIT:
        return (f"{told} before shipment{reason}",)
    if not order.cancelled_before_shipment:
        return (f"{told} after shipment{reason}",)
    return (f"{told}{reason}: not held against the seller",)


METRIC = Metric(
    name="pre_fulfilment_cancel_rate",
    subject=SubjectKind.ORDER,
    bad_side="high",
    judge=_judge,
    reasons=_reasons,
    rests_on=frozenset({"shipment", "cancellation"}),
    population=Population.SELLER,
    keys=frozenset({"cancelled_by", "excused_reasons"}),
)
