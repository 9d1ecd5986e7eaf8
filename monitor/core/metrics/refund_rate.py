"""Refund rate: orders refunded, for whatever reason."""

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
from monitor.core.rules import MetricRule


def _judge(order: Order, rule: MetricRule, now: Instant) -> int:
    return COUNTED if order.refunded_at is None else COUNTED | HIT


def _reasons(
    order: Order,
    rule: MetricRule,
    now: Instant,
    calendar: Calendar,
) -> tuple[str, ...]:
    if order.refunded_at is None:
        return ("not refunded",)
    return (f"refunded on {local_date(order.refunded_at, calendar)}",)


METRIC = Metric(
    name="refund_rate",
    subject=SubjectKind.ORDER,
    bad_side="high",
    judge=_judge,
    reasons=_reasons,
    rests_on=frozenset({"refund"}),
)
