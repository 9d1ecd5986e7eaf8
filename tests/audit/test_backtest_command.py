"""The command ``backtest`` end to end: what is read, what is counted, what is printed."""

import io
import json
from pathlib import Path
from typing import Any

import pytest

from monitor.audit.backtest_command import Trial, run_backtest
from monitor.audit.files import FileSource
from monitor.core.instants import HOUR
from tests.audit.backtests import day, limit_of_ten_percent, order
from tests.audit.histories import event, write

ALL_OF_IT = day(10_000)


def history() -> list[dict[str, Any]]:
    """A warning on day 3, a breach on day 8, all forgotten by day 60."""
    events = [one for number in range(18) for one in order(f"g-{number}", 0)]
    events += order("l-1", 2, late=True) + order("l-2", 7, late=True)
    return events + order("last", 60)


def backtested(path: Path, form: str = "jsonl", **over: Any) -> tuple[bool, str, list[str]]:
    """Whether all were valid, what was printed, and the remarks."""
    asked: dict[str, Any] = {"begin": None, "end": ALL_OF_IT, "every": HOUR}
    trial = Trial(**asked | {"orders_min": 20, "flap_days": 7} | over)
    out, err = io.StringIO(), io.StringIO()
    valid = run_backtest(FileSource([path]), limit_of_ten_percent(), trial, form, (out, err))
    return valid, out.getvalue(), err.getvalue().splitlines()


def rows(text: str) -> dict[tuple[str, int], dict[str, Any]]:
    found = [json.loads(line) for line in text.splitlines()]
    return {(row["metric"], row["orders_min"]): row for row in found}


@pytest.mark.parametrize("name", ["events.jsonl", "events.jsonl.gz"])
def test_the_figures_of_a_history_are_printed_per_metric_and_size(
    tmp_path: Path, name: str
) -> None:
    valid, text, remarks = backtested(write(tmp_path / name, history()))
    assert valid
    assert remarks == []
    found = rows(text)
    assert list(found) == [(m, n) for m in ("late_shipment_rate", "all") for n in (0, 20)]
    for row in found.values():
        assert (row["breaches"], row["warned"], row["warned_share"]) == (1, 1, 1.0)
        assert row["lead_median_hours"] == row["lead_p10_hours"] == 120.0
    assert found["late_shipment_rate", 0]["notifications"] == 3
    assert found["late_shipment_rate", 0]["episodes_flapped"] == 0


def test_what_comes_after_the_end_is_not_read(tmp_path: Path) -> None:
    path = write(tmp_path / "events.jsonl", history())
    row = rows(backtested(path, end=day(5))[1])["late_shipment_rate", 0]
    assert (row["breaches"], row["warnings"], row["warnings_in_vain"]) == (0, 1, 0)


def test_what_opened_before_the_begin_is_not_counted(tmp_path: Path) -> None:
    path = write(tmp_path / "events.jsonl", history())
    row = rows(backtested(path, begin=day(5))[1])["late_shipment_rate", 0]
    assert (row["episodes"], row["breaches"], row["notifications"]) == (0, 0, 2)


def test_the_table_has_a_line_for_each_row_and_a_dash_where_there_is_nothing(
    tmp_path: Path,
) -> None:
    path = write(tmp_path / "events.jsonl", history())
    header, late, late_large, *_ = backtested(path, "table", orders_min=1000)[1].splitlines()
    assert header.split()[:4] == ["METRIC", "ORDERS", "BREACHES", "WARNED"]
    assert late.split()[:6] == ["late_shipment_rate", "any", "1", "100.0%", "5.00", "5.00"]
    assert late_large.split()[:6] == ["late_shipment_rate", "1000+", "0", "-", "-", "-"]


def test_invalid_records_are_named_and_left_out(tmp_path: Path) -> None:
    broken = event("order_placed", "2018-01-05T00:00:00Z", order="o", ship_by="soon")
    path = write(tmp_path / "events.jsonl", [*history(), broken])
    valid, text, remarks = backtested(path)
    assert not valid
    assert "events.jsonl:" in remarks[0]
    assert "invalid" in remarks[0]
    assert rows(text)["all", 0]["breaches"] == 1


def test_a_history_without_events_has_no_figures_but_those_of_all(tmp_path: Path) -> None:
    valid, text, _ = backtested(write(tmp_path / "events.jsonl", []))
    assert valid
    row = rows(text)["all", 0]
    assert (row["breaches"], row["warned_share"]) == (0, None)
    assert row["notifications_per_seller_and_month"] is None
