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
@_TO
def replay(
    files: tuple[Path, ...],
    policies: tuple[Path, ...],
    as_of: "Instant",
    form: str,
    kafka: str | None,
    to: str | None,
) -> int:
    """Print every metric of every seller at an instant, from files or topics.

    The last line on stderr is the balance of all records read. Exit status: 0 done, 1 some
    records were invalid (each is reported), 2 could not run.
    """
    audit = _audit(_source(files, kafka, to), policies, as_of)
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
    audit = _audit(_source(files, None, None), policies, as_of)
    return _DONE if audit.explain(question, form) else _SOME_INVALID


@commands.command()
def schema() -> None:
    """Print the JSON Schema of the events, as they travel."""
    import json

    from monitor.core.events import json_schema

    click.echo(json.dumps(json_schema(), indent=2))


def _source(files: tuple[Path, ...], kafka: str | None, to: str | None) -> "Source":
    if bool(files) == bool(kafka):
        raise click.UsageError("name the files to read, or a cluster with --kafka")
    if kafka is None:
        if to is not None:
            raise click.UsageError("--to goes with --kafka")
        from monitor.audit.files import FileSource

        return FileSource(files)
    raise click.UsageError("--kafka: not yet")


def _audit(source: "Source", policies: tuple[Path, ...], as_of: "Instant") -> "Audit":
    from monitor.audit.commands import Audit
    from monitor.policy import load_policies

    return Audit(source, load_policies(policies), as_of, sys.stdout, sys.stderr)
