"""What is said of open items: how many are due, when the first one is, which. Pure."""

from collections.abc import Iterator

from monitor.core.alert_records import DeadlineRecord
from monitor.core.instants import parse_instant
from monitor.core.readings import Level
from monitor.core.rules import ItemKind
from monitor.core.standing import QUIET
from monitor.notify.metric_lines import closing_lines, unknown_words
from monitor.notify.notification import Item
from monitor.notify.reader import TextStyle, moment_words, span_words
from monitor.notify.subject_lines import subject_lines
from monitor.notify.words import Noun

_NOUNS: dict[ItemKind, Noun] = {
    "shipment": Noun("order to ship", "orders to ship"),
    "reply": Noun("message to answer", "messages to answer"),
    "return_answer": Noun("return request to answer", "return requests to answer"),
    "claim_answer": Noun("claim to answer", "claims to answer"),
}


def deadline_lines(item: Item, record: DeadlineRecord, style: TextStyle) -> Iterator[str]:
    """The lines, each printable; those that have nothing to say are left out."""
    if record.to in QUIET:
        yield from closing_lines(item, style)
        if record.open:
            yield f"{_NOUNS[record.kind].counted(record.open)} left, none of them due soon."
        return
    if record.to is Level.UNKNOWN:
        yield unknown_words(item, style)
        return
    yield due_words(item, record, style)
    if trend := _trend(item, record):
        yield trend
    yield from subject_lines(record, style)


def due_words(item: Item, record: DeadlineRecord, style: TextStyle) -> str:
    """``3 messages to answer within 4 hours, the first by Thu 2018-03-01 16:10 UTC; 5 open.``."""
    noun = _NOUNS[record.kind]
    soon = max(0, record.subjects_total - record.overdue)
    within = f"within {span_words(item.warn_before)}" if item.warn_before else "soon"
    first = ""
    if record.first_due_at is not None:
        first = moment_words(parse_instant(record.first_due_at), style.zone)
    parts = []
    if record.overdue:
        overdue = f"{noun.counted(record.overdue)}: overdue"
        parts.append(f"{overdue}, the first since {first}" if first else overdue)
        if soon:
            parts.append(f"{soon} more {within}")
    else:
        due = f"{noun.counted(soon)} {within}"
        parts.append(f"{due}, the first by {first}" if first else due)
    parts.append(f"{record.open} open in all.")
    return "; ".join(parts)


def _trend(item: Item, record: DeadlineRecord) -> str:
    previous = item.previous
    if not isinstance(previous, DeadlineRecord) or previous.seq == record.seq:
        return ""
    passed = span_words(parse_instant(record.as_of) - parse_instant(previous.as_of))
    soon = max(0, previous.subjects_total - previous.overdue)
    return f"When last told, {passed} before: {soon} due soon, {previous.overdue} overdue."
