"""What ``monitor replay`` prints: one line per series, as JSON lines, CSV or a table."""

import csv
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TextIO

import msgspec

from monitor.core.instants import HOUR
from monitor.core.readings import Reading
from monitor.printable import printable

_FIELDS = (
    "seller",
    "marketplace",
    "metric",
    "window_days",
    "category",
    "numerator",
    "denominator",
    "ratio",
    "level",
    "headroom",
    "orders_to_recover",
    "mean_hours",
)
_WITH_MEAN_HOURS = "contact_response_rate"
_LINES_PER_WRITE = 1000


def line_of(reading: Reading) -> dict[str, Any]:
    """One line as the replay contract has it; its fields in the contract's order."""
    line: dict[str, Any] = {
        "seller": reading.seller,
        "marketplace": reading.marketplace,
        "metric": reading.metric,
        "window_days": reading.window_days,
        "category": reading.category,
        "numerator": reading.numerator,
        "denominator": reading.denominator,
        "ratio": rounded(reading.numerator, reading.denominator, 10),
        "level": reading.level.value,
        "headroom": reading.headroom,
        "orders_to_recover": reading.orders_to_recover,
    }
    if reading.metric == _WITH_MEAN_HOURS:
        line["mean_hours"] = rounded(reading.answer_micros, reading.answered * HOUR, 3)
    return line


def rounded(numerator: int, denominator: int | None, digits: int) -> float | None:
    """The exact quotient rounded half to even; None where it is undefined.

    Integer arithmetic, since a float quotient may already lie on the other side of a half.
    """
    if not denominator:
        return None
    quotient, rest = divmod(numerator * 10**digits, denominator)
    if 2 * rest > denominator or (2 * rest == denominator and quotient % 2):
        quotient += 1
    result: float = quotient / 10**digits
    return result


def write_jsonl(readings: Iterable[Reading], out: TextIO) -> None:
    """One JSON object per line."""
    encode = msgspec.json.Encoder().encode_lines
    pending = []
    for reading in readings:
        pending.append(line_of(reading))
        if len(pending) == _LINES_PER_WRITE:
            out.write(encode(pending).decode())
            pending.clear()
    out.write(encode(pending).decode())


def write_csv(readings: Iterable[Reading], out: TextIO) -> None:
    """A header and one row per line; null is an empty field."""
    rows = csv.DictWriter(out, _FIELDS, lineterminator="\n")
    rows.writeheader()
    rows.writerows(map(line_of, readings))


def write_table(readings: Iterable[Reading], out: TextIO) -> None:
    """Aligned columns for people; levels in colour on a terminal."""
    lines = [line_of(reading) for reading in readings]
    rows = [list(_COLUMNS), *map(_cells, lines)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    colours = [_HEADER_COLOUR, *(_COLOURS.get(line["level"], "") for line in lines)]
    for row, colour in zip(rows, colours, strict=True):
        text = "  ".join(map(_aligned, row, _COLUMNS.values(), widths)).rstrip()
        out.write(f"{colour}{text}{_NO_COLOUR}\n" if colour and out.isatty() else f"{text}\n")


FORMATS: Mapping[str, Callable[[Iterable[Reading], TextIO], None]] = {
    "jsonl": write_jsonl,
    "table": write_table,
    "csv": write_csv,
}

_COLUMNS = {
    "SELLER": str.ljust,
    "MARKETPLACE": str.ljust,
    "METRIC": str.ljust,
    "WINDOW": str.rjust,
    "CATEGORY": str.ljust,
    "COUNT": str.rjust,
    "OF": str.rjust,
    "RATIO": str.rjust,
    "LEVEL": str.ljust,
    "HEADROOM": str.rjust,
    "RECOVER": str.rjust,
    "MEAN HOURS": str.rjust,
}
_HEADER_COLOUR, _NO_COLOUR = "\x1b[1m", "\x1b[0m"
_COLOURS = {"breached": "\x1b[31m", "approaching": "\x1b[33m"}


def _cells(line: Mapping[str, Any]) -> list[str]:
    shown = dict(line)
    if line["ratio"] is not None:
        shown["ratio"] = f"{line['ratio']:.3%}"
    if line["category"] is not None:
        shown["category"] = printable(line["category"])
    return ["" if shown.get(field) is None else str(shown[field]) for field in _FIELDS]


def _aligned(cell: str, align: Callable[[str, int], str], width: int) -> str:
    return align(cell, width)
