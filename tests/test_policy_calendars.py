"""Time zones and holidays of a policy."""

import random
from datetime import date
from typing import Any

import pytest
from holidays import country_holidays, list_supported_countries

from monitor.core.calendar import Calendar, day_number
from monitor.policy.calendars import calendar_of
from tests.policies.documents import (
    document,
    parsed,
    problems,
)


@pytest.mark.parametrize(
    ("holidays", "place"),
    [("Narnia", ""), ("", ""), (["2025-01-01", "1 Jan"], ".1"), ([20250101], ".0"), (True, "")],
)
def test_holidays_that_no_one_knows_are_refused(holidays: Any, place: str) -> None:
    marketplaces = {"M1": {"time_zone": "UTC", "holidays": holidays}}
    found = problems(document(marketplaces=marketplaces))
    assert set(found) == {f"marketplaces.M1.holidays{place}"}


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../../etc/passwd", "", "europe/berlin", 3])
def test_a_time_zone_that_no_one_knows_is_refused(zone: Any) -> None:
    found = problems(document(marketplaces={"M1": {"time_zone": zone}}))
    assert set(found) == {"marketplaces.M1.time_zone"}


def is_holiday(calendar: Calendar, day: date) -> bool:
    return not calendar.is_business_day(day_number(day))


def test_a_list_of_dates_is_a_calendar_of_holidays() -> None:
    listed = ["2025-06-03", date(2025, 6, 4)]
    marketplaces = {"M1": {"time_zone": "UTC", "holidays": listed}}
    calendar = parsed(marketplaces=marketplaces).marketplaces["M1"].calendar
    assert is_holiday(calendar, date(2025, 6, 3))
    assert is_holiday(calendar, date(2025, 6, 4))
    assert not is_holiday(calendar, date(2025, 6, 5))


def test_observed_days_are_holidays() -> None:
    # 4 July 2026 is a Saturday.
    assert is_holiday(calendar_of("UTC", "US"), date(2026, 7, 3))


@pytest.mark.parametrize("country", ["US", "DE", "JP", "BR", "GB", "CN", "IN", "SA"])
def test_holidays_do_not_depend_on_what_was_asked_before(country: str) -> None:
    days = [
        date(year, month, day)
        for year in range(2015, 2031)
        for month, day in [(1, 1), (1, 2), (2, 11), (4, 29), (7, 3), (12, 25), (12, 31)]
    ]
    forward, shuffled = calendar_of("UTC", country), calendar_of("UTC", country)
    expected = {day: is_holiday(forward, day) for day in days}
    random.Random(7).shuffle(days)
    assert {day: is_holiday(shuffled, day) for day in days} == expected


@pytest.mark.parametrize("country", ["US", "DE", "JP", "BR"])
def test_holidays_are_the_packages_own(country: str) -> None:
    theirs = country_holidays(country, years=range(2016, 2028))
    ours = calendar_of("UTC", country)
    weekdays = [day for day in sorted(theirs) if day.weekday() < 5]
    assert len(weekdays) > 60
    assert all(is_holiday(ours, day) for day in weekdays)


def test_every_country_of_the_package_can_be_named() -> None:
    for country in list_supported_countries():
        marketplaces = {"M1": {"time_zone": "UTC", "holidays": country}}
        calendar = parsed(marketplaces=marketplaces).marketplaces["M1"].calendar
        assert not calendar.is_business_day(day_number(date(2026, 11, 22)))
