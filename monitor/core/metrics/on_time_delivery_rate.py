"""On-time delivery rate: orders delivered by the promised date, of those due or delivered."""

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
    if order.deliver_by is None or order.cancelled_at is not None:
        return OUT
    if order.delivered_at is None:
        return COUNTED if now > order.deliver_by else OUT
    return COUNTED | HIT if order.delivered_at <= order.deliver_by else COUNTED


def _turns_at(order: Order, rule: MetricRule) -> Instant | None:
    if order.deliver_by is None or order.delivered_at is not None:
        return None
    return order.deliver_by + 1


def _reasons(
    order: Order,
    rule: MetricRule,
    now: Instant,
    calendar: Calendar,
) -> tuple[str, ...]:
    assert order.deliver_by is not None
    if order.delivered_at is None:
        return (f"not delivered {elapsed(now - order.deliver_by)} after deliver-by",)
    if order.delivered_at <= order.deliver_by:
        return (f"delivered {elapsed(order.deliver_by - order.delivered_at)} before deliver-by",)
    return (f"delivered {elapsed(order.delivered_at - order.deliver_by)} after deliver-by",)


METRIC = Metric(
    name="on_time_delivery_rate",
    subject=SubjectKind.ORDER,
    bad_side="low",
    judge=_judge,
    reasons=_reasons,
    rests_on=frozenset({"delivery", "cancellation"}),
    turns_at=_turns_at,
    population=Population.SELLER,
)
