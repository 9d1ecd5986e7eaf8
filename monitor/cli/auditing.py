"""Commands that look back: ``replay`` and ``explain``."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from monitor.cli.options import (
    ARCHIVE,
    AS_OF,
    CONFIG,
    CUT,
    EARLIER,
    FILES,
    FROM,
    KAFKA,
    KNOWN_AT,
    POLICIES,
    PREFIX,
    RAW,
    RESUME,
    TO,
    WITH_SOURCES,
    WORKERS,
    Command,
    WindowType,
    form_option,
)
from monitor.cli.scope import Asked, find_scope
from monitor.cli.status import DONE, SOME_INVALID

if TYPE_CHECKING:
    from monitor.cli.scope import Scope


_PLACES = (
    *(KAFKA, PREFIX, CONFIG, ARCHIVE, RAW, WITH_SOURCES),
    *(FROM, TO, KNOWN_AT, CUT, EARLIER),
)


def _places(command: Command) -> Command:
    """The options that say which records of the topics to read."""
    for option in reversed(_PLACES):
        command = option(command)
    return command


@click.command()
@FILES
@POLICIES
@AS_OF
@form_option("jsonl", "table", "csv")
@_places
@WORKERS
@RESUME
def replay(
    policies: tuple[Path, ...], form: str, workers: int, resume: Path | None, **asked: Any
) -> int:
    """Print every metric of every seller at an instant, from files or topics.

    --as-of says what had happened, by the events' own time; --known-at and --to say what we
    knew, by what had arrived. The last line on stderr is the balance of all records read. Exit
    status: 0 done, 1 some records were invalid (each is reported), 2 could not run.
    """
    from monitor.audit.console import Streams
    from monitor.audit.parallel import Plan
    from monitor.audit.topic_replay import TopicReplay
    from monitor.garbage import collect_garbage_seldom

    if workers > 1 and (asked["files"] or asked["raw_inputs"]):
        raise click.UsageError("--workers goes with --kafka, without --raw")
    if resume is not None and asked["files"]:
        raise click.UsageError("--resume goes with --kafka")
    scope = find_scope(Asked(**asked))
    if scope.topics is None:
        return DONE if _audit(scope, policies).replay(form) else SOME_INVALID
    collect_garbage_seldom()
    topics = TopicReplay(
        scope.topics, Plan(policies, scope.as_of), workers, Streams(sys.stdout, sys.stderr)
    )
    return DONE if topics.print(form, resume) else SOME_INVALID


@click.command()
@FILES
@POLICIES
@AS_OF
@click.option("--seller", required=True)
@click.option("--metric", help="Such as order_defect_rate.")
@click.option(
    "--open",
    "open_kind",
    type=click.Choice(["shipment", "reply", "return_answer", "claim_answer", "all"]),
    help="Instead of --metric: list what is still to be shipped or answered, the first due first.",
)
@click.option("--marketplace", help="Default: every marketplace of the seller.")
@click.option("--window", type=WindowType(), help="Default: the first window of the policy.")
@click.option("--category", help="Of valid_tracking_rate, where the policy names it.")
@form_option("table", "jsonl")
@_places
def explain(
    policies: tuple[Path, ...], form: str, open_kind: str | None, metric: str | None, **asked: Any
) -> int:
    """List the orders (messages, returns, votes, violations) behind a number, and why.

    With --open instead of --metric: the items of a kind that are open, and when they are due.
    """
    window_days, category = asked.pop("window"), asked.pop("category")
    account = {name: asked.pop(name) for name in ("seller", "marketplace")}
    if (open_kind is None) == (metric is None):
        raise click.UsageError("say --metric, or --open for what is still to be done")
    if metric is None:
        if (window_days, category) != (None, None):
            raise click.UsageError("--window and --category go with --metric")
        from monitor.audit.open_list import OpenQuestion
        from monitor.policy.alerting import KINDS

        kinds = tuple(kind for kind in KINDS if open_kind in (kind, "all"))
        listing = OpenQuestion(kinds=kinds, **account)
        audit = _audit(find_scope(Asked(**asked)), policies)
        return DONE if audit.list_open(listing, form) else SOME_INVALID
    from monitor.audit.explain import Question

    question = Question(metric=metric, window_days=window_days, category=category, **account)
    audit = _audit(find_scope(Asked(**asked)), policies)
    return DONE if audit.explain(question, form) else SOME_INVALID


def _audit(scope: "Scope", policies: tuple[Path, ...]) -> Any:
    from monitor.audit.commands import Audit
    from monitor.garbage import collect_garbage_seldom
    from monitor.policy import load_policies

    collect_garbage_seldom()
    rulebook = load_policies(policies)
    return Audit(scope.source, rulebook, scope.as_of, sys.stdout, sys.stderr)
