"""Order defect rate: orders with negative feedback, a counted claim or a chargeback."""

from monitor.core.calendar import Calendar
from monitor.core.facts import Claim, Feedback, Order
from monitor.core.instants import Instant
from monitor.core.metrics.metric import (
    COUNTED,
    HIT,
    Metric,
    SubjectKind,
    local_date,
)
from monitor.core.rules import MetricRule


def is_negative(feedback: Feedback, rating_max: int) -> bool:
    """Feedback that stands and rates at or below the policy's number of stars."""
    return not feedback.removed and feedback.rating <= rating_max


def counts(claim: Claim, rule: MetricRule) -> bool:
    """Whether a claim is a defect under the policy's ``guarantee_claims`` and chargebacks."""
    if claim.opened_at is None:
        return False
    if claim.kind != "guarantee":
        return claim.kind in rule.chargeback_kinds
    if rule.guarantee_claims == "all":
        return True
    cleared = claim.outcome == "withdrawn" or (
        claim.outcome == "denied" and claim.at_fault != "seller"
    )
    return not cleared


def _judge(order: Order, rule: MetricRule, now: Instant) -> int:
    for feedback in order.feedback:
        if is_negative(feedback, rule.negative_rating_max):
            return COUNTED | HIT
    if order.claims is not None:
        for claim in order.claims.values():
            if counts(claim, rule):
                return COUNTED | HIT
    return COUNTED


def feedback_reasons(order: Order, rating_max: int, calendar: Calendar) -> list[str]:
    """Each negative feedback of an order in words."""
    return [
        f"feedback {found.id}, {found.rating} star{'s' * (found.rating > 1)},"
        f" {local_date(found.at, calendar)}"
        for found in sorted(order.feedback, key=lambda one: one.id)
        if is_negative(found, rating_max)
    ]


def claim_reason(name: str, claim: Claim, calendar: Calendar) -> str:
    """A claim in words: kind, day of opening and how it was decided."""
    assert claim.opened_at is not None
    kind = claim.kind.replace("_", " ")
    decision = claim.outcome or "undecided"
    fault = f", {claim.at_fault} at fault" if claim.at_fault else ""
    return f"{kind} claim {name} of {local_date(claim.opened_at, calendar)}, {decision}{fault}"


def _reasons(
    order: Order,
    rule: MetricRule,
    now: Instant,
    calendar: Calendar,
) -> tuple[str, ...]:
    claims = [
        claim_reason(name, claim, calendar)
        for name, claim in sorted((order.claims or {}).items())
        if counts(claim, rule)
    ]
    defects = feedback_reasons(order, rule.negative_rating_max, calendar) + claims
    return tuple(defects) or ("no defect",)


METRIC = Metric(
    name="order_defect_rate",
    subject=SubjectKind.ORDER,
    bad_side="high",
    judge=_judge,
    reasons=_reasons,
    rests_on=frozenset({"feedback", "claim"}),
    keys=frozenset({"negative_rating_max", "guarantee_claims", "chargeback_kinds", "claim_hours"}),
)
