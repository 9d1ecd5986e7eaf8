"""Return dissatisfaction rate: requests rejected, unanswered in time, or rated badly."""

from monitor.core.calendar import Calendar
from monitor.core.facts import Return
from monitor.core.instants import Instant
from monitor.core.metrics.metric import (
    COUNTED,
    HIT,
    OUT,
    Metric,
    SubjectKind,
    elapsed,
    local_date,
)
from monitor.core.rules import MetricRule


def _unanswered(request: Return, rule: MetricRule, now: Instant) -> bool:
    """No answer within the hours the policy gives, once they are over."""
    assert request.requested_at is not None
    due_at = request.requested_at + rule.answer_within
    return (now if request.answered_at is None else request.answered_at) > due_at


def _rejected(request: Return) -> bool:
    return request.decided_at is not None and request.rejected


def _dissatisfied(request: Return) -> bool:
    return request.rated_at is not None and not request.satisfied


def _judge(request: Return, rule: MetricRule, now: Instant) -> int:
    if request.requested_at is None:
        return OUT
    bad = _dissatisfied(request) or (
        request.valid and (_rejected(request) or _unanswered(request, rule, now))
    )
    return COUNTED | HIT if bad else COUNTED


def _turns_at(request: Return, rule: MetricRule) -> Instant | None:
    if request.requested_at is None or request.answered_at is not None:
        return None
    return request.requested_at + rule.answer_within + 1


def _reasons(
    request: Return, rule: MetricRule, now: Instant, calendar: Calendar
) -> tuple[str, ...]:
    bad = []
    if _dissatisfied(request):
        assert request.rated_at is not None
        bad.append(f"rated not satisfied on {local_date(request.rated_at, calendar)}")
    if request.valid and _rejected(request):
        assert request.decided_at is not None
        bad.append(f"valid, rejected on {local_date(request.decided_at, calendar)}")
    if request.valid and _unanswered(request, rule, now):
        assert request.requested_at is not None
        if request.answered_at is None:
            bad.append(f"valid, unanswered for {elapsed(now - request.requested_at)}")
        else:
            took = elapsed(request.answered_at - request.requested_at)
            bad.append(f"valid, answered after {took}")
    return tuple(bad) or ("nothing to complain about",)


METRIC = Metric(
    name="return_dissatisfaction_rate",
    subject=SubjectKind.RETURN,
    bad_side="high",
    judge=_judge,
    reasons=_reasons,
    turns_at=_turns_at,
    keys=frozenset({"answer_hours"}),
)
