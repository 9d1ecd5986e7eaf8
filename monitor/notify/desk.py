"""The desk over which every record goes: how urgent it is, for whom, in which words. Pure."""

from collections.abc import Callable, Iterable, Mapping

from monitor.core.alert_records import AlertRecord
from monitor.core.instants import Instant, parse_instant
from monitor.core.rules import Rulebook
from monitor.core.severity import Urgency, urgency_of
from monitor.notify.notification import Item, Notification
from monitor.notify.plan import Desk
from monitor.notify.reader import TextStyle
from monitor.notify.routing import Decision, Routing, decide
from monitor.notify.silences import Silence
from monitor.notify.sorting import Judge
from monitor.notify.text import Text, text_of
from monitor.notify.told import is_closing


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
    """Makes items by these policies.

    A closing is as severe as what its reader heard last, whatever is left to be counted by then.
    """

    def urgency_then(record: AlertRecord) -> Urgency:
        rules = rulebook.in_force(record.marketplace, parse_instant(record.as_of))
        return urgency_of(record, rules)

    def judge(record: AlertRecord, previous: AlertRecord | None) -> Item:
        urgency = urgency_then(record)
        if previous is not None and is_closing(record):
            urgency = urgency._replace(severity=urgency_then(previous).severity)
        return Item(
            record,
            urgency.severity,
            urgency.runbook,
            urgency.volume_min,
            previous,
            urgency.warn_before,
        )

    return judge
