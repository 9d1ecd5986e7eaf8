"""The command line: parses arguments and calls what they ask for, nothing else.

Modules are imported inside the commands, so that each starts with only what it needs.
"""

import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from monitor import __version__
from monitor.errors import InvalidInstant, MonitorError

if TYPE_CHECKING:
    from datetime import datetime

    from monitor.audit.commands import Audit
    from monitor.audit.sources import Source
    from monitor.core.instants import Instant
    from monitor.core.rules import WindowDays

_Command = TypeVar("_Command", bound=Callable[..., Any])
_DONE, _SOME_INVALID, _COULD_NOT_RUN, _INTERRUPTED = 0, 1, 2, 130


def main() -> NoReturn:
    """The console command ``monitor``.

    A refusal is one message and exit status 2. So is a bug, with its traceback: Python's own
    status 1 would say that some records were invalid.
    """
    try:
        status = commands.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        status = error.exit_code
    except MonitorError as error:
        click.echo(f"error: {error}", err=True)
        status = _COULD_NOT_RUN
    except (KeyboardInterrupt, click.Abort):
        status = _INTERRUPTED
    except Exception:  # noqa: BLE001 - shown whole; only the exit status is ours
        traceback.print_exc()
        status = _COULD_NOT_RUN
    sys.exit(status if isinstance(status, int) else _DONE)


class _Commands(click.Group):
    """The commands; a closed pipe is none of their business (click would say status 1)."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            # Whoever read our output has seen enough: nothing more may be flushed into it.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return _DONE


class _AsOf(click.ParamType):
    """An RFC 3339 instant with an offset, as microseconds."""

    name = "instant"

    def convert(self, value: Any, param: Any, ctx: Any) -> "Instant":
        from monitor.core.instants import parse_instant

        try:
            return parse_instant(value)
        except InvalidInstant as error:
            raise click.BadParameter(str(error), ctx, param) from None


class _Window(click.ParamType):
    """A number of days, or ``all``."""

    name = "days"

    def convert(self, value: Any, param: Any, ctx: Any) -> "WindowDays":
        if value == "all":
            return "all"
        if value.isdecimal():
            return int(value)
        raise click.BadParameter(f"{value!r} is neither a number of days nor all", ctx, param)


_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_FILES = click.argument("files", metavar="FILE...", nargs=-1, type=_FILE)
_POLICIES = click.option(
    "--policy",
    "policies",
    multiple=True,
    required=True,
    type=_FILE,
    help="Policy file; repeatable.",
)
_AS_OF = click.option(
    "--as-of",
    required=True,
    type=_AsOf(),
    help="The instant to report on, such as 2018-06-30T12:00:00Z.",
)
_KAFKA = click.option(
    "--kafka", metavar="SERVERS", help="Read the topics of this cluster instead of files."
)
_RAW = click.option(
    "--raw",
    "raw_inputs",
    metavar="TOPIC",
    multiple=True,
    help="With --kafka: read this raw input instead of the four topics; repeatable.",
)
_WITH_SOURCES = click.option(
    "--with-sources", is_flag=True, help="With --raw: read the four topics too."
)
_EARLIER = click.option(
    "--earlier-partitions",
    metavar="N",
    multiple=True,
    type=click.IntRange(1),
    help="With --kafka: the topics once had N partitions (before `monitor repartition`).",
)
_TO = click.option("--to", help="With --kafka: up to this instant or these offsets, not the end.")


def _format(*names: str) -> Callable[[_Command], _Command]:
    """``--format``, the first one by default."""
    choice = click.Choice(names)
    return click.option("--format", "form", type=choice, default=names[0], show_default=True)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="monitor")
def commands() -> None:
    """Watch a marketplace seller's account health before the marketplace punishes it."""


@commands.command()
@_FILES
@_POLICIES
@_AS_OF
@_format("jsonl", "table", "csv")
@_KAFKA
@_RAW
@_WITH_SOURCES
@_TO
@_EARLIER
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
    return _DONE if audit.replay(form) else _SOME_INVALID


@commands.command()
@_FILES
@_POLICIES
@_AS_OF
@click.option("--seller", required=True)
@click.option("--metric", required=True, help="Such as order_defect_rate.")
@click.option("--marketplace", help="Default: every marketplace of the seller.")
@click.option("--window", type=_Window(), help="Default: the first window of the policy.")
@click.option("--category", help="Of valid_tracking_rate, where the policy names it.")
@_format("table", "jsonl")
def explain(
    files: tuple[Path, ...], policies: tuple[Path, ...], as_of: "Instant", form: str, **asked: Any
) -> int:
    """List the orders (messages, returns, votes, violations) behind a number, and why."""
    from monitor.audit.explain import Question

    question = Question(window_days=asked.pop("window"), **asked)
    audit = _audit(_source(files), policies, as_of)
    return _DONE if audit.explain(question, form) else _SOME_INVALID


