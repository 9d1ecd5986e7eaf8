"""Commands of the live monitor: ``run``, ``check`` and ``repartition``."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from monitor.cli.options import FILE, ExampleType, InstantType
from monitor.cli.status import COULD_NOT_RUN, DONE

if TYPE_CHECKING:
    from monitor.core.instants import Instant
    from monitor.settings.notify_sections import NotifySection


@click.command()
@click.option("--config", type=FILE, default="config/monitor.toml", show_default=True)
def run(config: Path) -> int:
    """Watch the topics live: gauges on /metrics, alerts on the console, topic and receivers."""
    from monitor.live import run_live
    from monitor.settings import load_configuration

    return run_live(load_configuration(config))


@click.command()
@click.option("--config", type=FILE, help="Settings file, such as config/monitor.toml.")
@click.option(
    "--example",
    type=ExampleType(),
    metavar='"seller=S marketplace=M metric=NAME severity=critical"',
    help="Show where such an alert would go; what is left out is made up.",
)
@click.option("--at", type=InstantType(), help="With --example: when; now by default.")
@click.argument("policies", metavar="[POLICY]...", nargs=-1, type=FILE)
def check(
    config: Path | None,
    policies: tuple[Path, ...],
    example: dict[str, Any] | None,
    at: "Instant | None",
) -> int:
    """Name every problem of a settings file with its policies, and of policy files.

    Exit status: 0 nothing wrong, 2 problems. Without arguments: config/monitor.toml.
    """
    from monitor.settings import check as look_at

    if at is not None and example is None:
        raise click.UsageError("--at goes with --example")

    if config is None and not policies:
        config = Path("config/monitor.toml")
    if config is None and example is not None:
        raise click.UsageError("--example goes with --config: routes are in the settings")
    report = look_at(config, policies)
    for warning in report.warnings:
        click.echo(f"warning: {warning}", err=True)
    for problem in report.problems:
        click.echo(f"error: {problem}", err=True)
    for policy in report.policies:
        click.echo(f"{policy.file}: policy {policy.name}, digest {policy.digest}")
    if example is not None and report.settings is not None:
        _show_ways(report.settings.notify, example, at)
    return COULD_NOT_RUN if report.problems else DONE


def _show_ways(notify: "NotifySection", example: dict[str, Any], at: "Instant | None") -> None:
    from monitor.notify.configured import routing_of, styles_of
    from monitor.notify.examples import example_item, ways_of
    from monitor.stream.clock import SystemClock

    when = SystemClock().now() if at is None else at
    zones = {name: style.zone for name, style in styles_of(notify, ()).items()}
    item = example_item(at=when, **example)
    for line in ways_of(item, zones, routing_of(notify), (), when):
        click.echo(line)
    click.echo("  silences are not looked at: see `monitor silence list`")


@click.command()
@click.option("--config", type=FILE, default="config/monitor.toml", show_default=True)
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
    return DONE
