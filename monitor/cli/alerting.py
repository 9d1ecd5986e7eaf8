"""Commands of alerts: ``silence`` and ``notify-test``."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from monitor.cli.options import FILE, InstantType, form_option
from monitor.cli.status import COULD_NOT_RUN, DONE
from monitor.errors import NotifyError

if TYPE_CHECKING:
    from monitor.settings import Configuration

CONFIG = click.option("--config", type=FILE, default="config/monitor.toml", show_default=True)


class DurationType(click.ParamType):
    """``8h``, ``1h30m``, ``2d``, as microseconds."""

    name = "duration"

    def convert(self, value: Any, param: Any, ctx: Any) -> int:
        """The duration; a usage error where it is none."""
        from monitor.notify.silences import parse_duration

        try:
            return parse_duration(value)
        except ValueError as error:
            raise click.BadParameter(str(error), ctx, param) from None


@click.group()
def silence() -> None:
    """Keep alerts from being told for a while: add, list, expire.

    What is silenced is told once the silence ends, if it is still so; it is counted meanwhile.
    """


@silence.command()
@CONFIG
@click.option("--seller", default="*", help="Exact, or a pattern with * and ?.")
@click.option("--marketplace", default="*", help="The same.")
@click.option("--metric", default="*", help="The same; or a kind of open items, such as reply.")
@click.option("--from", "begins_at", type=InstantType(), help="Default: now.")
@click.option("--for", "lasting", type=DurationType(), help="How long: 30m, 8h, 2d, 1h30m.")
@click.option("--until", "ends_at", type=InstantType(), help="Or when it ends.")
@click.option("--author", required=True, help="Who wants it.")
@click.option("--reason", required=True, help="Why.")
def add(config: Path, **asked: Any) -> int:
    """Silence what fits --seller, --marketplace and --metric."""
    from monitor.core.instants import isoformat
    from monitor.notify.silence_lines import scope_of
    from monitor.notify.silences import Silence
    from monitor.silencing import add_silence, new_id
    from monitor.stream.clock import SystemClock, whole_second

    now = SystemClock().now()
    lasting, ends_at = asked.pop("lasting"), asked.pop("ends_at")
    if (lasting is None) == (ends_at is None):
        raise click.UsageError("say how long with --for, or when it ends with --until")
    begins_at = asked.pop("begins_at") or whole_second(now)
    ends_at = begins_at + lasting if ends_at is None else ends_at
    made = Silence(id=new_id(), begins_at=begins_at, ends_at=ends_at, **asked)
    asyncio.run(add_silence(_configuration(config), now, made))
    click.echo(f"silence {made.id}: {scope_of(made)}, until {isoformat(made.ends_at)}")
    return DONE


@silence.command(name="list")
@CONFIG
@click.option("--all", "with_past", is_flag=True, help="Also those that are over.")
@form_option("table", "jsonl")
def list_(config: Path, with_past: bool, form: str) -> int:  # noqa: FBT001 - as click passes it
    """List the silences that are active or to come, and how many open alerts each one hides.

    With --format jsonl also which alerts.
    """
    from monitor.notify.silence_lines import json_lines, table_lines
    from monitor.silencing import list_silences
    from monitor.stream.clock import SystemClock

    now = SystemClock().now()
    found = asyncio.run(list_silences(_configuration(config), now, with_past=with_past))
    for line in (json_lines if form == "jsonl" else table_lines)(found, now):
        click.echo(line)
    return DONE


@silence.command()
@CONFIG
@click.argument("name", metavar="ID")
def expire(config: Path, name: str) -> int:
    """End a silence now; what it hid is told within a minute, if it is still so."""
    from monitor.silencing import expire_silence
    from monitor.stream.clock import SystemClock

    ended = asyncio.run(expire_silence(_configuration(config), SystemClock().now(), name))
    click.echo(f"silence {ended.id} is over")
    return DONE


@click.command(name="notify-test")
@CONFIG
@click.argument("receiver")
def notify_test(config: Path, receiver: str) -> int:
    """Send a message marked as a test to a receiver of the settings, once.

    Exit status: 0 it was taken, 2 it was not.
    """
    from monitor.notify.trial import try_receiver
    from monitor.stream.clock import SystemClock

    notify = _configuration(config).settings.notify
    try:
        asyncio.run(try_receiver(notify, receiver, SystemClock().now))
    except NotifyError as error:
        again = "" if error.permanent else "; it may be worth trying again"
        click.echo(f"{receiver} did not take the test: {error}{again}", err=True)
        return COULD_NOT_RUN
    click.echo(f"{receiver} took the test")
    return DONE


def _configuration(config: Path) -> "Configuration":
    from monitor.settings import load_configuration

    return load_configuration(config)
