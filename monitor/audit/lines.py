"""What ``monitor replay`` prints: one line per series, as JSON lines, CSV or a table."""

import csv
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Any, TextIO

import msgspec

from monitor.core.instants import HOUR
from monitor.core.readings import Reading, series_order
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
_encode_lines = msgspec.json.Encoder().encode_lines
_decode_lines = msgspec.json.Decoder(dict[str, Any]).decode_lines


Line = dict[str, Any]
"""A series; its fields in the contract's order."""


def line_of(reading: Reading) -> Line:
    """One line as the replay contract has it."""
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


def write_jsonl(lines: Iterable[Line], out: TextIO) -> None:
    """One JSON object per line."""
    rest = iter(lines)
    while some := list(islice(rest, _LINES_PER_WRITE)):
        out.write(encoded(some).decode())


def encoded(lines: Iterable[Line]) -> bytes:
    """The bytes of JSON lines."""
    return _encode_lines(lines)


def decoded(data: bytes) -> list[Line]:
    """The lines that ``encoded`` made."""
    return _decode_lines(data)


def line_order(line: Line) -> tuple[str, str, str, int, float, bool, str]:
    """Sort key of the contract, as ``reading_order``."""
    window, category = line["window_days"], line["category"]
    where = line["seller"], line["marketplace"], line["metric"]
    return series_order(*where, window, category)


def write_csv(lines: Iterable[Line], out: TextIO) -> None:
    """A header and one row per line; null is an empty field."""
    rows = csv.DictWriter(out, _FIELDS, lineterminator="\n")
    rows.writeheader()
    rows.writerows(lines)


def write_table(lines: Iterable[Line], out: TextIO) -> None:
    """Aligned columns for people; levels in colour on a terminal."""
    lines = list(lines)
    rows = [list(_COLUMNS), *map(_cells, lines)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    colours = [_HEADER_COLOUR, *(_COLOURS.get(line["level"], "") for line in lines)]
    for row, colour in zip(rows, colours, strict=True):
        text = "  ".join(map(_aligned, row, _COLUMNS.values(), widths)).rstrip()
        out.write(f"{colour}{text}{_NO_COLOUR}\n" if colour and out.isatty() else f"{text}\n")


FORMATS: Mapping[str, Callable[[Iterable[Line], TextIO], None]] = {
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


def _cells(line: Line) -> list[str]:
    shown = dict(line)
    if line["ratio"] is not None:
        shown["ratio"] = f"{line['ratio']:.3%}"
    if line["category"] is not None:
        shown["category"] = printable(line["category"])
    return ["" if shown.get(field) is None else str(shown[field]) for field in _FIELDS]


def _aligned(cell: str, align: Callable[[str, int], str], width: int) -> str:
    return align(cell, width)
