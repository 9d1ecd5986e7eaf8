"""A policy as the contract reads it: the parsed TOML, defaults filled in, and the calendar."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import holidays

COUNT_METRICS = frozenset({"policy_violations"})
SELLER_FULFILLED_METRICS = frozenset(
    {
        "pre_fulfilment_cancel_rate",
        "late_shipment_rate",
        "on_time_delivery_rate",
        "valid_tracking_rate",
    }
)


@dataclass(frozen=True)
class Rules:
    """What holds for one marketplace at one instant."""

    zone: ZoneInfo
    is_holiday: Mapping[date, Any]
    handling_days: int
    retention_days: int
    metrics: Mapping[str, Mapping[str, Any]]

    def day(self, at: datetime) -> int:
        """The local day of an instant, as a proleptic ordinal."""
        try:
            return at.astimezone(self.zone).date().toordinal()
        except OverflowError:  # within a day of the first or last date there is
            return at.date().toordinal()

    def ship_by(self, promised: datetime | None, placed_at: datetime) -> datetime:
        """The promised instant, or the end of the last of the handling days."""
        if promised is not None:
            return promised
        day = date.fromordinal(self.day(placed_at))
        left = self.handling_days
        while left:
            day += timedelta(days=1)
            if day.weekday() < 5 and day not in self.is_holiday:
                left -= 1
        return self.last_second(day)

    def last_second(self, day: date) -> datetime:
        """23:59:59 on the local clock; the later one of two.

        A day that the clocks jump over has none; then the last second before the jump.
        """
        readings = [
            datetime.combine(day, time(23, 59, 59), self.zone).replace(fold=fold).astimezone(UTC)
            for fold in (0, 1)
        ]
        shown = [
            at
            for at in readings
            if at.astimezone(self.zone).replace(tzinfo=None)
            == datetime.combine(day, time(23, 59, 59))
        ]
        return max(shown) if shown else min(readings)


def rules_for(
    policies: Iterable[Mapping[str, Any]], marketplace: str, as_of: datetime
) -> Rules | None:
    """The rules in force for a marketplace; None where no policy names it."""
    policies = list(policies)
    for name in (marketplace, "*"):
        begun = []
        for policy in policies:
            table = policy["marketplaces"].get(name)
            if table is None:
                continue
            rules = _rules(policy, table)
            valid_from = _date(policy.get("valid_from"))
            if valid_from is None or valid_from.toordinal() <= rules.day(as_of):
                begun.append((valid_from or date.min, rules))
        if begun:
            return max(begun, key=lambda found: found[0])[1]
    return None


def population(metric: str, table: Mapping[str, Any]) -> str:
    """Whose orders a metric counts: ``all``, ``seller`` or ``marketplace``."""
    default = "seller" if metric in SELLER_FULFILLED_METRICS else "all"
    return str(table.get("population", default))


def hours(number: Any) -> timedelta:
    """A number of elapsed hours."""
    return timedelta(microseconds=round(Fraction(str(number)) * 3_600_000_000))


def limit(text: str) -> tuple[str, Fraction]:
    """``under 1%`` as its words and an exact number."""
    words, _, number = text.strip().rpartition(" ")
    return " ".join(words.split()), quantity(number)


def quantity(text: str) -> Fraction:
    """``0.75%`` or ``3`` as an exact number."""
    text = text.strip()
    return Fraction(text[:-1]) / 100 if text.endswith("%") else Fraction(text)


def _rules(policy: Mapping[str, Any], table: Mapping[str, Any]) -> Rules:
    return Rules(
        zone=ZoneInfo(table["time_zone"]),
        is_holiday=_holidays(table.get("holidays", [])),
        handling_days=table.get("handling_days", 2),
        retention_days=policy.get("retention_days", 400),
        metrics=_with_rating_max(policy.get("metrics", {})),
    )


def _with_rating_max(tables: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    # The perfect order rate's own, else the order defect rate's, else 2.
    found = dict(tables)
    of_defects = found.get("order_defect_rate", {}).get("negative_rating_max", 2)
    for name in ("order_defect_rate", "perfect_order_rate"):
        if name in found:
            found[name] = {"negative_rating_max": of_defects} | dict(found[name])
    return found


_calendars: dict[str, Mapping[date, Any]] = {}


def _holidays(value: str | Sequence[str | date]) -> Mapping[date, Any]:
    if not isinstance(value, str):
        return {day: "" for day in map(_date, value) if day is not None}
    if value not in _calendars:
        _calendars[value] = holidays.country_holidays(value)
    return _calendars[value]


def _date(value: str | date | None) -> date | None:
    return date.fromisoformat(value) if isinstance(value, str) else value
