"""Receivers of notifications, one short file for each kind, and which section makes which."""

from collections.abc import Callable

from monitor.core.instants import Instant
from monitor.notify.outgoing import Outgoing
from monitor.notify.receiver import Receiver
from monitor.notify.receivers.alertmanager import Alertmanager
from monitor.notify.receivers.console import Console
from monitor.notify.receivers.file import File
from monitor.notify.receivers.mail import Mail
from monitor.notify.receivers.pagerduty import PagerDuty
from monitor.notify.receivers.slack import Slack
from monitor.notify.receivers.webhook import Webhook
from monitor.settings.receiver_sections import (
    AlertmanagerSection,
    ConsoleSection,
    FileSection,
    MailSection,
    PagerDutySection,
    ReceiverSection,
    SlackSection,
    WebhookSection,
)

Clock = Callable[[], Instant]


def receiver_of(name: str, section: ReceiverSection, clock: Clock) -> Receiver:
    """The receiver of a section whose secrets are filled in; it opens nothing yet."""
    match section:
        case ConsoleSection():
            return Console(name)
        case FileSection():
            return File(name, section.path)
        case MailSection():
            return Mail(name, section, clock)
        case _:
            return _posting(name, section, clock)


def _posting(
    name: str,
    section: SlackSection | PagerDutySection | AlertmanagerSection | WebhookSection,
    clock: Clock,
) -> Receiver:
    outgoing = Outgoing(
        clock,
        allow_private_addresses=section.allow_private_addresses,
        ca_file=section.ca_file,
        timeout_seconds=section.timeout_seconds,
    )
    match section:
        case SlackSection():
            return Slack(name, section, outgoing)
        case PagerDutySection():
            return PagerDuty(name, section, outgoing)
        case AlertmanagerSection():
            return Alertmanager(name, section, outgoing, clock)
        case WebhookSection():
            return Webhook(name, section, outgoing, clock)
