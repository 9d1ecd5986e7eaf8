"""One series of a market (metric, category), and what its counts say under the policy."""

from typing import NamedTuple

from monitor.core.readings import (
    OPEN,
    Level,
    alarm_of,
    calm_of,
    headroom_of,
    level_of,
    orders_to_recover_of,
)
from monitor.core.rules import MetricRule, WindowDays
from monitor.core.windows import slot_of, untally

# Far more counts than one series has at a time, in all accounts of its market.
_REMEMBERED_MAX = 10_000


class Said(NamedTuple):
    """What numerator and denominator say; ``denominator`` is None for a mere count.

    ``level`` is the contract's; ``alarm`` that which alerts go by, ``calm`` that to which they
    may fall. ``alarms``: whether an alert opens at ``alarm``.
    """

    numerator: int
    denominator: int | None
    level: Level
    alarm: Level
    calm: Level
    headroom: int | None
    orders_to_recover: int | None
    alarms: bool


class Series:
    """A series as its readings need it.

    Most accounts of a market have the same few counts, a hundred orders and no defect, so what
    a tally says is worked out once and remembered.

    Args:
        rule: of the metric.
        category: of the orders counted; None: of all.
        slot: where its tally lies in a bucket.
        windows: the length of each, and its place among the sums. An instance also has the
            name of each one's alert within its account, ``metric/window`` and the category.
        only_counts: whether it has no denominator.
        is_timed: whether answer times belong to it.
    """

    __slots__ = (
        "_alert",
        "_only_counts",
        "_said",
        "_slot",
        "approach",
        "category",
        "is_timed",
        "limit",
        "metric",
        "windows",
    )

    def __init__(
        self,
        rule: MetricRule,
        category: str | None,
        slot: int,
        windows: tuple[tuple[WindowDays, int], ...],
        *,
        only_counts: bool,
        is_timed: bool,
    ) -> None:
        self.metric = rule.metric
        self.category = category
        self._slot = slot
        suffix = "" if category is None else f"/{category}"
        self.windows = tuple(
            (window, place, f"{rule.metric}/{window}{suffix}") for window, place in windows
        )
        self.limit = rule.limit if category is None else rule.by_category[category]
        self.approach = rule.approach
        self._alert = rule.alert
        self.is_timed = is_timed
        self._only_counts = only_counts
        self._said: dict[int, Said] = {}

    def says(self, bucket: int) -> Said:
        """What its tally in a bucket, or in a sum of buckets, says."""
        total = slot_of(bucket, self._slot)
        return self._said.get(total) or self._say(total)

    def _say(self, total: int) -> Said:
        if len(self._said) > _REMEMBERED_MAX:
            self._said.clear()
        numerator, counted = untally(total)
        denominator = None if self._only_counts else counted
        limit, approach, alert = self.limit, self.approach, self._alert
        alarm = alarm_of(numerator, denominator, limit, approach, alert)
        said = self._said[total] = Said(
            numerator,
            denominator,
            level_of(numerator, denominator, limit, approach),
            alarm,
            calm_of(numerator, denominator, limit, approach, alert),
            headroom_of(numerator, denominator, limit),
            orders_to_recover_of(numerator, denominator, limit),
            alarm in OPEN,
        )
        return said
