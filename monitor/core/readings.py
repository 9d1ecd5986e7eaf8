"""What a series says: level, headroom and orders to recover, exact (contract, "Derived")."""

from collections.abc import Mapping
from enum import StrEnum
from fractions import Fraction
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from monitor.core.instants import HOUR, Instant
from monitor.core.rules import AlertRule, Comparison, ItemKind, Limit, WindowDays

MovedBy = Literal["events", "time", "policy", "caught_up"]
"""What changed a series: events of its account; else time alone. Above both a policy, or a feed
that was silent and is complete again."""


class Level(StrEnum):
    """How near a metric is to its limit."""

    OK = "ok"
    APPROACHING = "approaching"
    BREACHED = "breached"
    UNKNOWN = "unknown"
    NO_DATA = "no_data"


OPEN = frozenset({Level.APPROACHING, Level.BREACHED})
"""The levels of which somebody has to hear."""

URGENCY: Mapping[Level, int] = {
    Level.BREACHED: 0,
    Level.APPROACHING: 1,
    Level.UNKNOWN: 2,
    Level.OK: 3,
    Level.NO_DATA: 4,
}
"""In which order people look at levels."""


class Reading(Struct, frozen=True, kw_only=True, gc=False):
    """One series (seller, marketplace, metric, window, category) at one instant.

    ``denominator`` is None for a metric that only counts. ``answered`` and
    ``answer_micros`` (their total answer time) are those of contact response, else 0.
    ``moved_by`` is what changed the series last, where that was asked for. ``alarm`` is the
    level that alerts go by: ``level``, or APPROACHING where the policy warns by headroom, or
    UNKNOWN while a feed is silent or history does not cover the window; ``calm`` is the level
    to which an alert may fall.
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
    alarm: Level = Level.UNKNOWN
    calm: Level = Level.UNKNOWN

    @property
    def ratio(self) -> Fraction | None:
        """Numerator over denominator; None where that is undefined."""
        return Fraction(self.numerator, self.denominator) if self.denominator else None

    @property
    def mean_hours(self) -> Fraction | None:
        """Mean answer time of the answered messages, in hours; None without one."""
        return Fraction(self.answer_micros, self.answered * HOUR) if self.answered else None


def reading_order(reading: Reading) -> tuple[str, str, str, int, float, bool, str]:
    """Sort key of the contract."""
    where = reading.seller, reading.marketplace, reading.metric
    return series_order(*where, reading.window_days, reading.category)


def series_order(
    seller: str, marketplace: str, metric: str, window: WindowDays, category: str | None
) -> tuple[str, str, str, int, float, bool, str]:
    """Sort key of the contract: numbers before "all", null category first."""
    is_all = window == "all"
    days = 0 if isinstance(window, str) else window
    return seller, marketplace, metric, int(is_all), days, category is not None, category or ""


def alike(reading: Reading) -> tuple[str, WindowDays, str | None]:
    """What tells the series of one account apart."""
    return reading.metric, reading.window_days, reading.category


def emptied(reading: Reading) -> Reading:
    """The last reading of a series that a change of policy ended."""
    return replace(
        reading,
        numerator=0,
        denominator=None if reading.denominator is None else 0,
        level=Level.NO_DATA,
        alarm=Level.NO_DATA,
        calm=Level.NO_DATA,
        headroom=None,
        orders_to_recover=None,
        answered=0,
        answer_micros=0,
        moved_by="policy",
    )


class Waiting(Struct, frozen=True, kw_only=True):
    """The open items of one kind of a seller as alerts see them, with none as with many.

    ``soon``: those within the rule's time before they are due; ``turns_at``: the next instant
    at which one more is due soon, or overdue; ``turned_at``: the last one at which one of them
    became so. ``known`` is False while a feed is silent.
    """

    seller: str
    marketplace: str
    kind: ItemKind
    open: int
    soon: int
    overdue: int
    first_due_at: Instant | None
    turns_at: Instant | None
    turned_at: Instant | None
    moved_by: MovedBy
    known: bool = True

    @property
    def level(self) -> Level:
        """How near the first one is to its deadline; UNKNOWN while nobody can tell."""
        if not self.known:
            return Level.UNKNOWN
        if self.overdue:
            return Level.BREACHED
        return Level.APPROACHING if self.soon else Level.OK


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
    whole = 1 if denominator is None else denominator
    if not _holds(numerator, whole, limit):
        return Level.BREACHED
    if approach is None:
        return Level.OK
    value, bound = numerator * approach.denominator, approach.numerator * whole
    reached = value >= bound if high_is_bad(limit) else value <= bound
    return Level.APPROACHING if reached else Level.OK


def alarm_of(
    numerator: int,
    denominator: int | None,
    limit: Limit,
    approach: Fraction | None,
    rule: AlertRule,
) -> Level:
    """The level that alerts go by: also APPROACHING while few more may turn bad.

    That alone warns nobody of whom nothing is bad yet: a small account has never much room.
    """
    level = level_of(numerator, denominator, limit, approach)
    if level is not Level.OK or rule.approach_headroom is None:
        return level
    headroom = headroom_of(numerator, denominator, limit)
    is_near = headroom is not None and headroom <= rule.approach_headroom
    return Level.APPROACHING if is_near and bad_of(numerator, denominator, limit) else level


def calm_of(
    numerator: int,
    denominator: int | None,
    limit: Limit,
    approach: Fraction | None,
    rule: AlertRule,
) -> Level:
    """The level to which an alert may fall: that with the rule's margin of defects more.

    Where nothing is bad it is the level as it is: better than that no account can be.
    """
    if not bad_of(numerator, denominator, limit):
        return alarm_of(numerator, denominator, limit, approach, rule)
    if not high_is_bad(limit):
        worse = max(0, numerator - rule.clear_margin)
    elif denominator is None:
        worse = numerator + rule.clear_margin
    else:
        worse = min(denominator, numerator + rule.clear_margin)
    return alarm_of(worse, denominator, limit, approach, rule)


def bad_of(numerator: int, denominator: int | None, limit: Limit) -> int:
    """How many of the counted are on the bad side."""
    if denominator is None or high_is_bad(limit):
        return numerator
    return denominator - numerator


def headroom_of(numerator: int, denominator: int | None, limit: Limit) -> int | None:
    """How many more counted orders may turn bad before the limit is breached.

    Negative: how many too many. None where the ratio is undefined.
    """
    if denominator == 0:
        return None
    if denominator is None:
        bad, whole, p, q = numerator, 1, limit.value.numerator, limit.value.denominator
    else:
        whole = denominator
        bad, p, q = _bad_side(numerator, denominator, limit)
    return ((whole * p - 1) // q if _is_strict(limit) else whole * p // q) - bad


def orders_to_recover_of(numerator: int, denominator: int | None, limit: Limit) -> int | None:
    """The least number of new good orders after which the limit is no longer breached.

    0 where it is not breached; None for a count, an undefined ratio, and where no number of
    good orders helps.
    """
    if not denominator:
        return None
    bad, p, q = _bad_side(numerator, denominator, limit)
    if p == 0:
        return None if _is_strict(limit) or bad else 0
    if _is_strict(limit):
        return max(0, bad * q // p - denominator + 1)
    return max(0, -(-bad * q // p) - denominator)


def high_is_bad(limit: Limit) -> bool:
    """Whether more of the numerator is worse."""
    return limit.comparison is Comparison.UNDER or limit.comparison is Comparison.AT_MOST


def _holds(numerator: int, whole: int, limit: Limit) -> bool:
    value, bound = numerator * limit.value.denominator, limit.value.numerator * whole
    match limit.comparison:
        case Comparison.UNDER:
            return value < bound
        case Comparison.AT_MOST:
            return value <= bound
        case Comparison.AT_LEAST:
            return value >= bound
        case Comparison.OVER:
            return value > bound


def _is_strict(limit: Limit) -> bool:
    return limit.comparison is Comparison.UNDER or limit.comparison is Comparison.OVER


def _bad_side(numerator: int, denominator: int, limit: Limit) -> tuple[int, int, int]:
    """Bad ones, and their allowed share as p/q, whichever side the metric counts."""
    p, q = limit.value.numerator, limit.value.denominator
    if high_is_bad(limit):
        return numerator, p, q
    return denominator - numerator, q - p, q
