"""Policy violations: how many reported ones are neither appealed nor fixed."""

from monitor.core.calendar import Calendar
from monitor.core.facts import Violation
from monitor.core.instants import Instant
from monitor.core.metrics.metric import HIT, OUT, Metric, SubjectKind, local_date
from monitor.core.rules import MetricRule


def _judge(violation: Violation, rule: MetricRule, now: Instant) -> int:
    if violation.reported_at is None:
        return OUT
    if violation.appealed_at is not None or violation.fixed_at is not None:
        return OUT
    return HIT


def _reasons(
    violation: Violation,
    rule: MetricRule,
    now: Instant,
    calendar: Calendar,
) -> tuple[str, ...]:
    assert violation.reported_at is not None
    product = f", product {violation.product}" if violation.product else ""
    day = local_date(violation.reported_at, calendar)
    return (f"{violation.kind}{product}, reported on {day}, open",)


METRIC = Metric(
    name="policy_violations",
    subject=SubjectKind.VIOLATION,
    bad_side="high",
    judge=_judge,
    reasons=_reasons,
    only_counts=True,
)
