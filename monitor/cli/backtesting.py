"""``monitor backtest``: whether the alerts would have warned in time."""

import sys
from pathlib import Path
from typing import Any

import click

from monitor.cli.options import FILE, POLICIES, InstantType, form_option
from monitor.cli.status import DONE, SOME_INVALID


@click.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=FILE)
@POLICIES
@click.option(
    "--from",
    "begin",
    type=InstantType(),
    help="Count only episodes that begin at this instant or later; what was before warms up.",
)
@click.option(
    "--to",
    "end",
    type=InstantType(),
    default="9999-12-31T00:00:00Z",
    help="Read the history only up to this instant.  [default: all of it]",
)
@click.option(
    "--every",
    "every_minutes",
    metavar="MINUTES",
    type=click.IntRange(1, 24 * 60),
    default=60,
    show_default=True,
    help="From one evaluation point to the next.",
)
@click.option(
    "--min-orders",
    "orders_min",
    type=click.IntRange(1),
    default=100,
    show_default=True,
    help="Sellers with so many counted orders in the window have rows of their own.",
)
@click.option(
    "--flap-days",
    type=click.IntRange(1),
    default=7,
    show_default=True,
    help="An alert that is back within so many days of its end has flapped.",
)
@form_option("table", "jsonl")
def backtest(files: tuple[Path, ...], policies: tuple[Path, ...], form: str, **asked: Any) -> int:
    """Replay a history through the alerts and say whether they warned before each breach.

    Exit status: 0 done, 1 some records were invalid (each is reported), 2 could not run.
    """
    from monitor.audit.backtest_command import Trial, run_backtest
    from monitor.audit.files import FileSource
    from monitor.core.instants import SECOND
    from monitor.garbage import collect_garbage_seldom
    from monitor.policy import load_policies

    collect_garbage_seldom()
    trial = Trial(every=asked.pop("every_minutes") * 60 * SECOND, **asked)
    rulebook, streams = load_policies(policies), (sys.stdout, sys.stderr)
    valid = run_backtest(FileSource(files), rulebook, trial, form, streams)
    return DONE if valid else SOME_INVALID
