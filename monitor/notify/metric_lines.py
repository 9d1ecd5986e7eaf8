"""What is said of one change of a metric: figures, outlook, trend, orders, end. Pure."""

from collections.abc import Iterator
from typing import NamedTuple

from monitor.core.alert_records import MetricRecord
from monitor.core.instants import parse_instant
from monitor.core.readings import OPEN, Level
from monitor.core.standing import QUIET
from monitor.notify.notification import Item
from monitor.notify.reader import TextStyle, moment_words, span_words
from monitor.notify.subject_lines import subject_lines
from monitor.notify.words import Noun, bad_count, level_word, share_words, vocabulary_of
from monitor.printable import printable


class Said(NamedTuple):
    """A metric's record with what the reader was told before."""

    record: MetricRecord
    volume_min: int
    previous: MetricRecord | None

    @property
    def is_small(self) -> bool:
        """Whether so few are counted that a rate says nothing."""
        denominator = self.record.denominator
        return denominator is not None and 0 < denominator < self.volume_min


def metric_lines(item: Item, record: MetricRecord, style: TextStyle) -> Iterator[str]:
    """The lines, each printable; those that have nothing to say are left out."""
    previous = item.previous if isinstance(item.previous, MetricRecord) else None
    said = Said(record, item.volume_min, previous)
    if record.to in QUIET:
        yield from closing_lines(item, style)
        if record.denominator != 0:
            yield figures(said)
        return
    if record.to is Level.UNKNOWN:
        yield unknown_words(item, style)
        yield f"Counted so far: {figures(said)}"
        return
    if why := _why(record):
        yield why
    yield figures(said)
    if outlook := outlook_words(said):
        yield outlook
    if trend := _trend(said):
        yield trend
    yield from subject_lines(record, style)


def figures(said: Said) -> str:
    """How many are bad, of how many, and the limit.

    ``5 defective orders of 412 (order defect rate 1.21%); limit: under 1%``. Below the
    minimum volume in counts alone.
    """
    record, words = said.record, vocabulary_of(said.record.metric)
    bad = words.bad.counted(bad_count(record))
    if not record.denominator:
        return f"{bad}; {_limit(record)}"
    if said.is_small:
        meaning = f" ({words.meaning})" if words.meaning else ""
        whole = words.whole.counted(record.denominator)
        small = f"fewer than {said.volume_min}, so the rate says little"
        return f"{bad}{meaning} of {whole}; {small}; {_limit(record)}"
    rate = f"{printable(record.metric.replace('_', ' '))} {share_words(record)}"
    return f"{bad} of {record.denominator} ({rate}); {_limit(record)}"


def outlook_words(said: Said) -> str:
    """How many more may turn bad until the limit, or how many good ones until recovery."""
    record, words = said.record, vocabulary_of(said.record.metric)
    if record.headroom is None or record.to not in OPEN:
        return ""
    if record.headroom >= 0:
        return _room(record.headroom, words.whole)
    over = f"{-record.headroom} too many"
    if record.orders_to_recover:
        good = Noun(f"good {words.whole.one}", f"good {words.whole.several}")
        verb = "brings" if record.orders_to_recover == 1 else "bring"
        return f"{over}; {good.counted(record.orders_to_recover)} {verb} it back within the limit."
    return f"{over}; only what is repaired, or leaves the window, brings it back."


def _room(headroom: int, whole: Noun) -> str:
    if headroom == 0:
        return f"The next {whole.one} that turns bad breaches the limit."
    return (
        f"{headroom} more {whole.one if headroom == 1 else whole.several} may turn bad;"
        f" the {ordinal(headroom + 1)} breaches the limit."
    )


def ordinal(number: int) -> str:
    """``3rd``."""
    endings = {1: "st", 2: "nd", 3: "rd"}
    is_teen = number % 100 in (11, 12, 13)
    return f"{number}{'th' if is_teen else endings.get(number % 10, 'th')}"


def closing_lines(item: Item, style: TextStyle) -> Iterator[str]:
    """That it is over, why, and for how long it was open, as far as that is known."""
    record, previous = item.record, item.previous
    if record.reason == "policy":
        gone = record.to is Level.NO_DATA
        policy = "A change of the policy ended it"
        yield f"{policy}: what it was about is no longer watched." if gone else f"{policy}."
    if previous is None or previous.episode != record.episode:
        yield "It is over."
        return
    begin = parse_instant(previous.as_of)
    lasted = span_words(parse_instant(record.as_of) - begin)
    since = moment_words(begin, style.zone)
    is_opening = previous.seq == previous.episode
    yield f"It is over; it lasted {'' if is_opening else 'at least '}{lasted}, from {since}."


def unknown_words(item: Item, style: TextStyle) -> str:
    """Since when nobody can tell, and why."""
    since = moment_words(parse_instant(item.record.as_of), style.zone)
    was = item.record.from_.value
    return (
        f"Nothing certain is known since {since}: a feed is silent, or its data is not complete."
        f" Before that it was {was}; it is still taken for open."
    )


def _why(record: MetricRecord) -> str:
    match record.reason:
        case "policy":
            return "It stands so since the policy changed."
        case "caught_up":
            return "Found after all that had happened meanwhile was read."
        case "reminder":
            return "Reminder: nothing has changed its level."
        case _:
            return ""


def _limit(record: MetricRecord) -> str:
    warned = "" if record.approach is None else f", warned from {printable(record.approach)}"
    return f"limit: {printable(record.limit)}{warned}"


def _trend(said: Said) -> str:
    """What it was when the reader heard of it last."""
    record, previous = said.record, said.previous
    if previous is None or previous.seq == record.seq:
        return ""
    passed = span_words(parse_instant(record.as_of) - parse_instant(previous.as_of))
    count = str(bad_count(previous))
    if previous.denominator is not None:
        count += f" of {previous.denominator}"
    level = level_word(previous).lower()
    return f"When last told, {passed} before: {count}, {level}."
