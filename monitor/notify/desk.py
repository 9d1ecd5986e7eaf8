"""How urgent a record is, by the policy that was in force when it was decided. Pure."""

from monitor.core.alert_records import AlertRecord, DeadlineRecord
from monitor.core.instants import Instant, parse_instant
from monitor.core.readings import Level
from monitor.core.rules import AlertRule, DeadlineRule, Rulebook, Severity
from monitor.notify.notification import Item, Notification
from monitor.notify.routing import Decision
from monitor.notify.sorting import Judge
from monitor.notify.text import Section, Text, sentence_of


def judge_of(rulebook: Rulebook) -> Judge:
    """Makes items by these policies."""

    def judge(record: AlertRecord, previous: AlertRecord | None) -> Item:
        rules = rulebook.in_force(record.marketplace, parse_instant(record.as_of))
        if rules is None:
            return Item(record, "info", previous=previous)
        if isinstance(record, DeadlineRecord):
            deadline = rules.deadlines.get(record.kind, DeadlineRule(0))
            severity = _severity(record.to, deadline)
            return Item(record, severity, deadline.runbook, 0, previous, deadline.warn_before)
        rule = rules.rule(record.metric)
        if rule is None:
            return Item(record, "info", previous=previous)
        severity = _severity(record.to, rule.alert)
        return Item(record, severity, rule.runbook, rule.alert.volume_min, previous)

    return judge


def plain_text(notification: Notification, receiver: str) -> Text:  # noqa: ARG001 - all the same
    """A sentence for each item."""
    sections = tuple(
        Section(sentence_of(item.record), item.severity, (), item.runbook)
        for item in notification.items
    )
    return Text(f"{len(sections)} alerts", sections)


def to_everybody(item: Item, receiver: str, at: Instant) -> Decision:  # noqa: ARG001 - all the same
    """Every item for every receiver, at once."""
    return Decision("deliver")


def _severity(level: Level, rule: AlertRule | DeadlineRule) -> Severity:
    if level is Level.BREACHED:
        return rule.severity_breached
    return rule.severity_approaching if level is Level.APPROACHING else "info"
