"""docs/sizing.md: its arithmetic, and that it plans with no more than was measured."""

import json
import math
import re

import pytest

from tests.conftest import ROOT

TEXT = (ROOT / "docs" / "sizing.md").read_text()
AS_FAST_AS = {"live_events_per_s", "recovery_orders_per_s"}

EVENTS_PER_ORDER = 5
PEAK = 4
DAYS, MARGIN_DAYS = 200, 30
ORDER_BYTES, LEDGER_BYTES, EVENT_BYTES = 1_000, 300, 60
WORKER_BYTES = 12e9
EVENTS_PER_S, RESTORED_PER_S = 40_000, 100_000
GB, COPIES = 1e9, 3


def rows(first: str) -> list[list[str]]:
    """The cells of the table whose header begins so, without the header."""
    lines = TEXT[TEXT.index(f"| {first}") :].split("\n\n")[0].splitlines()
    return [
        [cell.strip() for cell in line.strip("|").split("|")] for line in (lines[0], *lines[2:])
    ]


def number(text: str) -> float:
    """The number that a cell begins with, in words or digits."""
    found = re.match(r"[\d,.]+", text)
    assert found, text
    return float(found.group().replace(",", "")) * (1e6 if "million" in text else 1)


def test_what_is_planned_with_is_no_better_than_what_was_measured() -> None:
    measured = json.loads((ROOT / "bench" / "results.json").read_text())
    for key, _, said, planned in rows("key")[1:]:
        name = key.strip("`")
        figure = measured[name]["value"] if name else number(said)
        if name in AS_FAST_AS:
            assert number(planned) <= figure, name
        else:
            assert number(planned) >= figure, name


@pytest.mark.parametrize("column", [1, 2, 3, 4])
def test_the_table_is_what_the_formulas_give(column: int) -> None:
    header, *table = rows("orders a day")
    said = {row[0]: number(row[column]) for row in table}
    orders = number(header[column])
    events = orders * EVENTS_PER_ORDER
    held = orders * DAYS
    workers = max(2, math.ceil(held * ORDER_BYTES / WORKER_BYTES))
    expected = {
        "events a second, mean": events / 86_400,
        "events a second, peak": PEAK * events / 86_400,
        "orders held, D = 200": held,
        "memory for them, GB": held * ORDER_BYTES / GB,
        "workers of 16 GB": workers,
        "partitions": max(12, 4 * workers),
        "seconds to restore a full worker": held / workers / RESTORED_PER_S,
        "seconds to catch up with a day's events": events / workers / EVENTS_PER_S,
        "ledger, GB with three copies": held * LEDGER_BYTES * COPIES / GB,
        "sources, GB with three copies": events * (DAYS + MARGIN_DAYS) * EVENT_BYTES * COPIES / GB,
    }
    assert said.keys() == expected.keys()
    for what, figure in expected.items():
        assert said[what] == pytest.approx(figure, rel=0.05), what


def test_the_formulas_use_the_figures_to_plan_with() -> None:
    planned = [number(row[3]) for row in rows("key")[1:]]
    assert planned == [
        *(EVENTS_PER_S, RESTORED_PER_S, ORDER_BYTES, 150),
        *(LEDGER_BYTES, EVENTS_PER_ORDER, 250, EVENT_BYTES),
    ]
