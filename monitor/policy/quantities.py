"""The texts and numbers of a policy file: limits, shares, hours, windows, dates, sets."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Annotated

from pydantic import BeforeValidator, ConfigDict, PlainValidator, TypeAdapter

from monitor.core.instants import HOUR, SECOND
from monitor.core.rules import Comparison, Limit, WindowDays

_HIGH_IS_BAD = (Comparison.UNDER, Comparison.AT_MOST)
_LOW_IS_BAD = (Comparison.AT_LEAST, Comparison.OVER)
_LIMIT = re.compile(r"(under|at most|at least|over)\s+(\S.*)")
_NUMBER = re.compile(r"[0-9]{1,15}(\.[0-9]{1,15})?")
_ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MINUTE = 60 * SECOND
_HOURS_MAX = 10 * 366 * 24
_WINDOW_MAX_DAYS = 36_525


@dataclass(frozen=True, slots=True)
class Scale:
    """What a metric's limit is written in: a percentage or a count, and which side is bad."""

    high_is_bad: bool
    is_count: bool = False

    def limit(self, text: object) -> Limit:
        """``under 1%`` as a limit; ValueError says what is wrong with it."""
        example = self._example()
        found = _LIMIT.fullmatch(text) if isinstance(text, str) else None
        if found is None:
            raise ValueError(f'must be a text such as "{example}"')
        comparison = Comparison(found[1])
        allowed = _HIGH_IS_BAD if self.high_is_bad else _LOW_IS_BAD
        if comparison not in allowed:
            side = "high" if self.high_is_bad else "low"
            raise ValueError(
                f'"{comparison}" does not fit: the bad side of this metric is {side}, '
                f'so write "{allowed[0]} …" or "{allowed[1]} …"'
            )
        return Limit(comparison, self.value(found[2], example))

    def value(self, text: object, example: str | None = None) -> Fraction:
        """``0.75%`` (or ``3`` for a count) as an exact fraction; ValueError otherwise."""
        example = example or self._example().split()[-1]
        number, percent = (
            (text.removesuffix("%").rstrip(), text.endswith("%"))
            if isinstance(text, str)
            else ("", False)
        )
        if not _NUMBER.fullmatch(number):
            raise ValueError(f'must be a text such as "{example}"')
        if self.is_count:
            return _count(number, percent=percent)
        return _share(number, percent=percent)

    def limit_text(self, limit: Limit) -> str:
        """A limit as a policy file writes it."""
        return f"{limit.comparison} {self.value_text(limit.value)}"

    def value_text(self, value: Fraction) -> str:
        """A value as a policy file writes it."""
        return decimal_text(value) if self.is_count else decimal_text(value * 100) + "%"

    def _example(self) -> str:
        if self.is_count:
            return "under 3"
        return "under 4%" if self.high_is_bad else "at least 95%"


def _count(number: str, *, percent: bool) -> Fraction:
    if percent:
        raise ValueError("must be a number without %: this metric is a count, not a ratio")
    if "." in number:
        raise ValueError("must be a whole number: this metric is a count")
    return Fraction(number)


def _share(number: str, *, percent: bool) -> Fraction:
    if not percent:
        raise ValueError(f'must be a percentage, such as "{number}%": this metric is a ratio')
    share = Fraction(number) / 100
    if share > 1:
        raise ValueError("must be between 0% and 100%")
    return share


def decimal_text(value: Fraction) -> str:
    """A fraction that is an exact decimal, without trailing zeros: ``2.5``."""
    places = 0
    while (value * 10**places).denominator != 1:
        places += 1
    digits = str(int(value * 10**places)).rjust(places + 1, "0")
    return f"{digits[:-places]}.{digits[-places:]}" if places else digits


def hours_text(micros: int) -> str:
    """A duration in microseconds as the hours a policy file writes."""
    return decimal_text(Fraction(micros, HOUR))


def minutes_text(micros: int) -> str:
    """A duration in microseconds as the minutes a policy file writes."""
    return decimal_text(Fraction(micros, _MINUTE))


def _hours(value: object) -> int:
    return _duration(value, "hours", HOUR)


def _minutes(value: object) -> int:
    return _duration(value, "minutes", _MINUTE)


def _duration(value: object, unit: str, micros_each: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise ValueError(f"must be a number of {unit}")
    if not Decimal(value).is_finite():
        raise ValueError(f"must be a finite number of {unit}")
    most = _HOURS_MAX * HOUR // micros_each
    if not 0 <= value <= most:
        raise ValueError(f"must be between 0 and {most} {unit}")
    micros = Fraction(value) * micros_each
    if micros.denominator != 1:
        raise ValueError("must be a whole number of microseconds")
    return int(micros)


def _iso_date(value: object) -> date:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    if isinstance(value, str) and _ISO_DATE.fullmatch(value):
        try:
            return date.fromisoformat(value)
        except ValueError as error:
            raise ValueError(f'"{value}" is no day of the calendar') from error
    raise ValueError("must be a date such as 2025-01-15")


def _window(value: object) -> WindowDays:
    if value == "all":
        return "all"
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError('must be a whole number of days or "all"')
    if not 0 < value <= _WINDOW_MAX_DAYS:
        raise ValueError(f"must be between 1 and {_WINDOW_MAX_DAYS} days")
    return value


_WINDOW_LIST: TypeAdapter[list[WindowDays]] = TypeAdapter(
    list[Annotated[WindowDays, PlainValidator(_window)]], config=ConfigDict(strict=True)
)
_TEXT_LIST: TypeAdapter[list[str]] = TypeAdapter(list[str], config=ConfigDict(strict=True))


def _windows(value: object) -> tuple[WindowDays, ...]:
    found = _WINDOW_LIST.validate_python(["all"] if value == "all" else value)
    if not found:
        raise ValueError('must name at least one window, such as [30] or ["all"]')
    _refuse_twice(found)
    return tuple(sorted(found, key=lambda days: (days == "all", days)))


def _refuse_twice(found: Sequence[object]) -> None:
    if twice := sorted({str(item) for item in found if found.count(item) > 1}):
        raise ValueError(f"names {', '.join(twice)} more than once")


def _names(value: object) -> frozenset[str]:
    found = _TEXT_LIST.validate_python(value)
    _refuse_twice(found)
    return frozenset(found)


def one_of(*allowed: str) -> PlainValidator:
    """A list of some of these words, each at most once."""

    def check(value: object) -> frozenset[str]:
        found = _names(value)
        if strangers := sorted(found - set(allowed)):
            words = ", ".join(allowed)
            raise ValueError(f"knows no {', '.join(map(repr, strangers))}; there are {words}")
        return found

    return PlainValidator(check)


IsoDate = Annotated[date, BeforeValidator(_iso_date)]
"""A TOML date or a text ``YYYY-MM-DD``."""
Hours = Annotated[int, PlainValidator(_hours)]
"""A whole or decimal number of hours, kept as microseconds."""
Minutes = Annotated[int, PlainValidator(_minutes)]
"""A whole or decimal number of minutes, kept as microseconds."""
Windows = Annotated[tuple[WindowDays, ...], PlainValidator(_windows)]
"""A list of days and/or ``"all"``, kept in ascending order, ``"all"`` last."""
Names = Annotated[frozenset[str], PlainValidator(_names)]
"""A list of texts, each at most once."""
