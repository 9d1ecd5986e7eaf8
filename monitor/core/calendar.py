"""Marketplace days: local dates, DST, business days and holidays.

A day is the number of days since 1970-01-01 of the date that the marketplace's wall calendar
shows; see ``instants.Day``.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from monitor.core.instants import DAY, EPOCH, HOUR, Day, Instant, instant_of

_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
_FIRST_AT = instant_of(datetime(1, 1, 2, tzinfo=UTC))
_LAST_AT = instant_of(datetime(9999, 12, 30, tzinfo=UTC))
_SATURDAY = 5


def day_number(day: date) -> Day:
    """The number of a date."""
    return day.toordinal() - _EPOCH_ORDINAL


def date_of(day: Day) -> date:
    """The date of a day number."""
    return date.fromordinal(day + _EPOCH_ORDINAL)


class Calendar:
    """Days and deadlines of one marketplace.

    Args:
        zone: the marketplace's time zone.
        is_holiday: whether a date is a public holiday there.
    """

    def __init__(self, zone: ZoneInfo, is_holiday: Callable[[date], bool]) -> None:
        self.zone = zone
        self._is_holiday = is_holiday
        self._day_of_hour: dict[int, Day | None] = {}
        self._last_second = lru_cache(maxsize=4096)(self._find_last_second)
        self._handling_end = lru_cache(maxsize=4096)(self._find_handling_end)

    def day_of(self, at: Instant) -> Day:
        """The local day of an instant."""
        hour = at // HOUR
        try:
            day = self._day_of_hour[hour]
        except KeyError:
            day = self._remember_hour(hour)
        return (at + self._offset(at)) // DAY if day is None else day

    def start_of(self, day: Day) -> Instant:
        """The first instant at which the local date is ``day`` or later."""
        low, high = day * DAY - 2 * DAY, day * DAY + 2 * DAY
        while high - low > 1:
            middle = (low + high) // 2
            if self.day_of(middle) >= day:
                high = middle
            else:
                low = middle
        return high

    def end_of_handling(self, order_day: Day, handling_days: int) -> Instant:
        """23:59:59 (the later one) of the day ``handling_days`` business days after a day."""
        return self._last_second(self._handling_end(order_day, handling_days))

    def is_business_day(self, day: Day) -> bool:
        """Neither Saturday, Sunday nor a holiday of the marketplace."""
        day_date = date_of(day)
        return day_date.weekday() < _SATURDAY and not self._is_holiday(day_date)

    def _find_handling_end(self, day: Day, business_days: int) -> Day:
        while business_days > 0:
            day += 1
            if self.is_business_day(day):
                business_days -= 1
        return day

    def _find_last_second(self, day: Day) -> Instant:
        wall = datetime.combine(date_of(day), datetime.min.time(), self.zone)
        return instant_of(wall.replace(hour=23, minute=59, second=59, fold=1))

    def _remember_hour(self, hour: int) -> Day | None:
        """The local day of an hour of UTC, None where two days share it or clocks are set."""
        if len(self._day_of_hour) > 200_000:
            self._day_of_hour.clear()
        first_at, last_at = hour * HOUR, (hour + 1) * HOUR - 1
        offset = self._offset(first_at)
        is_steady = offset == self._offset(last_at)
        first, last = (first_at + offset) // DAY, (last_at + offset) // DAY
        day = self._day_of_hour[hour] = first if is_steady and first == last else None
        return day

    def _offset(self, at: Instant) -> int:
        """UTC offset in microseconds; outside the years of datetime, that of the nearest."""
        within = min(max(at, _FIRST_AT), _LAST_AT)
        moment = (EPOCH + timedelta(microseconds=within)).astimezone(self.zone)
        offset = moment.utcoffset()
        assert offset is not None
        return (offset.days * 86_400 + offset.seconds) * 1_000_000 + offset.microseconds
