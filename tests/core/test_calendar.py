"""Marketplace days: local dates, clock changes, business days, handling deadlines."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.calendar import Calendar, date_of, day_number
from monitor.core.instants import instant_of, isoformat, parse_instant

ZONES = [
    "UTC",
    "America/Sao_Paulo",
    "America/St_Johns",
    "Pacific/Apia",
    "Asia/Kathmandu",
    "Africa/Monrovia",
    "Europe/Berlin",
]


def calendar_of(zone: str, *holidays: str) -> Calendar:
    days = {date.fromisoformat(day) for day in holidays}
    is_holiday: Callable[[date], bool] = days.__contains__
    return Calendar(ZoneInfo(zone), is_holiday)


@given(
    zone=st.sampled_from(ZONES),
    seconds=st.integers(-631_152_000, 2_524_608_000),
)
def test_the_day_of_an_instant_is_the_date_on_the_wall(zone: str, seconds: int) -> None:
    at = datetime.fromtimestamp(seconds, UTC)
    wall = at.astimezone(ZoneInfo(zone)).date()
    assert date_of(calendar_of(zone).day_of(instant_of(at))) == wall


@pytest.mark.parametrize("zone", ZONES)
def test_every_second_around_a_clock_change_has_its_day(zone: str) -> None:
    calendar = calendar_of(zone)
    for start in (datetime(2018, 2, 18, tzinfo=UTC), datetime(2009, 11, 1, tzinfo=UTC)):
        for minutes in range(0, 48 * 60, 7):
            at = start + timedelta(minutes=minutes, seconds=59)
            assert date_of(calendar.day_of(instant_of(at))) == at.astimezone(ZoneInfo(zone)).date()


def test_instants_outside_the_years_of_datetime_still_have_a_day() -> None:
    calendar = calendar_of("Asia/Tokyo")
    last = parse_instant("9999-12-31T23:59:59Z")
    assert calendar.day_of(last) == day_number(date(9999, 12, 31)) + 1


def test_two_business_days_after_friday_are_tuesday_evening() -> None:
    calendar = calendar_of("America/Los_Angeles")
    friday = day_number(date(2018, 3, 2))
    assert isoformat(calendar.end_of_handling(friday, 2)) == "2018-03-07T07:59:59Z"


def test_a_holiday_is_no_business_day() -> None:
    calendar = calendar_of("America/Los_Angeles", "2018-03-05")
    friday = day_number(date(2018, 3, 2))
    assert isoformat(calendar.end_of_handling(friday, 2)) == "2018-03-08T07:59:59Z"


def test_where_clocks_go_back_at_midnight_the_later_last_second_counts() -> None:
    # Sao Paulo, Saturday 2018-02-17: at 24:00 the clocks went back to 23:00.
    calendar = calendar_of("America/Sao_Paulo")
    saturday = day_number(date(2018, 2, 17))
    assert isoformat(calendar.end_of_handling(saturday, 0)) == "2018-02-18T02:59:59Z"


def test_a_day_starts_with_its_first_local_instant() -> None:
    calendar = calendar_of("America/Sao_Paulo")
    # 2018-11-04 began at 01:00, since midnight was skipped.
    start = calendar.start_of(day_number(date(2018, 11, 4)))
    assert isoformat(start) == "2018-11-04T03:00:00Z"
    assert calendar.day_of(start - 1) == day_number(date(2018, 11, 3))
