"""Live against replay: what ``/metrics`` says now, and what the same events give in a replay."""

from collections.abc import Iterable
from fractions import Fraction

from prometheus_client.parser import text_string_to_metric_families

from monitor.core.readings import Reading
from monitor.exporter import families

SeriesKey = tuple[str, str, str, str, str]
"""Seller, marketplace, metric, window and category (empty: none)."""
Numbers = dict[str, float]
"""The gauges of one series by the name of their family."""

_FAMILIES = (
    families.NUMERATOR,
    families.DENOMINATOR,
    families.RATIO,
    families.LEVEL,
    families.HEADROOM,
)


def scraped(page: str) -> dict[SeriesKey, Numbers]:
    """The gauges of every series on a page of ``/metrics``."""
    wanted = {family.name for family in _FAMILIES}
    found: dict[SeriesKey, Numbers] = {}
    for family in text_string_to_metric_families(page):
        if family.name not in wanted:
            continue
        for sample in family.samples:
            labels = sample.labels
            key = (
                labels["seller"],
                labels["marketplace"],
                labels["metric"],
                labels["window"],
                labels.get("category", ""),
            )
            found.setdefault(key, {})[family.name] = sample.value
    return found


def replayed(readings: Iterable[Reading]) -> dict[SeriesKey, Numbers]:
    """The gauges that the readings of a replay call for."""
    return {
        (
            reading.seller,
            reading.marketplace,
            reading.metric,
            str(reading.window_days),
            reading.category or "",
        ): _numbers(reading)
        for reading in readings
    }


def differences(live: dict[SeriesKey, Numbers], expected: dict[SeriesKey, Numbers]) -> list[str]:
    """Each series that is not the same on both sides, in words."""
    return [
        f"{'/'.join(key)}: live {_shown(live.get(key))}, replay {_shown(expected.get(key))}"
        for key in sorted(live.keys() | expected.keys())
        if live.get(key) != expected.get(key)
    ]


def _numbers(reading: Reading) -> Numbers:
    numbers: dict[str, int | Fraction | None] = {
        families.NUMERATOR.name: reading.numerator,
        families.DENOMINATOR.name: reading.denominator,
        families.RATIO.name: reading.ratio,
        families.HEADROOM.name: reading.headroom,
    }
    found = {name: float(number) for name, number in numbers.items() if number is not None}
    return found | {families.LEVEL.name: float(families.LEVEL_CODES[reading.level])}


def _shown(numbers: Numbers | None) -> str:
    if numbers is None:
        return "nothing"
    return ", ".join(f"{name} {value:g}" for name, value in sorted(numbers.items()))
