"""Replay and explain end to end: output, balance, remarks and status."""

import io
import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.audit.commands import Audit
from monitor.audit.explain import Question
from monitor.audit.files import FileSource
from monitor.core.rules import Rulebook
from monitor.errors import NothingToExplain, UnreadableSource
from tests.audit.histories import AS_OF, event, one_star, placed, removed, rule, rulebook, write


class Run:
    """What one audit of some files printed."""

    def __init__(self, *paths: Path, rules: Rulebook | None = None) -> None:
        self._out, self._err = io.StringIO(), io.StringIO()
        source = FileSource(paths)
        self.audit = Audit(source, rules or rulebook(), AS_OF, self._out, self._err)

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._out.getvalue().splitlines()]

    @property
    def text(self) -> str:
        return self._out.getvalue()

    @property
    def remarks(self) -> list[str]:
        return self._err.getvalue().splitlines()


def test_replay_counts_what_had_happened_and_balances_what_it_read(tmp_path: Path) -> None:
    path = write(
        tmp_path / "events.jsonl",
        [
            placed("o1"),
            placed("o2"),
            placed("o1"),
            one_star("o1"),
            one_star("o2", at="2018-06-30T12:00:00.000001Z"),
            placed("o3", at="2016-01-01T00:00:00Z"),
        ],
    )
    run = Run(path)
    assert run.audit.replay("jsonl")
    counts = [(line["window_days"], line["numerator"], line["denominator"]) for line in run.lines]
    assert counts == [
        (60, 1, 2),
        ("all", 1, 2),
    ]
    assert run.remarks == [
        "read 6 = counted 3 + redundant 1 + late 1 + invalid 0 + after the as-of instant 1"
    ]


def test_lines_are_sorted_by_the_contract(tmp_path: Path) -> None:
    categories = {"shoes": rule("valid_tracking_rate").limit}
    rules = rulebook(
        rule("order_defect_rate", "all", 60, 7),
        rule("valid_tracking_rate", by_category=categories),
        rule("refund_rate"),
    )
    shipped = event("order_shipped", "2018-06-21T10:00:00Z", order="o1")
    orders = [placed("o1", category="shoes"), shipped, placed("o1", seller="A")]
    run = Run(write(tmp_path / "a.jsonl", orders), rules=rules)
    run.audit.replay("jsonl")
    assert [
        (line["seller"], line["metric"], line["window_days"], line["category"])
        for line in run.lines
    ] == [
        ("A", "order_defect_rate", 60, None),
        ("A", "order_defect_rate", "all", None),
        ("A", "refund_rate", 60, None),
        ("S1", "order_defect_rate", 60, None),
        ("S1", "order_defect_rate", "all", None),
        ("S1", "refund_rate", 60, None),
        ("S1", "valid_tracking_rate", 60, None),
        ("S1", "valid_tracking_rate", 60, "shoes"),
    ]


def test_invalid_records_are_named_and_the_rest_counted(tmp_path: Path) -> None:
    path = write(tmp_path / "events.jsonl", [placed("o1")])
    hostile = '{"type":"\x1b[2J\u202e"}'.replace("\x1b", "\\u001b")
    path.write_text(path.read_text() + f"\nno json\n{hostile}\n")
    run = Run(path)
    assert not run.audit.replay("jsonl")
    assert [line["denominator"] for line in run.lines] == [1, 1]
    assert run.remarks[0].startswith(f"{path}:3: invalid: not_json: ")
    assert run.remarks[1].startswith(f"{path}:4: invalid: ")
    assert run.remarks[2] == (
        "read 3 = counted 1 + redundant 0 + late 0 + invalid 2 + after the as-of instant 0"
    )
    assert all(remark.isprintable() for remark in run.remarks)


def test_a_marketplace_without_policy_is_named_in_a_warning(tmp_path: Path) -> None:
    run = Run(write(tmp_path / "a.jsonl", [placed("o1", marketplace="elsewhere")]))
    assert run.audit.replay("jsonl")
    assert run.lines == []
    assert run.remarks[0].startswith("warning: no policy names marketplace elsewhere")
    assert run.remarks[-1].startswith("read 1 = ")


