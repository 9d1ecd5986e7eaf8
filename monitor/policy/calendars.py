"""Time zones and public holidays by name: the calendar of a marketplace."""

from datetime import date
from functools import cache
from warnings import catch_warnings
from zoneinfo import ZoneInfo, available_timezones

from holidays import country_holidays, list_supported_countries
from pydantic import ConfigDict, TypeAdapter

from monitor.config_problems import did_you_mean
from monitor.core.calendar import Calendar
from monitor.policy.quantities import IsoDate

Holidays = str | tuple[date, ...]
"""A country code of the ``holidays`` package, or the dates themselves, ascending."""

_DATES: TypeAdapter[list[date]] = TypeAdapter(list[IsoDate], config=ConfigDict(strict=True))


@cache
def calendar_of(time_zone: str, holidays: Holidays) -> Calendar:
    """The calendar of a marketplace, one object for the same; both names have been checked."""
    if isinstance(holidays, str):
        return Calendar(ZoneInfo(time_zone), _CountryHolidays(holidays).__contains__)
    return Calendar(ZoneInfo(time_zone), frozenset(holidays).__contains__)


def known_time_zone(name: str) -> str:
    """The name, if the IANA database has it; ValueError otherwise."""
    zones = _zones()
    if name not in zones:
        hint = did_you_mean(name, zones)
        raise ValueError(f'"{name}" is no time zone of the IANA database{hint}')
    return name


def known_holidays(value: object) -> Holidays:
    """A country or dates, checked; ValueError (or pydantic's, with the place) otherwise."""
    if isinstance(value, str):
        if value not in _countries():
            raise ValueError(
                f'"{value}" is no country of the holidays package: write a code such as "US", '
                'a list of dates such as ["2026-12-24"], or []'
            )
        return value
    return tuple(sorted(set(_DATES.validate_python(value))))


class _CountryHolidays:
    """Public holidays by the package's defaults, observed days included.

    The package's own object collects years as they are asked for. Here each year is computed
    alone, so that no answer can depend on what was asked before.
    """

    def __init__(self, country: str) -> None:
        self._country = country
        self._years: dict[int, frozenset[date]] = {}

    def __contains__(self, day: date) -> bool:
        year = self._years.get(day.year)
        if year is None:
            with catch_warnings(action="ignore"):  # years the package has no holidays for
                found = country_holidays(self._country, years=day.year, expand=False)
            year = self._years[day.year] = frozenset(found)
        return day in year


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


@cache
def _countries() -> frozenset[str]:
    return frozenset(list_supported_countries(include_aliases=True))
