"""Customer service dissatisfaction rate: votes that say "not solved"."""

from monitor.core.calendar import Calendar
from monitor.core.facts import Vote
from monitor.core.instants import Instant
from monitor.core.metrics.metric import COUNTED, HIT, OUT, Metric, SubjectKind, local_date
from monitor.core.rules import MetricRule


def _judge(vote: Vote, rule: MetricRule, now: Instant) -> int:
    if vote.rated_at is None:
        return OUT
    return COUNTED if vote.solved else COUNTED | HIT


def _reasons(
    vote: Vote,
    rule: MetricRule,
    now: Instant,
    calendar: Calendar,
) -> tuple[str, ...]:
    assert vote.rated_at is not None
    answer = "solved" if vote.solved else "not solved"
    return (f"voted {answer} on {local_date(vote.rated_at, calendar)}",)


METRIC = Metric(
    name="service_dissatisfaction_rate",
    subject=SubjectKind.VOTE,
    bad_side="high",
    judge=_judge,
    reasons=_reasons,
)
