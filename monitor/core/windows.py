"""Day buckets of one account and the sums of its windows.

A bucket holds what the subjects of one counting day contribute. Each series has a *tally* in
it, numerator and denominator; all tallies of a day lie side by side in one integer, each in a
*slot* of its own. Whatever an event moves, in however many metrics, is then one addition.
"""

from collections.abc import Iterable
from typing import NamedTuple

from monitor.core.instants import Day
from monitor.core.rules import WindowDays

Lagged = tuple[WindowDays, int]
"""The length of a window and the days that it lags behind."""

# A local date can step back by one where clocks are set back over midnight, so days that
# have just left are kept for as long.
_KEEP_DAYS = 2
# Nobody has four billion orders.
_COUNT_BITS = 32
_COUNT = (1 << _COUNT_BITS) - 1
_SLOT_BITS = 2 * _COUNT_BITS
_SLOT = (1 << _SLOT_BITS) - 1


def tally(numerator: int, denominator: int) -> int:
    """Both numbers as one, such that sums of tallies are tallies of sums."""
    return (numerator << _COUNT_BITS) + denominator


def untally(total: int) -> tuple[int, int]:
    """Numerator and denominator of a tally."""
    return total >> _COUNT_BITS, total & _COUNT


def in_slot(slot: int, change: int) -> int:
    """A tally, or what is to be added to one, in its slot of a bucket."""
    return change << (_SLOT_BITS * slot)


def slot_of(bucket: int, slot: int) -> int:
    """The tally in a slot."""
    return (bucket >> (_SLOT_BITS * slot)) & _SLOT


def last_slot_of(bucket: int, slot: int) -> int:
    """The tally in the last slot, whose numerator may have any size."""
    return bucket >> (_SLOT_BITS * slot)


class Frame(NamedTuple):
    """The days that each of some windows counts on one local day.

    ``spans`` holds per window the last day that has left and the last day inside;
    days up to ``gone_day`` are in no window any more.
    """

    day: Day
    gone_day: Day
    spans: tuple[tuple[Day, Day], ...]
    inside: dict[Day, tuple[int, ...]]
    """Which windows a day lies in: found once per day, for all accounts."""

    def windows_of(self, day: Day) -> tuple[int, ...]:
        """Which windows a day lies in, of those after ``gone_day``."""
        if day > self.day:
            return ()
        found = self.inside.get(day)
        if found is None:
            spans = enumerate(self.spans)
            found = tuple(index for index, (left, last) in spans if left < day <= last)
            self.inside[day] = found
        return found


def frame_of(windows: Iterable[Lagged], retention_days: int, day: Day) -> Frame:
    """The frame of windows on a local day (contract: d with day − L − W < d ≤ day − L)."""
    floor = day - retention_days
    spans = []
    for window, lag_days in windows:
        last = day - lag_days
        left = floor if window == "all" else max(floor, last - window)
        spans.append((min(left, last), last))
    gone_day = min((left for left, _ in spans), default=day) - _KEEP_DAYS
    return Frame(day, gone_day, tuple(spans), {})


class Buckets:
    """The bucket of each counting day, and their sum in each window of a frame.

    ``pending`` is what was added to a day since the sums were last asked for: many events
    between two questions cost the windows no more than one.
    """

    __slots__ = ("_days", "_frame", "_sums", "pending")

    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self._days: dict[Day, int] = {}
        self._sums = [0] * len(frame.spans)
        self.pending: dict[Day, int] = {}

    def add(self, day: Day, change: int) -> None:
        """Add to the bucket of a counting day; negative to take away."""
        pending = self.pending
        pending[day] = pending.get(day, 0) + change

    def sums(self, frame: Frame) -> list[int]:
        """The sum of the buckets in each window; not to be changed by the caller."""
        if self.pending:
            self._settle()
        if frame is not self._frame:
            self._move(frame)
        return self._sums

    def leaving(self, frame: Frame, days: int) -> list[int]:
        """Per window, the sum of the buckets that leave it within so many days.

        Nothing is moved or settled: it may be asked while accounts are being taken to another
        day.
        """
        held, pending = self._days, self.pending
        return [
            sum(
                held.get(day, 0) + pending.get(day, 0)
                for day in range(left + 1, min(left + days, last) + 1)
            )
            for left, last in frame.spans
        ]

    def by_day(self) -> dict[Day, int]:
        """The bucket of each day that is not empty."""
        if self.pending:
            self._settle()
        return {day: total for day, total in sorted(self._days.items()) if total}

    def _settle(self) -> None:
        frame, days, sums = self._frame, self._days, self._sums
        inside = frame.inside
        for day, change in self.pending.items():
            if day > frame.gone_day:
                days[day] = days.get(day, 0) + change
                for index in inside.get(day) or frame.windows_of(day):
                    sums[index] += change
        self.pending.clear()

    def _move(self, frame: Frame) -> None:
        """Take over another frame: by the difference where it is the next day's."""
        was, self._frame = self._frame, frame
        if frame.day != was.day + 1:
            self._recount()
            return
        days, sums = self._days, self._sums
        for index, (left, last) in enumerate(frame.spans):
            sums[index] += days.get(last, 0) - days.get(left, 0)
        days.pop(frame.gone_day, None)

    def _recount(self) -> None:
        frame, days = self._frame, self._days
        for day in [day for day in days if day <= frame.gone_day]:
            del days[day]
        for index, (left, last) in enumerate(frame.spans):
            self._sums[index] = sum(total for day, total in days.items() if left < day <= last)
