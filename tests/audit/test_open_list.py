"""The open items of a seller as `monitor explain --open` lists them."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from monitor.audit.commands import Audit
from monitor.audit.files import FileSource
from monitor.audit.open_list import OpenQuestion
from monitor.cli import commands
from monitor.core.instants import HOUR
from monitor.errors import NothingToExplain
from monitor.policy.alerting import KINDS
from tests.audit.histories import AS_OF, event, placed, rule, rulebook, write

DEFECTS = rule("order_defect_rate", claim_within=72 * HOUR)
RULES = rulebook(DEFECTS, rule("return_dissatisfaction_rate"), rule("contact_response_rate"))
EVENTS = [
    placed("o-1", ship_by="2018-06-30T20:00:00Z"),
    placed("o-2", ship_by="2018-06-29T20:00:00Z"),
    placed("o-3", ship_by="2018-06-29T20:00:00Z"),
    placed("o-4", ship_by="2018-06-29T20:00:00Z", seller="S2"),
    event("order_shipped", "2018-06-28T10:00:00Z", order="o-3"),
    event("message_received", "2018-06-30T11:00:00Z", message="m-1", thread="t", order="o-1"),
    event("message_received", "2018-06-30T10:00:00Z", message="m-2", thread="u"),
    event("claim_opened", "2018-06-28T12:00:00Z", order="o-3", claim="c-1", kind="guarantee"),
    event(
        "return_requested", "2018-06-29T12:00:00Z", order="o-3", **{"return": "r-1", "valid": True}
    ),
]


def listed(tmp_path: Path, *kinds: str, **own: Any) -> list[dict[str, Any]]:
    """The lines of an audit of ``EVENTS``."""
    out, err = io.StringIO(), io.StringIO()
    source = FileSource([write(tmp_path / "events.jsonl", EVENTS)])
    question = OpenQuestion(**{"seller": "S1", "kinds": kinds or KINDS} | own)
    assert Audit(source, RULES, AS_OF, out, err).list_open(question, "jsonl")
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_all_that_is_open_of_a_seller_is_listed_the_first_due_first(tmp_path: Path) -> None:
    found = [(one["id"], one["order"], one["state"], one["due_at"]) for one in listed(tmp_path)]
    assert found == [
        ("o-2", "o-2", "overdue", "2018-06-29T20:00:00Z"),
        ("o-1", "o-1", "open", "2018-06-30T20:00:00Z"),
        ("m-2", None, "open", "2018-07-01T10:00:00Z"),
        ("m-1", "o-1", "open", "2018-07-01T11:00:00Z"),
        ("c-1", "o-3", "open", "2018-07-01T12:00:00Z"),
        ("r-1", "o-3", "open", "2018-07-01T12:00:00Z"),
    ]


def test_one_kind_can_be_asked_for(tmp_path: Path) -> None:
    assert [one["id"] for one in listed(tmp_path, "reply")] == ["m-2", "m-1"]


def test_a_seller_without_any_event_is_named(tmp_path: Path) -> None:
    with pytest.raises(NothingToExplain, match="no event of seller S9"):
        listed(tmp_path, seller="S9")


POLICY = """
name = "p"
[marketplaces."*"]
time_zone = "UTC"
[metrics.contact_response_rate]
windows = [30]
limit = "at least 90%"
source = "s"
runbook = "r"
[deadlines.reply]
warn_before_hours = 23
"""


def explained(tmp_path: Path, *arguments: str) -> Any:
    events, policy = write(tmp_path / "e.jsonl", EVENTS), tmp_path / "p.toml"
    policy.write_text(POLICY)
    words = ["explain", str(events), "--policy", str(policy), "--as-of", "2018-06-30T12:00:00Z"]
    return CliRunner().invoke(commands, [*words, "--seller", "S1", *arguments])


def test_the_command_says_what_is_due_soon_by_the_policy(tmp_path: Path) -> None:
    done = explained(tmp_path, "--open", "reply")
    rows = [line.split() for line in done.stdout.splitlines() if "m-" in line]
    assert [(row[1], row[5], row[-3:-1]) for row in rows] == [
        ("2018-07-01T10:00:00Z", "m-2", ["due", "soon"]),
        ("2018-07-01T11:00:00Z", "m-1", ["due", "soon"]),
    ]
    assert done.stdout.endswith("2 open, 0 overdue, 2 due soon\n")


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--open", "all", "--metric", "contact_response_rate"],
        ["--open", "all", "--window", "30"],
        ["--open", "replies"],
    ],
)
def test_a_question_that_makes_no_sense_is_refused(tmp_path: Path, arguments: list[str]) -> None:
    assert explained(tmp_path, *arguments).exit_code == 2
