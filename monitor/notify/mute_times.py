"""Mute times: hours and days at which somebody is not to be woken, by a wall clock. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from monitor.core.instants import DAY, Instant, instant_of, utc

DAY_MINUTES = 24 * 60
_LOOK_AHEAD = 8 * DAY


@dataclass(frozen=True, slots=True)
class MuteTime:
    """A stretch of the local day, on some days.

    From ``from_minute`` to ``to_minute``, counted from midnight; where the second is not the
    later one, to that minute of the next day. It begins on days of the week (0 is Monday) and
    on dates, whichever applies; with neither on every day.

    Where clocks are set, a stretch stays in one piece: it begins when the clock first shows its
    beginning or a later time, and ends when it shows its end, or a later time, for good.
    """

    name: str
    zone: ZoneInfo
    from_minute: int = 0
    to_minute: int = DAY_MINUTES
    weekdays: frozenset[int] = frozenset()
    dates: frozenset[date] = frozenset()

    def mutes_until(self, at: Instant) -> Instant | None:
        """When a muted instant will be over; None where it is not muted.

        Stretches that follow one another without a break are one. Where there is no end within
        eight days, an instant after them.
        """
        until = at
        while until - at < _LOOK_AHEAD:
            ends = [end for begin, end in self._around(until) if begin <= until < end]
            if not ends:
                break
            until = max(ends)
        return until if until > at else None

    def _around(self, at: Instant) -> Iterator[tuple[Instant, Instant]]:
        """First and end instant of the stretches that may hold an instant."""
        today = utc(at).astimezone(self.zone).date()
        for days in (-2, -1, 0, 1):
            day = today + timedelta(days=days)
            if self._begins_on(day):
                yield self._stretch(day)

    def _begins_on(self, day: date) -> bool:
        if not self.weekdays and not self.dates:
            return True
        return day.weekday() in self.weekdays or day in self.dates

    def _stretch(self, day: date) -> tuple[Instant, Instant]:
        is_next_day = self.to_minute <= self.from_minute
        end = self.to_minute + (DAY_MINUTES if is_next_day else 0)
        return (
            _first_at(_wall(day, self.from_minute), self.zone),
            _last_at(_wall(day, end), self.zone),
        )


def _wall(day: date, minute: int) -> datetime:
    """What a clock shows so many minutes after a date began, if it is not set."""
    return datetime(day.year, day.month, day.day) + timedelta(minutes=minute)  # noqa: DTZ001


def _first_at(wall: datetime, zone: ZoneInfo) -> Instant:
    """The first instant at which a clock shows ``wall``, or has jumped over it."""
    return min(_showing(wall, zone))


def _last_at(wall: datetime, zone: ZoneInfo) -> Instant:
    """The last instant at which a clock shows ``wall``, or has jumped over it."""
    return max(_showing(wall, zone))


def _showing(wall: datetime, zone: ZoneInfo) -> tuple[Instant, Instant]:
    """The two instants at which a clock shows ``wall``; mostly they are the same one."""
    one, other = (
        instant_of(wall.replace(tzinfo=zone, fold=fold).astimezone(UTC)) for fold in (0, 1)
    )
    # In a gap the rules before it and after it disagree the other way round.
    return (one, other) if one <= other else (_jump(other, one, zone),) * 2


def _jump(before: Instant, after: Instant, zone: ZoneInfo) -> Instant:
    """When the clock is set forward, between two instants."""
    offset_after = utc(after).astimezone(zone).utcoffset()
    while after - before > 1:
        middle = (before + after) // 2
        if utc(middle).astimezone(zone).utcoffset() == offset_after:
            after = middle
        else:
            before = middle
    return after
