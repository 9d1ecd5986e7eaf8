"""Perfect order rate: orders to which nothing went wrong and about which nobody wrote."""

from monitor.core.calendar import Calendar
from monitor.core.facts import Order
from monitor.core.instants import Instant
from monitor.core.metrics.late_shipment_rate import is_late, late_reason, overdue_at
from monitor.core.metrics.metric import (
    COUNTED,
    HIT,
    Metric,
    SubjectKind,
    local_date,
)
from monitor.core.metrics.order_defect_rate import claim_reason, feedback_reasons, is_negative
from monitor.core.rules import MetricRule


def _judge(order: Order, rule: MetricRule, now: Instant) -> int:
    spoiled = (
        order.messages
        or order.refunded_at is not None
        or (order.cancelled_at is not None and not _buyer_changed_mind(order))
        or (order.fulfilled_by == "seller" and is_late(order, now))
        or (order.claims is not None and _has_claim(order))
        or (order.feedback and _has_negative_feedback(order, rule))
    )
    return COUNTED if spoiled else COUNTED | HIT


def _buyer_changed_mind(order: Order) -> bool:
    return order.cancelled_by == "buyer" and order.cancelled_before_shipment


def _has_claim(order: Order) -> bool:
    return any(claim.opened_at is not None for claim in (order.claims or {}).values())


def _has_negative_feedback(order: Order, rule: MetricRule) -> bool:
    return any(is_negative(feedback, rule.negative_rating_max) for feedback in order.feedback)


def _reasons(order: Order, rule: MetricRule, now: Instant, calendar: Calendar) -> tuple[str, ...]:
    spoiled = [
        claim_reason(name, claim, calendar)
        for name, claim in sorted((order.claims or {}).items())
        if claim.opened_at is not None
    ]
    spoiled += feedback_reasons(order, rule.negative_rating_max, calendar)
    if order.cancelled_at is not None and not _buyer_changed_mind(order):
        day = local_date(order.cancelled_at, calendar)
        spoiled.append(f"cancelled by {order.cancelled_by} on {day}")
    if order.fulfilled_by == "seller" and is_late(order, now):
        spoiled.append(late_reason(order, now))
    if order.refunded_at is not None:
        spoiled.append(f"refunded on {local_date(order.refunded_at, calendar)}")
    if order.messages:
        spoiled.append(f"{order.messages} buyer message{'s' * (order.messages > 1)}")
    return tuple(spoiled) or ("perfect",)


METRIC = Metric(
    name="perfect_order_rate",
    subject=SubjectKind.ORDER,
    bad_side="low",
    judge=_judge,
    reasons=_reasons,
    rests_on=frozenset({"shipment", "cancellation", "refund", "feedback", "claim", "message"}),
    turns_at=overdue_at,
    keys=frozenset({"negative_rating_max"}),
)
