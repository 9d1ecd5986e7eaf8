"""Commands of the live monitor: ``run``, ``check`` and ``repartition``."""

from pathlib import Path

import click

from monitor.cli.options import FILE
from monitor.cli.status import COULD_NOT_RUN, DONE


@click.command()
@click.option("--config", type=FILE, default="config/monitor.toml", show_default=True)
def run(config: Path) -> int:
    """Watch the topics live: gauges on /metrics, alerts on the console, topic and receivers."""
    from monitor.live import run_live
    from monitor.settings import load_configuration

    return run_live(load_configuration(config))


@click.command()
@click.option("--config", type=FILE, help="Settings file, such as config/monitor.toml.")
@click.argument("policies", metavar="[POLICY]...", nargs=-1, type=FILE)
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
    return COULD_NOT_RUN if report.problems else DONE


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
