"""Commands that look back: ``replay`` and ``explain``."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from monitor.cli.options import (
    AS_OF,
    EARLIER,
    FILES,
    KAFKA,
    POLICIES,
    RAW,
    TO,
    WITH_SOURCES,
    WindowType,
    form_option,
)
from monitor.cli.status import DONE, SOME_INVALID

if TYPE_CHECKING:
    from monitor.audit.commands import Audit
    from monitor.audit.sources import Source
    from monitor.core.instants import Instant


_OF_TOPICS = ("raw_inputs", "with_sources", "earlier_partitions")


@click.command()
@FILES
@POLICIES
@AS_OF
@form_option("jsonl", "table", "csv")
@KAFKA
@RAW
@WITH_SOURCES
@TO
@EARLIER
def replay(
    files: tuple[Path, ...],
    policies: tuple[Path, ...],
    as_of: "Instant",
    form: str,
    **topics: Any,
) -> int:
    """Print every metric of every seller at an instant, from files or topics.

    The last line on stderr is the balance of all records read. Exit status: 0 done, 1 some
    records were invalid (each is reported), 2 could not run.
    """
    audit = _audit(_source(files, **topics), policies, as_of)
    return DONE if audit.replay(form) else SOME_INVALID


@click.command()
@FILES
@POLICIES
@AS_OF
@click.option("--seller", required=True)
@click.option("--metric", required=True, help="Such as order_defect_rate.")
@click.option("--marketplace", help="Default: every marketplace of the seller.")
@click.option("--window", type=WindowType(), help="Default: the first window of the policy.")
@click.option("--category", help="Of valid_tracking_rate, where the policy names it.")
@form_option("table", "jsonl")
@KAFKA
@RAW
@WITH_SOURCES
@EARLIER
def explain(
    files: tuple[Path, ...], policies: tuple[Path, ...], as_of: "Instant", form: str, **asked: Any
) -> int:
    """List the orders (messages, returns, votes, violations) behind a number, and why."""
    from monitor.audit.explain import Question

    topics = {key: asked.pop(key) for key in ("kafka", *_OF_TOPICS)}
    question = Question(window_days=asked.pop("window"), **asked)
    audit = _audit(_source(files, **topics), policies, as_of)
    return DONE if audit.explain(question, form) else SOME_INVALID


def _source(
    files: tuple[Path, ...],
    kafka: str | None = None,
    to: str | None = None,
    raw_inputs: tuple[str, ...] = (),
    with_sources: bool = False,  # noqa: FBT001, FBT002 - as click passes it
    earlier_partitions: tuple[int, ...] = (),
) -> "Source":
    if bool(files) == bool(kafka):
        raise click.UsageError("name the files to read, or a cluster with --kafka")
    if kafka is None:
        if to is not None:
            raise click.UsageError("--to goes with --kafka")
        if raw_inputs:
            raise click.UsageError("--raw goes with --kafka")
        if earlier_partitions:
            raise click.UsageError("--earlier-partitions goes with --kafka")
        from monitor.audit.files import FileSource

        return FileSource(files)
    from monitor.audit.kafka_source import KafkaSource, parse_until
    from monitor.cluster import Cluster
    from monitor.core.events import SOURCE_TOPICS

    if with_sources and not raw_inputs:
        raise click.UsageError("--with-sources goes with --raw")
    if with_sources and set(raw_inputs) & set(SOURCE_TOPICS):
        raise click.UsageError("a topic cannot be a source and a raw input")
    read = SOURCE_TOPICS if with_sources or not raw_inputs else ()
    until = None if to is None else parse_until(to, raw_inputs)
    names = {topic: topic for topic in read}
    cluster = Cluster(tuple(kafka.split(",")))
    return KafkaSource(cluster, names, until, raw_inputs, earlier_partitions)


def _audit(source: "Source", policies: tuple[Path, ...], as_of: "Instant") -> "Audit":
    from monitor.audit.commands import Audit
    from monitor.garbage import collect_garbage_seldom
    from monitor.policy import load_policies

    collect_garbage_seldom()
    return Audit(source, load_policies(policies), as_of, sys.stdout, sys.stderr)
