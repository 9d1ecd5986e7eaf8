"""What Alertmanager is told of an alert, and under which labels it was told before. Pure.

A label identifies; a number in one would make a new alert of every change, so that numbers are
annotations (https://github.com/prometheus/alertmanager/issues/1546).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Any

from monitor.core.alert_records import AlertRecord, DeadlineRecord
from monitor.core.instants import DAY, SECOND, Instant, isoformat, parse_instant
from monitor.core.readings import Level
from monitor.core.standing import QUIET
from monitor.notify.notification import Item, Notification
from monitor.notify.text import Section, Text, sentence_of
from monitor.notify.weblinks import web_url
from monitor.printable import printable

MISSED_SENDS_MAX = 4
"""An alert that is not told again ends after so many intervals, as Prometheus has it: two may
get lost."""

_LINE_CHARACTERS_MAX = 2000
_DESCRIPTION_CHARACTERS_MAX = 20_000
_TEST_LASTS = 300 * SECOND


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert as a member takes it."""

    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    starts_at: Instant
    ends_at: Instant
    url: str = ""

    def wire(self) -> dict[str, Any]:
        """As the API has it."""
        alert = {
            "labels": self.labels,
            "annotations": self.annotations,
            "startsAt": isoformat(self.starts_at),
            "endsAt": isoformat(self.ends_at),
        }
        return alert | {"generatorURL": self.url} if self.url else alert


class Episodes:
    """The alerts that were told, each with the labels under which it is open.

    What is told of an alert in another severity is another alert to Alertmanager: then the one
    before is ended. What another process told ends by itself.
    """

    def __init__(self, resend_seconds: float) -> None:
        self._lasts = int(resend_seconds * MISSED_SENDS_MAX * SECOND)
        self._told: dict[str, tuple[int, Alert]] = {}
        self._next: dict[str, tuple[int, Alert]] = {}

    def told(self, items: Iterable[Item], text: Text, now: Instant) -> list[Alert]:
        """What to send of a notification; ``keep`` once it is sent."""
        self._next = dict(self._told)
        sections = text.sections
        url = next((link.url for link in text.links if web_url(link.url)), "")
        alerts: list[Alert] = []
        for item, section in zip_longest(items, sections):
            if item is not None:
                alerts += self._of(item, section, url, now)
        return alerts

    def retold(self, items: Iterable[Item], now: Instant) -> list[Alert]:
        """What to send once more; what is not among ``items`` is forgotten."""
        self._next = {}
        alerts: list[Alert] = []
        for item in items:
            known = self._told.get(item.record.alert)
            if known is not None:
                self._next[item.record.alert] = known
            alerts += self._of(item, None, "" if known is None else known[1].url, now)
        return alerts

    def keep(self) -> None:
        """Remember that what was asked for last was sent."""
        self._told = self._next

    def _of(self, item: Item, section: Section | None, url: str, now: Instant) -> list[Alert]:
        record = item.record
        episode, before = self._next.get(record.alert, (record.episode, None))
        same = before if episode == record.episode else None
        alert = Alert(
            labels=_labels_of(item) if same is None or _decides(record) else same.labels,
            annotations=_annotations_of(item, section, same),
            starts_at=_start_of(item, same, now),
            ends_at=now + self._lasts,
            url=url,
        )
        ended = []
        if before is not None and before.labels != alert.labels and before.ends_at > now:
            ended = [replace(before, ends_at=max(now, before.starts_at))]
        if record.to in QUIET:
            closed_at = min(parse_instant(record.as_of), now)
            alert = replace(alert, ends_at=max(closed_at, alert.starts_at))
        self._next[record.alert] = (record.episode, alert)
        return [*ended, alert]


def meta_alert(notification: Notification, text: Text, now: Instant) -> Alert:
    """An alert about the monitor itself: a test, which ends by itself, or a failing receiver."""
    section = text.sections[0] if text.sections else Section(text.title, "info", ())
    if notification.occasion == "test":
        labels = {"alertname": "MonitorTest", "severity": "info"}
        lasts = _TEST_LASTS
    else:
        labels = {
            "alertname": "MonitorReceiverFailing",
            "receiver": notification.about,
            "severity": "critical",
        }
        # Nobody tells of it again.
        lasts = 0 if notification.resolves else DAY
    return Alert(labels, _said(text.title, section.lines), now, now + lasts)


def _said(summary: str, lines: Iterable[str]) -> dict[str, str]:
    shown = [printable(line, _LINE_CHARACTERS_MAX) for line in lines]
    description = "\n".join(shown)[:_DESCRIPTION_CHARACTERS_MAX]
    return {"summary": printable(summary, _LINE_CHARACTERS_MAX), "description": description}


def _decides(record: AlertRecord) -> bool:
    """Whether a record says how severe its alert is; unknown or closed it stays what it was."""
    return record.to not in QUIET and record.to is not Level.UNKNOWN


def _start_of(item: Item, same: Alert | None, now: Instant) -> Instant:
    """The first instant known of an episode; a member that knows an earlier one keeps it."""
    starts = [parse_instant(item.record.as_of), now]
    if same is not None:
        starts.append(same.starts_at)
    if item.previous is not None and item.previous.episode == item.record.episode:
        starts.append(parse_instant(item.previous.as_of))
    return min(starts)


def _labels_of(item: Item) -> dict[str, str]:
    record = item.record
    labels = {
        "alertname": "SellerAccountHealth",
        "seller": record.seller,
        "marketplace": record.marketplace,
        "severity": item.severity,
    }
    if isinstance(record, DeadlineRecord):
        return labels | {"alertname": "SellerDeadline", "kind": record.kind}
    labels |= {"metric": record.metric, "window_days": str(record.window_days)}
    return labels if record.category is None else labels | {"category": printable(record.category)}


def _annotations_of(item: Item, section: Section | None, same: Alert | None) -> dict[str, str]:
    record = item.record
    if section is not None:
        said = _said(section.headline, section.lines)
    elif same is not None:
        return dict(same.annotations)
    else:
        said = {"summary": sentence_of(record)}
    figures: dict[str, object]
    if isinstance(record, DeadlineRecord):
        figures = {"open": record.open, "overdue": record.overdue}
    else:
        figures = {
            "numerator": record.numerator,
            "denominator": record.denominator,
            "limit": record.limit,
            "headroom": record.headroom,
        }
    shown = {key: str(value) for key, value in figures.items() if value is not None}
    runbook = {"runbook_url": item.runbook} if item.runbook else {}
    return {**said, "level": str(record.to), **shown, **runbook}
