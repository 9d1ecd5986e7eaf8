"""The lines of replay: exact rounding, contract order of fields, three formats."""

import csv
import io
import json
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.audit.lines import line_of, rounded, write_csv, write_jsonl, write_table
from monitor.core.instants import HOUR, SECOND
from monitor.core.readings import Level, Reading
from monitor.core.rules import Comparison, Limit


def _reading(**fields: object) -> Reading:
    given = {
        "seller": "S1",
        "marketplace": "M1",
        "metric": "order_defect_rate",
        "window_days": 60,
        "category": None,
        "numerator": 3,
        "denominator": 412,
        "limit": Limit(Comparison.UNDER, Fraction(1, 100)),
        "approach": None,
        "level": Level.OK,
        "headroom": 1,
        "orders_to_recover": 0,
    }
    return Reading(**(given | fields))  # type: ignore[arg-type]


COUNT = _reading(
    metric="policy_violations",
    window_days="all",
    denominator=None,
    level=Level.BREACHED,
    headroom=-1,
    orders_to_recover=None,
)
ANSWERS = _reading(
    metric="contact_response_rate",
    numerator=2,
    denominator=3,
    answered=3,
    answer_micros=4 * HOUR,
    level=Level.APPROACHING,
)


def test_a_line_has_the_fields_of_the_contract_in_its_order() -> None:
    out = io.StringIO()
    write_jsonl([line_of(_reading())], out)
    assert out.getvalue() == (
        '{"seller":"S1","marketplace":"M1","metric":"order_defect_rate","window_days":60,'
        '"category":null,"numerator":3,"denominator":412,"ratio":0.0072815534,"level":"ok",'
        '"headroom":1,"orders_to_recover":0}\n'
    )


def test_a_count_has_neither_denominator_nor_ratio() -> None:
    line = line_of(COUNT)
    assert (line["window_days"], line["denominator"], line["ratio"]) == ("all", None, None)
    assert (line["headroom"], line["orders_to_recover"]) == (-1, None)


def test_mean_hours_are_given_for_contact_response_only() -> None:
    assert line_of(ANSWERS)["mean_hours"] == 1.333
    assert "mean_hours" not in line_of(_reading())


def test_mean_hours_without_an_answer_are_null() -> None:
    line = line_of(_reading(metric="contact_response_rate", numerator=0, denominator=2))
    assert line["mean_hours"] is None


def test_mean_hours_are_rounded_half_to_even() -> None:
    micros = 3600 * SECOND // 2000
    halves = [rounded(count * micros, HOUR, 3) for count in (1, 3, 5)]
    assert halves == [0.0, 0.002, 0.002]


@given(st.integers(0, 10**12), st.integers(1, 10**12), st.sampled_from([3, 10]))
def test_rounding_is_that_of_the_exact_fraction(above: int, below: int, digits: int) -> None:
    assert rounded(above, below, digits) == float(round(Fraction(above, below), digits))


def test_a_quotient_by_zero_is_undefined() -> None:
    assert rounded(0, 0, 10) is None
    assert rounded(3, None, 10) is None


def test_many_lines_are_all_written() -> None:
    out = io.StringIO()
    write_jsonl((line_of(_reading(numerator=number)) for number in range(2500)), out)
    numbers = [json.loads(line)["numerator"] for line in out.getvalue().splitlines()]
    assert numbers == list(range(2500))


def test_csv_has_a_header_and_leaves_null_empty() -> None:
    out = io.StringIO()
    write_csv(map(line_of, [COUNT, ANSWERS]), out)
    first, second = csv.DictReader(io.StringIO(out.getvalue()))
    assert (first["denominator"], first["headroom"], first["mean_hours"]) == ("", "-1", "")
    assert (second["ratio"], second["mean_hours"]) == ("0.6666666667", "1.333")


def test_a_table_is_aligned_and_its_hostile_text_escaped() -> None:
    out = io.StringIO()
    write_table(map(line_of, [_reading(category="\x1b[2J"), COUNT]), out)
    header, first, second = out.getvalue().splitlines()
    assert "\\x1b[2J" in first
    assert header.index("LEVEL") == first.index("ok") == second.index("breached")
    assert "0.728%" in first


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("reading", "colour"), [(COUNT, "\x1b[31m"), (ANSWERS, "\x1b[33m")])
def test_bad_levels_are_coloured_on_a_terminal(reading: Reading, colour: str) -> None:
    out = _Terminal()
    write_table([line_of(reading)], out)
    assert out.getvalue().splitlines()[1].startswith(colour)
