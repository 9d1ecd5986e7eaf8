"""What an alert says to a person: the one place where a record becomes a sentence."""

from typing import NamedTuple

from monitor.core.alert_records import AlertRecord, DeadlineRecord, MetricRecord
from monitor.core.readings import Level
from monitor.core.rules import ItemKind, Severity
from monitor.printable import printable

SUBJECTS_SHOWN = 5


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


def sentence_of(record: AlertRecord) -> str:
    """Seller, metric, figures, what is left until the limit, and the orders behind it.

    Safe to print: control characters of ids are escaped. Markup of a medium is the
    receiver's business.
    """
    if isinstance(record, DeadlineRecord):
        parts = [f"{_WORDS[record.to]} {_where(record)}: {_due(record)}"]
    else:
        parts = [f"{_headline(record)}: {_figures(record)}, limit {record.limit}"]
        if outlook := _outlook(record):
            parts.append(outlook)
    if record.to in (Level.APPROACHING, Level.BREACHED) and record.subjects:
        parts.append(_subjects(record))
    return "; ".join(parts)


def _headline(record: MetricRecord) -> str:
    days = "all days" if record.window_days == "all" else f"{record.window_days} days"
    category = "" if record.category is None else f" of {printable(record.category)}"
    metric = record.metric.replace("_", " ")
    return f"{_WORDS[record.to]} {_where(record)}: {metric}{category}, {days}"


def _where(record: AlertRecord) -> str:
    return f"{record.seller} in {record.marketplace}"


def _due(record: DeadlineRecord) -> str:
    items = f"{record.open} open {_ITEMS[record.kind]}, {record.overdue} overdue"
    return items if record.first_due_at is None else f"{items}, first due {record.first_due_at}"


_ITEMS: dict[ItemKind, str] = {
    "shipment": "shipments",
    "reply": "replies",
    "return_answer": "return answers",
    "claim_answer": "claim answers",
}


_WORDS = {
    Level.OK: "RECOVERED",
    Level.APPROACHING: "APPROACHING",
    Level.BREACHED: "BREACHED",
    Level.UNKNOWN: "UNKNOWN",
    Level.NO_DATA: "RECOVERED (nothing left to count)",
}


def _figures(record: MetricRecord) -> str:
    if record.denominator is None:
        return f"{record.numerator}"
    if record.denominator == 0:
        return "none"
    share = record.numerator / record.denominator
    return f"{record.numerator} of {record.denominator} ({share:.2%})"


def _outlook(record: MetricRecord) -> str:
    if record.headroom is None or record.to not in (Level.APPROACHING, Level.BREACHED):
        return ""
    if record.headroom >= 0:
        return f"{record.headroom} more may turn bad before the limit is breached"
    too_many = f"{-record.headroom} too many"
    if record.orders_to_recover is None:
        return too_many
    return f"{too_many}, {record.orders_to_recover} good ones needed to recover"


def _subjects(record: AlertRecord) -> str:
    shown = ", ".join(map(printable, record.subjects[:SUBJECTS_SHOWN]))
    more = record.subjects_total - min(len(record.subjects), SUBJECTS_SHOWN)
    first = "first due" if isinstance(record, DeadlineRecord) else "newest"
    return f"{first}: {shown}" + (f" and {more} more" if more > 0 else "")
