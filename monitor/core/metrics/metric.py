"""What a metric is to the engine: a pure verdict on one subject, and when time changes it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

from monitor.core.calendar import Calendar, date_of
from monitor.core.instants import HOUR, Instant
from monitor.core.rules import MetricRule, Population

OUT = 0
COUNTED = 1
HIT = 2
"""Verdicts are bits: ``COUNTED`` in the denominator, ``HIT`` in the numerator."""


Fact = Literal[
    "shipment", "scan", "delivery", "cancellation", "refund", "feedback", "claim", "message"
]
"""What can become known of a placed order. Who fulfils it, its promises and its category are
not among them: they may change every verdict."""


class SubjectKind(StrEnum):
    """What a metric counts."""

    ORDER = "order"
    RETURN = "return"
    MESSAGE = "message"
    VOTE = "vote"
    VIOLATION = "violation"


@dataclass(frozen=True, slots=True)
class Metric:
    """One of the metrics of the contract (metrics.md, "The eleven").

    ``judge(subject, rule, now)`` is the verdict at an instant, on a subject of the rule's
    population; ``turns_at(subject, rule)`` an instant at which time alone turns it, None where
    it never does; ``reasons(subject, rule, now, calendar)`` says in words why the subject
    counts as it does.
    """

    name: str
    subject: SubjectKind
    bad_side: Literal["high", "low"]
    judge: Callable[[Any, MetricRule, Instant], int]
    reasons: Callable[[Any, MetricRule, Instant, Calendar], tuple[str, ...]]
    turns_at: Callable[[Any, MetricRule], Instant | None] | None = None
    rests_on: frozenset[Fact] = frozenset()
    """The facts of an order that ``judge`` looks at; news of others leaves the verdict."""
    population: Population = Population.ALL
    keys: frozenset[str] = field(default_factory=frozenset)
    """Keys of its policy table beside those of every metric."""
    only_counts: bool = False
    """A count without denominator, such as policy violations."""

    @property
    def bad_verdict(self) -> int:
        """The verdict on a subject that brings the limit nearer."""
        if self.only_counts:
            return HIT
        return COUNTED | HIT if self.bad_side == "high" else COUNTED


def local_date(at: Instant, calendar: Calendar) -> str:
    """The marketplace's date of an instant, as text."""
    return date_of(calendar.day_of(at)).isoformat()


def elapsed(micros: int) -> str:
    """A duration in whole hours, or minutes below two hours, rounded down."""
    if micros >= 2 * HOUR:
        return f"{micros // HOUR} h"
    return f"{micros * 60 // HOUR} min"