def test_an_unreadable_file_prints_no_line(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(write(tmp_path / "b.jsonl.gz", [placed("o1")]).read_bytes()[:-9])
    run = Run(path)
    with pytest.raises(UnreadableSource):
        run.audit.replay("jsonl")
    assert run.text == ""


_HISTORY = [
    happened
    for number in range(6)
    for happened in (
        placed(f"o{number}", at=f"2018-0{number % 3 + 4}-20T10:00:00Z"),
        one_star(f"o{number}", at=f"2018-06-{28 + number % 3}T14:00:00Z"),
        removed(f"o{number}"),
    )
]


@given(st.randoms(use_true_random=False), st.integers(1, 3))
def test_neither_order_nor_files_nor_repetition_change_the_lines(
    tmp_path_factory: pytest.TempPathFactory, chance: random.Random, copies: int
) -> None:
    folder = tmp_path_factory.mktemp("shuffled")
    shuffled = _HISTORY * copies
    chance.shuffle(shuffled)
    cut = chance.randrange(len(shuffled))
    some, rest = folder / "a.jsonl", folder / "b.jsonl.gz"
    run = Run(write(some, shuffled[cut:]), write(rest, shuffled[:cut]))
    plain = Run(write(folder / "plain.jsonl", _HISTORY))
    assert run.audit.replay("jsonl")
    assert plain.audit.replay("jsonl")
    assert run.lines == plain.lines
    numbers = [int(word) for word in run.remarks[-1].split() if word.isdigit()]
    assert numbers[0] == len(shuffled) == sum(numbers[1:])


def test_explain_lists_the_bad_ones_first_with_their_reasons(tmp_path: Path) -> None:
    run = Run(write(tmp_path / "a.jsonl", [placed("o1"), placed("o2"), one_star("o2")]))
    assert run.audit.explain(Question("S1", "order_defect_rate"), "jsonl")
    listed = [(line["id"], line["in_numerator"]) for line in run.lines]
    assert listed == [("o2", True), ("o1", False)]
    assert run.lines[0]["day"] == "2018-06-20"
    assert "f-o2" in run.lines[0]["reasons"][0]
    assert run.remarks == ["order_defect_rate of S1 in M1, 60 days: numerator 1 of denominator 2"]


def test_explain_as_a_table_ends_with_the_two_numbers(tmp_path: Path) -> None:
    run = Run(write(tmp_path / "a.jsonl", [placed("\x1b[2J[red]"), one_star("\x1b[2J[red]")]))
    assert run.audit.explain(Question("S1", "order_defect_rate", window_days="all"), "table")
    assert run.text.splitlines()[-1] == "numerator 1 of denominator 1"
    assert "\\x1b[2J[red]" in run.text


def test_explain_of_a_count_gives_one_number(tmp_path: Path) -> None:
    reported = event("violation_reported", "2018-06-20T10:00:00Z", violation="v1", kind="safety")
    rules = rulebook(rule("policy_violations", limit="3"))
    run = Run(write(tmp_path / "a.jsonl", [reported]), rules=rules)
    run.audit.explain(Question("S1", "policy_violations"), "table")
    assert run.text.splitlines()[-1] == "count 1"


def test_explain_answers_for_each_marketplace_unless_one_is_named(tmp_path: Path) -> None:
    both = Rulebook({**rulebook().eras, **rulebook(marketplace="M2").eras})
    path = write(tmp_path / "a.jsonl", [placed("o1"), placed("o2", marketplace="M2")])
    every, one = Run(path, rules=both), Run(path, rules=both)
    every.audit.explain(Question("S1", "order_defect_rate"), "jsonl")
    one.audit.explain(Question("S1", "order_defect_rate", marketplace="M2"), "jsonl")
    assert [line["id"] for line in every.lines] == ["o1", "o2"]
    assert [line["id"] for line in one.lines] == ["o2"]


@pytest.mark.parametrize(
    ("question", "why"),
    [
        (Question("S9", "order_defect_rate"), "no event of seller S9"),
        (Question("S1", "order_defect_rate", marketplace="M9"), "in marketplace M9"),
        (Question("S1", "refund_rate"), "no policy computes 'refund_rate' for M1"),
        (Question("S1", "order_defect_rate", window_days=30), "it has 60, all"),
        (Question("S1", "order_defect_rate", category="shoes"), "no category 'shoes'"),
    ],
)
def test_a_question_without_answer_is_refused(tmp_path: Path, question: Question, why: str) -> None:
    run = Run(write(tmp_path / "a.jsonl", [placed("o1")]))
    with pytest.raises(NothingToExplain, match=why):
        run.audit.explain(question, "jsonl")
