"""How urgent a record is, by the policy that was in force when it was decided. Pure."""

from monitor.core.alert_records import AlertRecord
from monitor.core.instants import Instant, parse_instant
from monitor.core.rules import Rulebook
from monitor.core.severity import urgency_of
from monitor.notify.notification import Item, Notification
from monitor.notify.routing import Decision
from monitor.notify.sorting import Judge
from monitor.notify.text import Section, Text, sentence_of


def judge_of(rulebook: Rulebook) -> Judge:
    """Makes items by these policies."""

    def judge(record: AlertRecord, previous: AlertRecord | None) -> Item:
        rules = rulebook.in_force(record.marketplace, parse_instant(record.as_of))
        urgency = urgency_of(record, rules)
        return Item(
            record,
            urgency.severity,
            urgency.runbook,
            urgency.volume_min,
            previous,
            urgency.warn_before,
        )

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
