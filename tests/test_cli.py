"""The command as a user starts it: output, messages and exit status."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from monitor import __version__
from tests.audit.histories import one_star, placed, write

POLICY = """
name = "test"
[marketplaces.M1]
time_zone = "UTC"
[metrics.order_defect_rate]
windows = [60, "all"]
limit = "under 1%"
source = "a test"
runbook = "none"
chargeback_kinds = ["chargeback_service"]
"""
COMMAND = (sys.executable, "-c", "from monitor.cli import main; main()")
AS_OF = ("--as-of", "2018-06-30T12:00:00Z")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "policy.toml").write_text(POLICY)
    write(tmp_path / "events.jsonl", [placed("o1"), placed("o2"), one_star("o1")])
    return tmp_path


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    return subprocess.run(  # noqa: S603 - every command is one of this file
        command,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def monitor(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run(folder, *COMMAND, *arguments)


def test_replay_prints_lines_to_stdout_and_the_balance_to_stderr(folder: Path) -> None:
    done = monitor(folder, "replay", "events.jsonl", "--policy", "policy.toml", *AS_OF)
    assert done.returncode == 0
    assert [json.loads(line)["numerator"] for line in done.stdout.splitlines()] == [1, 1]
    assert done.stderr == (
        "read 3 = counted 3 + redundant 0 + late 0 + invalid 0 + after the as-of instant 0\n"
    )


def test_invalid_records_give_status_1(folder: Path) -> None:
    (folder / "bad.jsonl").write_text("{}\n")
    files = ("events.jsonl", "bad.jsonl")
    done = monitor(folder, "replay", *files, "--policy", "policy.toml", *AS_OF)
    assert done.returncode == 1
    assert len(done.stdout.splitlines()) == 2
    assert done.stderr.startswith("bad.jsonl:1: invalid: ")


def test_explain_says_why_an_order_counts(folder: Path) -> None:
    series = ("--seller", "S1", "--metric", "order_defect_rate", "--window", "all")
    done = monitor(folder, "explain", "events.jsonl", "--policy", "policy.toml", *AS_OF, *series)
    assert done.returncode == 0
    assert "feedback f-o1, 1 star, 2018-06-25" in done.stdout
    assert done.stdout.endswith("numerator 1 of denominator 2\n")


def test_backtest_says_what_would_have_been_told_from_an_instant_on(folder: Path) -> None:
    files = ("events.jsonl", "--policy", "policy.toml", "--format", "jsonl")
    done = monitor(folder, "backtest", *files)
    assert (done.returncode, done.stderr) == (0, "")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(row["metric"], row["orders_min"], row["breaches"]) for row in rows] == [
        ("order_defect_rate", 0, 2),
        ("order_defect_rate", 100, 0),
        ("all", 0, 2),
        ("all", 100, 0),
    ]
    done = monitor(folder, "backtest", *files, "--from", "2018-06-26T00:00:00Z")
    assert json.loads(done.stdout.splitlines()[0])["breaches"] == 0


READ = ("events.jsonl", "--policy", "policy.toml")
SERIES = ("--metric", "order_defect_rate", "--seller")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["replay", "events.jsonl", *AS_OF], "--policy"),
        (["replay", *READ], "--as-of"),
        (["replay", "--policy", "policy.toml", *AS_OF], "name the files"),
        (["replay", "nowhere", *READ, *AS_OF], "nowhere"),
        (["replay", *READ, "--as-of", "June"], "June"),
        (["backtest", "--policy", "policy.toml"], "FILE"),
        (["backtest", *READ, "--every", "0"], "0 is not in the range"),
        (["replay", *READ, "--as-of", "2018-06-30T12:00:00"], "offset"),
        (["replay", "events.jsonl", "--policy", "events.jsonl", *AS_OF], "events.jsonl"),
        (["explain", *READ, *AS_OF, *SERIES, "S9"], "no event of seller S9"),
        (["explain", *READ, *AS_OF, *SERIES, "S1", "--window", "-1"], "neither a number"),
        (["dance"], "dance"),
    ],
)
def test_what_cannot_run_gives_one_message_and_status_2(
    folder: Path, arguments: list[str], message: str
) -> None:
    done = monitor(folder, *arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr


def test_every_problem_of_a_policy_is_named_at_once(folder: Path) -> None:
    wrong = POLICY.replace('"under 1%"', '"below 1%"').replace('"UTC"', '"Mars/Olympus"')
    (folder / "wrong.toml").write_text(wrong)
    done = monitor(folder, "replay", "events.jsonl", "--policy", "wrong.toml", *AS_OF)
    assert done.returncode == 2
    assert "metrics.order_defect_rate.limit" in done.stderr
    assert "Mars/Olympus" in done.stderr


def test_the_schema_names_every_event_type(folder: Path) -> None:
    done = monitor(folder, "schema")
    assert done.returncode == 0
    assert "order_placed" in json.dumps(json.loads(done.stdout))


def test_the_version_is_that_of_the_program(folder: Path) -> None:
    assert monitor(folder, "--version").stdout == f"monitor, version {__version__}\n"


def test_a_reader_that_stops_early_is_no_error(folder: Path) -> None:
    orders = [placed(f"o{number}", seller=f"S{number}") for number in range(5000)]
    write(folder / "events.jsonl", orders)
    shell = 'set -o pipefail; "$@" | head -1'
    command = (*COMMAND, "replay", "events.jsonl", "--policy", "policy.toml", *AS_OF)
    done = run(folder, "/bin/bash", "-c", shell, "bash", *command)
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) == 1
    assert "Error" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("events.jsonl", "--raw", "shop-events"), "--raw goes with --kafka"),
        (("--kafka", "127.0.0.1:1", "--with-sources"), "--with-sources goes with --raw"),
        (
            ("--kafka", "127.0.0.1:1", "--raw", "orders", "--with-sources"),
            "a topic cannot be a source and a raw input",
        ),
    ],
)
def test_what_to_read_has_to_make_sense(
    folder: Path, arguments: tuple[str, ...], message: str
) -> None:
    done = monitor(folder, "replay", *arguments, "--policy", "policy.toml", *AS_OF)
    assert done.returncode == 2
    assert message in done.stderr
