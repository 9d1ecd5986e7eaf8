"""PagerDuty Events API v2: one event per alert, and one incident as long as it is open.

https://developer.pagerduty.com/docs/events-api-v2-overview and "Send an alert event"
"""

from collections.abc import Iterator, Sequence
from hashlib import sha256
from itertools import zip_longest
from typing import Any, Literal

import msgspec
from pydantic import SecretStr

from monitor.core.alert_records import AlertRecord, DeadlineRecord
from monitor.core.rules import Severity
from monitor.core.standing import QUIET
from monitor.errors import NotifyError
from monitor.notify.notification import Item, Notification
from monitor.notify.outgoing import Outgoing
from monitor.notify.receivers.taken import Taken
from monitor.notify.text import Link, Section, Text, sentence_of
from monitor.notify.weblinks import web_url
from monitor.printable import printable
from monitor.settings.receiver_sections import PagerDutySection

EVENT_BYTES_MAX = 512_000
SUMMARY_CHARACTERS_MAX = 1024
DEDUP_KEY_CHARACTERS_MAX = 255

_LINKS_MAX = 10
_LINE_MAX = 2000
_SEVERITIES: dict[Severity, str] = {
    "info": "info",
    "warning": "warning",
    "critical": "critical",
}


class PagerDuty:
    """Sends events for one integration, whose routing key is a secret."""

    resend_seconds: float | None = None

    def __init__(self, name: str, section: PagerDutySection, outgoing: Outgoing) -> None:
        self.name = name
        self._url = SecretStr(f"{section.base_url}/v2/enqueue")
        self._routing_key = section.routing_key or SecretStr("")
        self._outgoing = outgoing
        self._taken = Taken()

    async def deliver(self, notification: Notification, text: Text) -> None:
        """Send every event that was not yet taken; see Receiver.

        An event that is refused keeps no later one back.
        """
        self._taken.begin(notification.key)
        for key, event in events_of(notification, text):
            if not self._taken.needs(key):
                continue
            try:
                await self._outgoing.post(self._url, self._body(event))
            except NotifyError as error:
                if not error.permanent:
                    raise
                self._taken.refused[key] = error
            else:
                self._taken.parts.add(key)
        self._taken.end("events")

    async def resend(self, items: Sequence[Item]) -> None:
        """Nothing: an incident stays open until it is resolved."""

    async def close(self) -> None:
        """Nothing is kept open."""

    def _body(self, event: dict[str, Any]) -> bytes:
        keyed = {"routing_key": self._routing_key.get_secret_value(), **event}
        body = msgspec.json.encode(keyed)
        if len(body) <= EVENT_BYTES_MAX:
            return body
        why = f"left out: the event had {len(body)} bytes, of which PagerDuty takes 512 kB"
        keyed["payload"] = event["payload"] | {"custom_details": {"trimmed": why}}
        return msgspec.json.encode(keyed | {"links": []})


def events_of(notification: Notification, text: Text) -> Iterator[tuple[str, dict[str, Any]]]:
    """The events without their routing key, each after its dedup key.

    While an alert is unknown its incident stays open, and says so: what cannot be seen must not
    look as if it were over.
    """
    if notification.occasion == "delivery":
        action: Action = "resolve" if notification.resolves else "trigger"
        section = text.sections[0] if text.sections else Section(text.title, "critical", ())
        payload = _payload(section, text, source="seller-health-monitor")
        yield notification.key, _event(action, notification.key, payload, text, section)
        return
    is_test = notification.occasion == "test"
    for item, said in zip_longest(notification.items, text.sections[: len(notification.items)]):
        record = item.record
        section = said or Section(sentence_of(record), item.severity, (), item.runbook)
        key = dedup_key(record.alert)
        payload = _payload(section, text, source=f"{record.marketplace}/{record.seller}")
        payload |= _grouping(record)
        payload["custom_details"] |= _figures(record)
        closes = record.to in QUIET and not is_test
        yield key, _event("resolve" if closes else "trigger", key, payload, text, section)


Action = Literal["trigger", "resolve"]


def dedup_key(alert: str) -> str:
    """The alert's identity, whatever its level; its SHA-256 where it is too long or unprintable."""
    whole = alert.encode(errors="surrogatepass")
    if len(whole) <= DEDUP_KEY_CHARACTERS_MAX and alert.isprintable():
        return alert
    return sha256(whole).hexdigest()


def _event(
    action: Action, key: str, payload: dict[str, Any], text: Text, section: Section
) -> dict[str, Any]:
    event = {"event_action": action, "dedup_key": key, "payload": payload}
    if action == "resolve":
        return event
    links = [Link("runbook", section.runbook), *text.links][:_LINKS_MAX]
    shown = [{"href": url, "text": printable(name)} for name, url in links if web_url(url)]
    return event | {"links": shown, "client": "seller-health-monitor"}


def _payload(section: Section, text: Text, source: str) -> dict[str, Any]:
    return {
        "summary": printable(section.headline or text.title, SUMMARY_CHARACTERS_MAX) or "–",
        "source": source,
        "severity": _SEVERITIES[section.severity],
        "custom_details": {"details": [printable(line, _LINE_MAX) for line in section.lines]},
    }


def _grouping(record: AlertRecord) -> dict[str, Any]:
    return {
        "component": record.kind if isinstance(record, DeadlineRecord) else record.metric,
        "group": f"{record.marketplace}/{record.seller}",
        "class": str(record.to),
        "timestamp": record.as_of,
    }


def _figures(record: AlertRecord) -> dict[str, Any]:
    subjects = [printable(subject) for subject in record.subjects]
    common = {"alert": printable(record.alert), "seq": record.seq, "subjects": subjects}
    if isinstance(record, DeadlineRecord):
        return common | {
            "open": record.open,
            "overdue": record.overdue,
            "first_due_at": record.first_due_at,
        }
    return common | {
        "numerator": record.numerator,
        "denominator": record.denominator,
        "limit": record.limit,
        "headroom": record.headroom,
        "orders_to_recover": record.orders_to_recover,
    }
