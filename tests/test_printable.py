"""Hostile text is shown, never obeyed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.printable import printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, é, 漢", "plain, é, 漢"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("two\nlines\r", "two\\nlines\\r"),
        ("\u202egnol", "\\u202egnol"),
        ("zero\u200bwidth", "zero\\u200bwidth"),
        ("\ud800", "\\ud800"),
    ],
)
def test_what_cannot_be_seen_is_escaped(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_long_text_is_cut_and_says_so() -> None:
    assert printable("x" * 300, limit=10) == "x" * 9 + "…"


@given(st.text(), st.integers(1, 50))
def test_the_result_is_one_short_visible_line(text: str, limit: int) -> None:
    shown = printable(text, limit)
    assert len(shown) <= limit
    assert shown.isprintable()
    shown.encode()
