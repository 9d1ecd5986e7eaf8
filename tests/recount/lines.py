"""Windows over what the metrics counted, and the lines that replay prints of them."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from fractions import Fraction
from math import ceil, floor
from typing import Any

from tests.recount.metrics import METRICS, Counted
from tests.recount.rules import COUNT_METRICS, Rules, limit, quantity
from tests.recount.subjects import Account

Line = dict[str, Any]
HIGH_IS_BAD = ("under", "at most")
STRICT = ("under", "over")


def lines_of(account: Account, rules: Rules, as_of: datetime) -> Iterator[Line]:
    """The lines of one seller in one marketplace, without these two."""
    for metric, table in rules.metrics.items():
        counted = list(METRICS[metric](account, rules, table, as_of))
        limits: dict[str | None, str] = {None: table["limit"]} | table.get("by_category", {})
        for window in table["windows"]:
            for category, text in limits.items():
                inside = [
                    one
                    for one in counted
                    if in_window(one.day, window, table.get("lag_days", 0), rules, as_of)
                    and category in (None, one.category)
                ]
                head = {"metric": metric, "window_days": window, "category": category}
                line = head | _figures(metric, inside, text, table.get("approach"))
                if line["numerator"] or line["denominator"]:
                    yield line


def in_window(day: int, window: int | str, lag: int, rules: Rules, as_of: datetime) -> bool:
    """Whether a counting day lies in the window at an instant, and is not too old to count."""
    today = rules.day(as_of)
    if not today - rules.retention_days < day <= today - lag:
        return False
    return window == "all" or day > today - lag - int(window)


def sorting_key(line: Mapping[str, Any]) -> tuple[Any, ...]:
    """The order of the lines: numbers before "all", no category before every category."""
    window, category = line["window_days"], line["category"]
    return (
        line["seller"],
        line["marketplace"],
        line["metric"],
        (window == "all", 0 if window == "all" else window),
        (category is not None, category or ""),
    )


def _figures(metric: str, inside: list[Counted], text: str, approach: str | None) -> Line:
    numerator = sum(one.hits for one in inside)
    denominator = None if metric in COUNT_METRICS else len(inside)
    words, value = limit(text)
    line: Line = {
        "numerator": numerator,
        "denominator": denominator,
        "ratio": _rounded(Fraction(numerator, denominator), 10) if denominator else None,
        "level": level(numerator, denominator, (words, value), approach),
        "headroom": headroom(numerator, denominator, words, value),
        "orders_to_recover": orders_to_recover(numerator, denominator, words, value),
    }
    if metric == "contact_response_rate":
        line["mean_hours"] = _mean_hours(inside)
    return line


def level(
    numerator: int, denominator: int | None, limited: tuple[str, Fraction], approach: str | None
) -> str:
    """``ok``, ``approaching``, ``breached``, or ``no_data`` where nothing was counted."""
    if denominator == 0:
        return "no_data"
    words, value = limited
    measured = Fraction(numerator, denominator or 1)
    if not _holds(measured, words, value):
        return "breached"
    if approach is None:
        return "ok"
    threshold = quantity(approach)
    reached = measured >= threshold if words in HIGH_IS_BAD else measured <= threshold
    return "approaching" if reached else "ok"


def headroom(numerator: int, denominator: int | None, words: str, value: Fraction) -> int | None:
    """How many more may turn bad before the limit is breached."""
    if denominator == 0:
        return None
    if denominator is None:
        allowed, bad = value, numerator
    else:
        share, bad = _bad_side(numerator, denominator, words, value)
        allowed = denominator * share
    return ceil(allowed) - 1 - bad if words in STRICT else floor(allowed) - bad


def orders_to_recover(
    numerator: int, denominator: int | None, words: str, value: Fraction
) -> int | None:
    """The least number of new good orders after which the limit holds again."""
    if not denominator:
        return None
    if _holds(Fraction(numerator, denominator), words, value):
        return 0
    share, bad = _bad_side(numerator, denominator, words, value)
    if share == 0:
        return None
    if words in STRICT:
        return max(0, floor(bad / share) - denominator + 1)
    return max(0, ceil(bad / share) - denominator)


def _holds(measured: Fraction, words: str, value: Fraction) -> bool:
    return {
        "under": measured < value,
        "at most": measured <= value,
        "at least": measured >= value,
        "over": measured > value,
    }[words]


def _bad_side(
    numerator: int, denominator: int, words: str, value: Fraction
) -> tuple[Fraction, int]:
    if words in HIGH_IS_BAD:
        return value, numerator
    return 1 - value, denominator - numerator


def _mean_hours(inside: Iterable[Counted]) -> float | None:
    times = [one.answered_in for one in inside if one.answered_in is not None]
    if not times:
        return None
    total = sum(
        (time.days * 86_400_000_000 + time.seconds * 1_000_000 + time.microseconds)
        for time in times
    )
    return _rounded(Fraction(total, len(times) * 3_600_000_000), 3)


def _rounded(value: Fraction, digits: int) -> float:
    return float(round(value, digits))  # of a Fraction: exact, half to even
