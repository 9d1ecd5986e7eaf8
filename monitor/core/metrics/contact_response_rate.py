"""Contact response rate: buyer messages answered within the reply hours, every day alike."""

from monitor.core.calendar import Calendar
from monitor.core.facts import Message
from monitor.core.instants import Instant
from monitor.core.metrics.metric import COUNTED, HIT, OUT, Metric, SubjectKind, elapsed
from monitor.core.rules import MetricRule


def _judge(message: Message, rule: MetricRule, now: Instant) -> int:
    if message.received_at is None:
        return OUT
    due_at = message.received_at + rule.reply_within
    replied_at = message.replied_at
    if replied_at is None:
        return COUNTED if now > due_at else OUT
    return COUNTED | HIT if replied_at <= due_at else COUNTED


def _turns_at(message: Message, rule: MetricRule) -> Instant | None:
    if message.received_at is None or message.replied_at is not None:
        return None
    return message.received_at + rule.reply_within + 1


def _reasons(
    message: Message,
    rule: MetricRule,
    now: Instant,
    calendar: Calendar,
) -> tuple[str, ...]:
    assert message.received_at is not None
    took = message.answer_micros
    if took is None:
        return (f"unanswered for {elapsed(now - message.received_at)}",)
    how = "dismissed" if message.replied_at != message.answered_at else "answered"
    return (f"{how} after {elapsed(took)}",)


METRIC = Metric(
    name="contact_response_rate",
    subject=SubjectKind.MESSAGE,
    bad_side="low",
    judge=_judge,
    reasons=_reasons,
    turns_at=_turns_at,
    keys=frozenset({"reply_hours"}),
)
