"""The command line: parses arguments and calls what they ask for, nothing else.

Modules are imported inside the commands, so that each starts with only what it needs.
"""

import os
import sys
import traceback
from typing import Any, NoReturn

import click

from monitor import __version__
from monitor.cli.alerting import notify_test, silence
from monitor.cli.archiving import archive
from monitor.cli.auditing import explain, replay
from monitor.cli.backtesting import backtest
from monitor.cli.evidence import bundle, check_bundle, sign_head, verify
from monitor.cli.judging import audit, compare
from monitor.cli.showing import demo, feed, schema, simulate
from monitor.cli.status import COULD_NOT_RUN, DONE, INTERRUPTED
from monitor.cli.watching import check, repartition, run
from monitor.errors import MonitorError


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
        status = COULD_NOT_RUN
    except (KeyboardInterrupt, click.Abort):
        status = INTERRUPTED
    except Exception:  # noqa: BLE001 - shown whole; only the exit status is ours
        traceback.print_exc()
        status = COULD_NOT_RUN
    sys.exit(status if isinstance(status, int) else DONE)


class _Commands(click.Group):
    """The commands; a closed pipe is none of their business (click would say status 1)."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            # Whoever read our output has seen enough: nothing more may be flushed into it.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return DONE


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="monitor")
def commands() -> None:
    """Watch a marketplace seller's account health before the marketplace punishes it."""


for command in (
    *(run, check, repartition, silence, notify_test),
    *(replay, explain, backtest, audit, compare),
    *(verify, sign_head, bundle, check_bundle, archive),
    *(demo, feed, simulate, schema),
):
    commands.add_command(command)
