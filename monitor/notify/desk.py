"""The desk over which every record goes: how urgent it is, for whom, in which words. Pure."""

from collections.abc import Callable, Iterable, Mapping

from monitor.core.alert_records import AlertRecord, DeadlineRecord
from monitor.core.instants import Instant, parse_instant
from monitor.core.readings import Level
from monitor.core.rules import AlertRule, DeadlineRule, Rulebook, Severity
from monitor.notify.notification import Item, Notification
from monitor.notify.plan import Desk
from monitor.notify.reader import TextStyle
from monitor.notify.routing import Decision, Routing, decide
from monitor.notify.silences import Silence
from monitor.notify.sorting import Judge
from monitor.notify.text import Text, text_of


def desk_of(
    rulebook: Rulebook,
    styles: Mapping[str, TextStyle],
    routing: Routing | None = None,
    silences: Callable[[], Iterable[Silence]] = tuple,
) -> Desk:
    """The desk of some policies.

    Args:
        rulebook: the policies.
        styles: how texts are made for each receiver, by its name.
        routing: who is told of what; by default everybody of everything.
        silences: those that are known at the moment.
    """
    routes = routing or Routing()

    def rule(item: Item, receiver: str, at: Instant) -> Decision:
        return decide(item, receiver, at, routes, silences())

    def compose(notification: Notification, receiver: str) -> Text:
        return text_of(notification, styles[receiver])

    return Desk(judge_of(rulebook), rule, compose)


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


def _severity(level: Level, rule: AlertRule | DeadlineRule) -> Severity:
    if level is Level.BREACHED:
        return rule.severity_breached
    return rule.severity_approaching if level is Level.APPROACHING else "info"
