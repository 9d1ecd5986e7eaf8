"""What ``monitor backtest`` prints: one row per metric and size of seller, for people or JSON."""

from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from typing import Any, TextIO

import msgspec

from monitor.audit.backtest_figures import Figures
from monitor.audit.lines import rounded
from monitor.core.instants import DAY, HOUR

_COLUMNS = (
    "METRIC",
    "ORDERS",
    "BREACHES",
    "WARNED",
    "LEAD DAYS",
    "P10",
    "WARNINGS",
    "IN VAIN",
    "FLAPPED",
    "NOTIFICATIONS",
    "A MONTH",
    "WEEK MOST",
    "WEEKS >2",
)
_LEFT_ALIGNED = 2


def line_of(figures: Figures) -> dict[str, Any]:
    """One line of JSON."""
    return {
        "metric": figures.metric,
        "orders_min": figures.orders_min,
        "breaches": figures.breaches,
        "warned": figures.warned,
        "warned_share": rounded(figures.warned, figures.breaches, 4),
        "lead_median_hours": _quotient(figures.lead_median, HOUR),
        "lead_p10_hours": _quotient(figures.lead_p10, HOUR),
        "warnings": figures.warnings,
        "warnings_in_vain": figures.in_vain,
        "episodes": figures.episodes,
        "episodes_flapped": figures.flapped,
        "notifications": figures.notifications,
        "sellers_notified": figures.sellers,
        "notifications_per_seller_and_month": _rounded(figures.per_seller_and_month),
        "seller_weeks_notified": figures.weeks,
        "seller_weeks_over_two": figures.busy_weeks,
        "notifications_in_a_week_most": figures.week_most,
    }


def write_jsonl(rows: Iterable[Figures], out: TextIO) -> None:
    """One JSON object per row."""
    out.write(msgspec.json.Encoder().encode_lines([line_of(row) for row in rows]).decode())


def write_table(rows: Iterable[Figures], out: TextIO) -> None:
    """Aligned columns for people."""
    cells = [_COLUMNS, *map(_cells, rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        aligned = [
            cell.ljust(width) if place < _LEFT_ALIGNED else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        print("  ".join(aligned).rstrip(), file=out)


FORMATS: Mapping[str, Callable[[Iterable[Figures], TextIO], None]] = {
    "table": write_table,
    "jsonl": write_jsonl,
}


def _cells(row: Figures) -> tuple[str, ...]:
    return (
        row.metric,
        f"{row.orders_min}+" if row.orders_min else "any",
        str(row.breaches),
        _share(row.warned, row.breaches),
        _days(row.lead_median),
        _days(row.lead_p10),
        str(row.warnings),
        str(row.in_vain),
        str(row.flapped),
        str(row.notifications),
        _text(_rounded(row.per_seller_and_month)),
        str(row.week_most),
        _share(row.busy_weeks, row.weeks),
    )


def _share(part: int, whole: int) -> str:
    share = rounded(100 * part, whole, 1)
    return "-" if share is None else f"{share:.1f}%"


def _days(micros: int | None) -> str:
    return _text(_quotient(micros, DAY))


def _text(number: float | None) -> str:
    return "-" if number is None else f"{number:.2f}"


def _quotient(micros: int | None, unit: int) -> float | None:
    return None if micros is None else rounded(micros, unit, 2)


def _rounded(value: Fraction | None) -> float | None:
    return None if value is None else rounded(value.numerator, value.denominator, 2)
