"""What a series says: level, headroom and orders to recover, exact (contract, "Derived")."""

from enum import StrEnum
from fractions import Fraction
from math import ceil, floor
from typing import Literal

from msgspec import Struct

from monitor.core.instants import HOUR, Instant
from monitor.core.rules import Comparison, Limit, WindowDays

ItemKind = Literal["shipment", "reply", "return_answer", "claim_answer"]
MovedBy = Literal["events", "time", "policy"]


class Level(StrEnum):
    """How near a metric is to its limit."""

    OK = "ok"
    APPROACHING = "approaching"
    BREACHED = "breached"
    UNKNOWN = "unknown"
    NO_DATA = "no_data"


class Reading(Struct, frozen=True, kw_only=True):
    """One series (seller, marketplace, metric, window, category) at one instant.

    ``denominator`` is None for a metric that only counts. ``answered`` and
    ``answer_micros`` (their total answer time) are those of contact response, else 0.
    ``moved_by`` is what changed the series last, where that was asked for.
    """

    seller: str
    marketplace: str
    metric: str
    window_days: WindowDays
    category: str | None
    numerator: int
    denominator: int | None
    limit: Limit
    approach: Fraction | None
    level: Level
    headroom: int | None
    orders_to_recover: int | None
    answered: int = 0
    answer_micros: int = 0
    moved_by: MovedBy = "events"

    @property
    def ratio(self) -> Fraction | None:
        """Numerator over denominator; None where that is undefined."""
        return Fraction(self.numerator, self.denominator) if self.denominator else None

    @property
    def mean_hours(self) -> Fraction | None:
        """Mean answer time of the answered messages, in hours; None without one."""
        return Fraction(self.answer_micros, self.answered * HOUR) if self.answered else None


class OpenItems(Struct, frozen=True, kw_only=True):
    """The open items of one kind of a seller in a marketplace, at one instant."""

    seller: str
    marketplace: str
    kind: ItemKind
    open: int
    overdue: int
    first_due_at: Instant | None


def level_of(
    numerator: int, denominator: int | None, limit: Limit, approach: Fraction | None
) -> Level:
    """The memoryless level of a ratio, or of a count where ``denominator`` is None."""
    if denominator == 0:
        return Level.NO_DATA
    value = Fraction(numerator, 1 if denominator is None else denominator)
    if not _holds(value, limit):
        return Level.BREACHED
    if approach is None:
        return Level.OK
    reached = value >= approach if high_is_bad(limit) else value <= approach
    return Level.APPROACHING if reached else Level.OK


def headroom_of(numerator: int, denominator: int | None, limit: Limit) -> int | None:
    """How many more counted orders may turn bad before the limit is breached.

    Negative: how many too many. None where the ratio is undefined.
    """
    if denominator is None:
        bad, allowed = numerator, limit.value
    elif denominator == 0:
        return None
    else:
        bad, share = _bad_side(numerator, denominator, limit)
        allowed = denominator * share
    return (ceil(allowed) - 1 if _is_strict(limit) else floor(allowed)) - bad


def orders_to_recover_of(numerator: int, denominator: int | None, limit: Limit) -> int | None:
    """The least number of new good orders after which the limit is no longer breached.

    0 where it is not breached; None for a count, an undefined ratio, and where no number of
    good orders helps.
    """
    if not denominator:
        return None
    bad, share = _bad_side(numerator, denominator, limit)
    if share == 0:
        return None if _is_strict(limit) or bad else 0
    if _is_strict(limit):
        return max(0, floor(bad / share) - denominator + 1)
    return max(0, ceil(bad / share) - denominator)


def high_is_bad(limit: Limit) -> bool:
    """Whether more of the numerator is worse."""
    return limit.comparison in (Comparison.UNDER, Comparison.AT_MOST)


def _holds(value: Fraction, limit: Limit) -> bool:
    match limit.comparison:
        case Comparison.UNDER:
            return value < limit.value
        case Comparison.AT_MOST:
            return value <= limit.value
        case Comparison.AT_LEAST:
            return value >= limit.value
        case Comparison.OVER:
            return value > limit.value


def _is_strict(limit: Limit) -> bool:
    return limit.comparison in (Comparison.UNDER, Comparison.OVER)


def _bad_side(numerator: int, denominator: int, limit: Limit) -> tuple[int, Fraction]:
    """Bad ones and their allowed share, whichever side the metric counts."""
    if high_is_bad(limit):
        return numerator, limit.value
    return denominator - numerator, 1 - limit.value
