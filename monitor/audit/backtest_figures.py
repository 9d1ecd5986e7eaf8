"""How well alerts warned: figures per metric, from the records of a backtest. Pure."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from monitor.audit.backtest_episodes import Episode, episodes_of
from monitor.core.alert_records import AlertRecord, MetricRecord
from monitor.core.instants import DAY, Instant, parse_instant

WEEK = 7 * DAY
NOTIFICATIONS_A_WEEK = 2
"""More than so many in a week are too many for one seller."""
ALL = "all"
"""In place of a metric's name: all of them together, and open items."""
_DAYS_A_MONTH = Fraction(36525, 1200)


@dataclass(frozen=True, slots=True)
class Span:
    """What is counted: from an instant to another, both within."""

    begin: Instant
    end: Instant

    def __contains__(self, at: Instant) -> bool:
        return self.begin <= at <= self.end

    @property
    def months(self) -> Fraction:
        """Its length in mean months."""
        return Fraction(self.end - self.begin, DAY) / _DAYS_A_MONTH

    def week_of(self, at: Instant) -> int:
        """The number of the week, counted from its beginning."""
        return (at - self.begin) // WEEK


@dataclass(frozen=True, slots=True)
class Figures:
    """What became of the episodes of a metric that began in a span.

    An episode is of a series: a seller's late shipments over 10 and over 30 days are two.
    ``orders_min``: of sellers with so many counted orders in the window at the breach (without
    one: at the opening). Lead times are microseconds, of warned breaches. ``warnings``:
    episodes that opened with a warning; ``in_vain``: those that closed without a breach.
    ``notifications``: what a seller's records of one point are together; ``sellers`` are those
    that had any. ``weeks``: the seller's weeks with any, ``busy_weeks`` those with more than
    two, ``week_most`` the most of one.
    """

    metric: str
    orders_min: int
    breaches: int
    warned: int
    lead_median: int | None
    lead_p10: int | None
    warnings: int
    in_vain: int
    episodes: int
    flapped: int
    notifications: int
    sellers: int
    months: Fraction
    weeks: int
    busy_weeks: int
    week_most: int

    @property
    def per_seller_and_month(self) -> Fraction | None:
        """Notifications per notified seller and month; None without any, or without time."""
        whole = self.sellers * self.months
        return self.notifications / whole if whole else None


def figures_of(
    records: Sequence[AlertRecord], span: Span, orders_min: int, flap: int
) -> list[Figures]:
    """Two rows per metric, by name, then two of all: every seller's, then that of large ones.

    Args:
        records: of the whole history; what began before the span only prepares it.
        span: what is counted.
        orders_min: from how many orders in the window on a seller is large.
        flap: within how many microseconds an episode that is back has flapped.
    """
    episodes = [one for one in episodes_of(records, flap) if one.opened_at in span]
    spoken = [record for record in records if parse_instant(record.as_of) in span]
    names = {record.metric for record in records if isinstance(record, MetricRecord)}
    return [
        _figures(metric, least, episodes, spoken, span)
        for metric in [*sorted(names), ALL]
        for least in (0, orders_min)
    ]


def rank(values: Sequence[int], share: Fraction) -> int | None:
    """The least value that at least this share of all do not exceed; None without any."""
    if not values:
        return None
    place = -(-len(values) * share.numerator // share.denominator)
    return sorted(values)[max(0, place - 1)]


def _figures(
    metric: str, least: int, episodes: Iterable[Episode], spoken: Iterable[AlertRecord], span: Span
) -> Figures:
    mine = [one for one in episodes if metric in (ALL, one.metric) and one.orders >= least]
    leads = [one.lead for one in mine if one.lead is not None]
    points = {
        (record.seller, record.marketplace, parse_instant(record.as_of))
        for record in spoken
        if _concerns(record, metric, least)
    }
    weeks = Counter((seller, span.week_of(at)) for seller, _, at in points)
    return Figures(
        metric=metric,
        orders_min=least,
        breaches=sum(one.breached_at is not None for one in mine),
        warned=len(leads),
        lead_median=rank(leads, Fraction(1, 2)),
        lead_p10=rank(leads, Fraction(1, 10)),
        warnings=sum(one.warned_at == one.opened_at for one in mine),
        in_vain=sum(one.was_in_vain for one in mine),
        episodes=len(mine),
        flapped=sum(one.flapped for one in mine),
        notifications=len(points),
        sellers=len({seller for seller, _, _ in points}),
        months=span.months,
        weeks=len(weeks),
        busy_weeks=sum(count > NOTIFICATIONS_A_WEEK for count in weeks.values()),
        week_most=max(weeks.values(), default=0),
    )


def _concerns(record: AlertRecord, metric: str, least: int) -> bool:
    if isinstance(record, MetricRecord):
        return metric in (ALL, record.metric) and (record.denominator or 0) >= least
    return metric == ALL and not least