@commands.command()
def schema() -> None:
    """Print the JSON Schema of the events, as they travel."""
    import json

    from monitor.core.events import json_schema

    click.echo(json.dumps(json_schema(), indent=2))


@commands.command()
@click.option("--config", type=_FILE, help="Settings file, such as config/monitor.toml.")
@click.argument("policies", metavar="[POLICY]...", nargs=-1, type=_FILE)
def check(config: Path | None, policies: tuple[Path, ...]) -> int:
    """Name every problem of a settings file with its policies, and of policy files.

    Exit status: 0 nothing wrong, 2 problems. Without arguments: config/monitor.toml.
    """
    from monitor.settings import check as look_at

    if config is None and not policies:
        config = Path("config/monitor.toml")
    report = look_at(config, policies)
    for warning in report.warnings:
        click.echo(f"warning: {warning}", err=True)
    for problem in report.problems:
        click.echo(f"error: {problem}", err=True)
    for policy in report.policies:
        click.echo(f"{policy.file}: policy {policy.name}, digest {policy.digest}")
    return _COULD_NOT_RUN if report.problems else _DONE


@commands.command()
@click.option("--config", type=_FILE, default="config/monitor.toml", show_default=True)
def run(config: Path) -> int:
    """Watch the topics live: gauges on /metrics, alerts on the console, topic and receivers."""
    from monitor.live import run_live
    from monitor.settings import load_configuration

    return run_live(load_configuration(config))


@commands.command()
@click.option("--config", type=_FILE, default="config/monitor.toml", show_default=True)
@click.option(
    "--partitions", required=True, type=click.IntRange(2), help="How many there are to be."
)
def repartition(config: Path, partitions: int) -> int:
    """Grow the partition count of topics and ledger, while everything stands still.

    Stop the producers, let the workers finish, stop the workers, run this, start them again.
    After an interruption run it again (docs/operations.md).
    """
    from monitor.live import begin_logging, worker_settings
    from monitor.settings import load_configuration
    from monitor.stream.repartition import repartition as grow

    configuration = load_configuration(config)
    begin_logging(configuration.settings.log)
    grow(worker_settings(configuration), partitions)
    return _DONE


@commands.command()
@click.option("--seed", default=7, show_default=True)
@click.option("--sellers", default=6, show_default=True, type=click.IntRange(1))
@click.option("--days", default=365, show_default=True, type=click.IntRange(1))
@click.option("--orders-per-day", default=12.0, show_default=True, help="Of a seller of size 1.")
@click.option("--start-day", type=click.DateTime(["%Y-%m-%d"]), default="2025-01-01")
@click.option("--noise", default=0.0, help="Share of events repeated, late, changed or broken.")
@click.option("--out", default="-", help="File to write; compressed if it ends in .gz.")
def simulate(out: str, start_day: "datetime", **asked: Any) -> int:
    """Write the events of simulated shops, the same for the same arguments."""
    from monitor.demo.wire import SimulationPlan, open_destination, write_events

    with open_destination(out) as destination:
        count = write_events(destination, SimulationPlan(start_day=start_day.date(), **asked))
    click.echo(f"{count} lines", err=True)
    return _DONE


@commands.command()
@click.option("--events", type=_FILE, help="Real events instead of simulated ones.")
@click.option("--policy", "policies", multiple=True, type=_FILE, help="Default: the demo's.")
@click.option("--broker", metavar="HOST:PORT", help="A Kafka broker instead of the built-in one.")
@click.option("--speed", default=1.0, show_default=True, help="Days of event time per second.")
@click.option("--exit", "at_once", is_flag=True, help="Full speed, then compare and exit.")
@click.option("--port", default=9464, show_default=True, help="Of /metrics; 0 takes a free one.")
def demo(policies: tuple[Path, ...], speed: float, at_once: bool, **asked: Any) -> int:  # noqa: FBT001
    """Feed events through the whole program and compare its gauges with a replay.

    Exit status: 0 only if every series is equal.
    """
    from monitor.demo.run import DEMO_POLICY, DemoPlan, run_demo
    from monitor.demo.show import Show

    plan = DemoPlan(
        events=asked["events"],
        policies=policies or (DEMO_POLICY,),
        servers=asked["broker"],
        days_per_second=None if at_once else speed,
        metrics_port=asked["port"],
        stay=not at_once,
    )
    return run_demo(plan, Show(live=False if at_once else None))


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
    from monitor.policy import load_policies

    return Audit(source, load_policies(policies), as_of, sys.stdout, sys.stderr)
