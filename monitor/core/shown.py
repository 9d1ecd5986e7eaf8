"""What the series of an account show at a point: their sums, and readings where one is asked for.

At ten thousand sellers nearly each event moves another account, and few of the series that it
moves are looked at by anyone before they move again.
"""

from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

from monitor.core.market import Market, SeriesKey
from monitor.core.readings import Level, MovedBy, Reading
from monitor.core.rules import WindowDays
from monitor.core.series import Said, Series
from monitor.core.windows import last_slot_of, untally


class Shown(NamedTuple):
    """The sums of an account's windows, as they were at a point.

    ``keys`` are the series that anything was ever counted in; ``uncovered`` the places of the
    windows that history does not cover; ``silent``: a feed is.
    """

    seller: str
    market: Market
    sums: tuple[int, ...]
    keys: tuple[SeriesKey, ...]
    uncovered: frozenset[int]
    silent: bool

    def readings(
        self, keys: Iterable[SeriesKey], moved_by: MovedBy = "events"
    ) -> Iterator[Reading]:
        """One reading per window of each series."""
        for key in keys:
            series = self.market.series_of[key]
            for window, place, _ in series.windows:
                said = series.says(self.sums[place])
                yield self._reading(series, said, window, place, moved_by)

    def telling(
        self, keys: Iterable[SeriesKey], alerts: Collection[str], moved_by: MovedBy
    ) -> Iterator[Reading]:
        """Those that alerts have to look at: alarming ones, and those that ever alerted.

        ``alerts``: the names of the latter within the account.
        """
        for key in keys:
            series = self.market.series_of[key]
            for window, place, name in series.windows:
                said = series.says(self.sums[place])
                if said.alarms or name in alerts:
                    yield self._reading(series, said, window, place, moved_by)

    def _reading(
        self, series: Series, said: Said, window: WindowDays, place: int, moved_by: MovedBy
    ) -> Reading:
        answer_micros = answered = 0
        if series.is_timed:
            sums = self.sums[place]
            answer_micros, answered = untally(last_slot_of(sums, self.market.answers_slot))
        unknown = self.silent or place in self.uncovered
        return Reading(
            seller=self.seller,
            marketplace=self.market.name,
            metric=series.metric,
            window_days=window,
            category=series.category,
            numerator=said.numerator,
            denominator=said.denominator,
            limit=series.limit,
            approach=series.approach,
            level=said.level,
            headroom=said.headroom,
            orders_to_recover=said.orders_to_recover,
            answered=answered,
            answer_micros=answer_micros,
            moved_by=moved_by,
            alarm=Level.UNKNOWN if unknown else said.alarm,
            calm=said.calm,
        )


class Moved(NamedTuple):
    """An account that moved since somebody last asked: what it shows, which series, and why."""

    shown: Shown
    keys: tuple[SeriesKey, ...]
    moved_by: MovedBy
