"""The words that all texts share: levels, metrics and what they count, open items. Pure."""

import re
from fractions import Fraction
from typing import NamedTuple

from monitor.core.alert_records import AlertRecord, MetricRecord
from monitor.core.readings import Level
from monitor.core.rules import ItemKind, WindowDays
from monitor.printable import printable

LEVELS = {
    Level.OK: "RECOVERED",
    Level.APPROACHING: "APPROACHING",
    Level.BREACHED: "BREACHED",
    Level.UNKNOWN: "UNKNOWN",
    Level.NO_DATA: "RECOVERED (nothing left to count)",
}

ITEMS: dict[ItemKind, str] = {
    "shipment": "shipments",
    "reply": "replies",
    "return_answer": "return answers",
    "claim_answer": "claim answers",
}


_PERCENTAGE = re.compile(r"([0-9]{1,9}(?:[.][0-9]{1,9})?)%$")
_DIGITS = (2, 3, 4, 6)


class Noun(NamedTuple):
    """A thing that is counted, one and several of it."""

    one: str
    several: str

    def counted(self, count: int) -> str:
        """``3 late shipments``."""
        return f"{count} {self.one if count == 1 else self.several}"


class Vocabulary(NamedTuple):
    """What a metric speaks of.

    ``bad`` is what brings its limit nearer, of ``whole``; ``meaning`` says what makes it bad
    where its name alone does not.
    """

    bad: Noun
    whole: Noun
    meaning: str = ""


_ORDERS = Noun("order", "orders")
_UNKNOWN_METRIC = Vocabulary(Noun("bad one", "bad ones"), Noun("counted", "counted"))
_VOCABULARIES = {
    "order_defect_rate": Vocabulary(
        Noun("defective order", "defective orders"),
        _ORDERS,
        "negative feedback, a claim or a chargeback",
    ),
    "pre_fulfilment_cancel_rate": Vocabulary(
        Noun("order cancelled before shipment", "orders cancelled before shipment"), _ORDERS
    ),
    "late_shipment_rate": Vocabulary(Noun("late shipment", "late shipments"), _ORDERS),
    "perfect_order_rate": Vocabulary(
        Noun("imperfect order", "imperfect orders"),
        _ORDERS,
        "claim, chargeback, negative feedback, cancelled, late, refunded or written about",
    ),
    "return_dissatisfaction_rate": Vocabulary(
        Noun("dissatisfied return", "dissatisfied returns"),
        Noun("return request", "return requests"),
        "rated badly, rejected or not answered in time",
    ),
    "policy_violations": Vocabulary(
        Noun("open policy violation", "open policy violations"), Noun("violation", "violations")
    ),
    "on_time_delivery_rate": Vocabulary(
        Noun("order not delivered on time", "orders not delivered on time"), _ORDERS
    ),
    "valid_tracking_rate": Vocabulary(
        Noun("shipment without valid tracking", "shipments without valid tracking"),
        Noun("shipment", "shipments"),
    ),
    "contact_response_rate": Vocabulary(
        Noun("message not answered in time", "messages not answered in time"),
        Noun("message", "messages"),
    ),
    "refund_rate": Vocabulary(Noun("refunded order", "refunded orders"), _ORDERS),
    "service_dissatisfaction_rate": Vocabulary(
        Noun('vote "not solved"', 'votes "not solved"'), Noun("vote", "votes")
    ),
}


def vocabulary_of(metric: str) -> Vocabulary:
    """The words of a metric."""
    return _VOCABULARIES.get(metric, _UNKNOWN_METRIC)


def level_word(record: AlertRecord) -> str:
    """How an alert stands, in capitals."""
    if record.reason == "policy" and record.to is Level.NO_DATA:
        return "CLOSED (no longer in the policy)"
    return LEVELS[record.to]


def where(record: AlertRecord) -> str:
    """``shop in m``."""
    return f"{printable(record.seller)} in {printable(record.marketplace)}"


def name_of(record: AlertRecord) -> str:
    """What is watched, without its window: a metric, of a category, or a kind of open items."""
    if not isinstance(record, MetricRecord):
        return f"open {ITEMS[record.kind]}"
    category = "" if record.category is None else f" of {printable(record.category)}"
    return f"{printable(record.metric.replace('_', ' '))}{category}"


def window_words(window: WindowDays) -> str:
    """``60 days``."""
    return "all days" if window == "all" else f"{window} days"


def series_words(record: AlertRecord) -> str:
    """What is watched: ``order defect rate, 60 days``."""
    if not isinstance(record, MetricRecord):
        return name_of(record)
    return f"{name_of(record)}, {window_words(record.window_days)}"


def counts_the_good(record: MetricRecord) -> bool:
    """Whether the numerator is what went well: its limit is a lower bound."""
    return record.limit.startswith(("at least", "over"))


def bad_count(record: MetricRecord) -> int:
    """How many of the counted are on the bad side."""
    if record.denominator is None or not counts_the_good(record):
        return record.numerator
    return record.denominator - record.numerator


def share_words(record: MetricRecord) -> str:
    """The rate, with as many digits as tell it apart from its limit; empty where there is none."""
    if not record.denominator:
        return ""
    share = Fraction(record.numerator, record.denominator)
    number = _PERCENTAGE.search(record.limit)
    text = ""
    for digits in _DIGITS:
        text = f"{float(share):.{digits}%}"
        is_rounded = Fraction(text[:-1]) != share * 100
        if number is None or not is_rounded or Fraction(text[:-1]) != Fraction(number[1]):
            break
    return text
