"""Day buckets of one series and the sums of its windows.

A bucket holds what the subjects of one counting day contribute; a window's sum is kept in
step by each change of a bucket, and by the days that enter and leave as the frame moves.
Numerator and denominator travel as one integer, ``tally``, so that a change is one addition.
"""

from typing import NamedTuple

from monitor.core.instants import Day
from monitor.core.rules import MetricRule

# A local date can step back by one where clocks are set back over midnight, so days that
# have just left are kept for as long.
_KEEP_DAYS = 2
_SHIFT = 40


def tally(numerator: int, denominator: int) -> int:
    """Both numbers as one, such that sums of tallies are tallies of sums."""
    return (numerator << _SHIFT) + denominator


def untally(total: int) -> tuple[int, int]:
    """Numerator and denominator of a tally."""
    return total >> _SHIFT, total & ((1 << _SHIFT) - 1)


class Frame(NamedTuple):
    """The days that each window of a rule counts on one local day.

    ``spans`` holds per window the last day that has left and the last day inside;
    days up to ``gone_day`` are in no window any more.
    """

    day: Day
    gone_day: Day
    spans: tuple[tuple[Day, Day], ...]


def frame_of(rule: MetricRule, retention_days: int, day: Day) -> Frame:
    """The frame of a rule on a local day (contract: d with day − L − W < d ≤ day − L)."""
    last = day - rule.lag_days
    floor = day - retention_days
    lefts = [floor if window == "all" else max(floor, last - window) for window in rule.windows]
    spans = tuple((min(left, last), last) for left in lefts)
    return Frame(day, min(left for left, _ in spans) - _KEEP_DAYS, spans)


class Series:
    """Tallies by counting day, and their sum in each window of a frame."""

    __slots__ = ("_buckets", "_frame", "_sums")

    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self._buckets: dict[Day, int] = {}
        self._sums = [0] * len(frame.spans)

    def add(self, frame: Frame, day: Day, change: int) -> None:
        """Add a tally (negative to take away) to a counting day."""
        if frame is not self._frame:
            self._move(frame)
        if day <= frame.gone_day:
            return
        buckets = self._buckets
        buckets[day] = buckets.get(day, 0) + change
        for index, (left, last) in enumerate(frame.spans):
            if left < day <= last:
                self._sums[index] += change

    def sums(self, frame: Frame) -> list[int]:
        """The tally of each window of the frame; not to be changed by the caller."""
        if frame is not self._frame:
            self._move(frame)
        return self._sums

    def by_day(self) -> dict[Day, int]:
        """The tally of each day that is not empty."""
        return {day: total for day, total in sorted(self._buckets.items()) if total}

    def _move(self, frame: Frame) -> None:
        """Take over another frame: by the difference where it is the next day's."""
        was, self._frame = self._frame, frame
        if frame.day != was.day + 1:
            self._recount()
            return
        buckets, sums = self._buckets, self._sums
        for index, (left, last) in enumerate(frame.spans):
            sums[index] += buckets.get(last, 0) - buckets.get(left, 0)
        buckets.pop(frame.gone_day, None)

    def _recount(self) -> None:
        frame, buckets = self._frame, self._buckets
        for day in [day for day in buckets if day <= frame.gone_day]:
            del buckets[day]
        for index, (left, last) in enumerate(frame.spans):
            self._sums[index] = sum(total for day, total in buckets.items() if left < day <= last)
