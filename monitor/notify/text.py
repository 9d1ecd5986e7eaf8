"""What an alert says to a person: the one place where a record becomes a sentence. Pure."""

from collections.abc import Iterator
from typing import NamedTuple

from monitor.core.alert_records import AlertRecord, DeadlineRecord, MetricRecord
from monitor.core.readings import OPEN
from monitor.core.rules import Severity
from monitor.notify.deadline_lines import deadline_lines
from monitor.notify.metric_lines import metric_lines
from monitor.notify.notification import Item, Notification
from monitor.notify.reader import SUBJECTS_SHOWN, TextStyle, url_of
from monitor.notify.subject_lines import subject_words
from monitor.notify.titles import headline_of, title_of
from monitor.notify.weblinks import web_url
from monitor.notify.words import ITEMS, level_word, name_of, series_words, share_words, where
from monitor.printable import printable

TITLE_CHARACTERS_MAX = 300
LINE_CHARACTERS_MAX = 2000
LINKS_MAX = 6


class Link(NamedTuple):
    """Where to look further; the URL is ours, not a seller's."""

    name: str
    url: str


class Section(NamedTuple):
    """What is said of one alert."""

    headline: str
    severity: Severity
    lines: tuple[str, ...]
    runbook: str = ""


class Text(NamedTuple):
    """A notification in words, in no medium's markup.

    Printable on one line each; what a medium takes for markup the receiver neutralises.
    """

    title: str
    sections: tuple[Section, ...]
    links: tuple[Link, ...] = ()


def text_of(notification: Notification, style: TextStyle) -> Text:
    """A notification in words, for readers of a style.

    A section for each item, in their order. Every line is printable and of bounded length,
    whatever sellers, buyers or upstream systems wrote.
    """
    return Text(
        printable(title_of(notification), TITLE_CHARACTERS_MAX),
        tuple(
            _section(item, style, is_test=notification.occasion == "test")
            for item in notification.items
        ),
        tuple(_links(notification, style)),
    )


def sentence_of(record: AlertRecord) -> str:
    """One line: seller, metric, figures, what is left until the limit, and the orders behind it.

    Safe to print: control characters of ids are escaped. Markup of a medium is the
    receiver's business.
    """
    parts = [f"{level_word(record)} {where(record)}: {_gist(record)}"]
    if isinstance(record, MetricRecord) and (outlook := _outlook(record)):
        parts.append(outlook)
    if record.to in OPEN and record.subjects:
        parts.append(subject_words(record, SUBJECTS_SHOWN))
    return "; ".join(parts)


def _section(item: Item, style: TextStyle, *, is_test: bool) -> Section:
    record = item.record
    lines = [] if not is_test else ["This tests the way to you; the figures are made up."]
    if isinstance(record, DeadlineRecord):
        lines += deadline_lines(item, record, style)
    else:
        lines += metric_lines(item, record, style)
    runbook = web_url(item.runbook)
    if item.runbook and not runbook and record.to in OPEN:
        lines.append(f"What to do: {item.runbook}")
    return Section(
        printable(headline_of(item, is_test=is_test), LINE_CHARACTERS_MAX),
        item.severity,
        tuple(printable(line, LINE_CHARACTERS_MAX) for line in lines),
        runbook,
    )


def _links(notification: Notification, style: TextStyle) -> Iterator[Link]:
    """Of the worst alerts; each address once."""
    if notification.occasion == "test":
        return
    found: dict[str, str] = {}
    for item in notification.items:
        for name, template in (("Status", style.status_page_url), ("Grafana", style.grafana_url)):
            url = web_url(url_of(template, item.record))
            if url and len(found) < LINKS_MAX:
                found.setdefault(url, _link_name(name, template, item.record))
    yield from (Link(name, url) for url, name in found.items())


def _link_name(name: str, template: str, record: AlertRecord) -> str:
    """Tells apart the links of one notification."""
    about = [where(record)] if "{seller}" in template else []
    about += [name_of(record)] if "{metric}" in template else []
    return printable(": ".join([name, ", ".join(about)]) if about else name)


def _gist(record: AlertRecord) -> str:
    if isinstance(record, MetricRecord):
        return f"{series_words(record)}: {_figures(record)}, limit {printable(record.limit)}"
    items = f"{record.open} open {ITEMS[record.kind]}, {record.overdue} overdue"
    return items if record.first_due_at is None else f"{items}, first due {record.first_due_at}"


def _figures(record: MetricRecord) -> str:
    if record.denominator is None:
        return f"{record.numerator}"
    if record.denominator == 0:
        return "none"
    return f"{record.numerator} of {record.denominator} ({share_words(record)})"


def _outlook(record: MetricRecord) -> str:
    if record.headroom is None or record.to not in OPEN:
        return ""
    if record.headroom >= 0:
        return f"{record.headroom} more may turn bad before the limit is breached"
    too_many = f"{-record.headroom} too many"
    if record.orders_to_recover is None:
        return too_many
    return f"{too_many}, {record.orders_to_recover} good ones needed to recover"
