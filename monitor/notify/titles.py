"""The one line above a notification: who, what, how bad. Pure."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from monitor.core.alert_records import AlertRecord, MetricRecord
from monitor.core.readings import OPEN, URGENCY, Level
from monitor.core.rules import Severity
from monitor.core.standing import QUIET
from monitor.notify.notification import Item, Notification
from monitor.notify.words import level_word, name_of, series_words, where, window_words

SEVERITIES: dict[Severity, int] = {"critical": 0, "warning": 1, "info": 2}
_NAMED_MAX = 3


def title_of(notification: Notification) -> str:
    """The title; without items that of nothing."""
    items = notification.items
    match notification.occasion:
        case "summary":
            return _summary(items)
        case "test":
            return "TEST: this is no alert, nothing is wrong"
        case _:
            return _change(items) if items else ""


def headline_of(item: Item, *, is_test: bool) -> str:
    """The line above what is said of one alert."""
    record = item.record
    test = "TEST " if is_test else ""
    return f"{test}{_how_bad(record, item.severity)} {where(record)}: {series_words(record)}"


def _change(items: tuple[Item, ...]) -> str:
    worst = min((item.record for item in items), key=lambda record: URGENCY[record.to])
    severity = min((item.severity for item in items), key=SEVERITIES.__getitem__)
    head = f"{_how_bad(worst, severity)} {where(worst)}"
    if len(items) == 1:
        return f"{head}: {series_words(worst)}"
    named = [_together(list(group)) for _, group in groupby(items, _alike)]
    more = len(named) - _NAMED_MAX
    listed = "; ".join(named[:_NAMED_MAX])
    return f"{head}: {listed}" + (f" and {more} more" if more > 0 else "")


def _how_bad(record: AlertRecord, severity: Severity) -> str:
    """The level; how severe it is only while something is wrong."""
    word = level_word(record)
    return word if record.to in QUIET else f"{word} ({severity})"


def _alike(item: Item) -> tuple[str, Level]:
    return name_of(item.record), item.record.to


def _together(items: list[Item]) -> str:
    """Items of one metric and level: ``order defect rate breached (60 days, 90 days)``."""
    record = items[0].record
    windows = [
        window_words(item.record.window_days)
        for item in items
        if isinstance(item.record, MetricRecord)
    ]
    listed = f" ({', '.join(dict.fromkeys(windows))})" if windows else ""
    return f"{name_of(record)} {level_word(record).lower()}{listed}"


def _summary(items: tuple[Item, ...]) -> str:
    """``After catching up: 4 alerts open of 3 sellers (1 breached, 3 approaching)``."""
    records = [item.record for item in items]
    reasons = {record.reason for record in records}
    head = _SUMMARIES.get(reasons.pop(), "Summary") if len(reasons) == 1 else "Summary"
    still = [record for record in records if record.to in OPEN]
    text = f"{head}: {_counted(len(still), 'alert')} open"
    if still:
        sellers = _counted(len({record.seller for record in still}), "seller")
        text += f" of {sellers} ({', '.join(_numbers(still))})"
    others = [record for record in records if record.to not in OPEN]
    return ", ".join([text, *_numbers(others)])


_SUMMARIES = {
    "caught_up": "After catching up",
    "policy": "After a change of the policy",
    "stale": "Data is missing",
}


def _numbers(records: Sequence[AlertRecord]) -> Iterator[str]:
    """How many of them there are, in words, the worst first."""
    named = (
        ((Level.BREACHED,), "breached"),
        ((Level.APPROACHING,), "approaching"),
        ((Level.UNKNOWN,), "unknown"),
        (tuple(QUIET), "closed"),
    )
    for levels, word in named:
        if count := sum(record.to in levels for record in records):
            yield f"{count} {word}"


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
