"""Commands to try the monitor without a seller: ``demo``, ``feed``, ``simulate``, ``schema``."""

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from monitor.cli.options import FILE
from monitor.cli.status import DONE

if TYPE_CHECKING:
    from datetime import datetime


@click.command()
@click.option("--events", type=FILE, help="Real events instead of simulated ones.")
@click.option("--policy", "policies", multiple=True, type=FILE, help="Default: the demo's.")
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


@click.command()
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
    return DONE


@click.command()
@click.option("--config", type=FILE, default="config/monitor.toml", show_default=True)
@click.option("--seed", default=7, show_default=True)
@click.option("--sellers", default=20, show_default=True, type=click.IntRange(1))
@click.option("--orders-per-day", default=12.0, show_default=True, help="Of a seller of size 1.")
@click.option(
    "--history-days",
    default=210,
    show_default=True,
    type=click.IntRange(0),
    help="How long ago the simulation begins.",
)
@click.option("--exit", "only_past", is_flag=True, help="End with the present.")
def feed(config: Path, history_days: int, only_past: bool, **asked: Any) -> int:  # noqa: FBT001
    """Feed simulated shops to the topics of a Kafka cluster, for ever.

    First what happened in their past, as fast as it goes, then each event when it happens.
    Topics that hold anything else are left alone. SIGTERM and SIGINT end it with status 0.
    """
    import asyncio
    import signal

    from monitor.demo.feed import FeedPlan
    from monitor.demo.feed import feed as run
    from monitor.demo.wire import SimulationPlan
    from monitor.live import begin_logging, worker_settings
    from monitor.settings import load_configuration
    from monitor.stream.clock import SystemClock

    configuration = load_configuration(config)
    begin_logging(configuration.settings.log)
    settings = worker_settings(configuration)
    simulation = SimulationPlan(days=0 if only_past else None, **asked)
    plan = FeedPlan(settings.cluster, settings.names, simulation, history_days)
    # Not the default, which the first process of a container does not have.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with suppress(KeyboardInterrupt):
        asyncio.run(run(plan, SystemClock()))
    return DONE


@click.command()
def schema() -> None:
    """Print the JSON Schema of the events, as they travel."""
    import json

    from monitor.core.events import json_schema

    click.echo(json.dumps(json_schema(), indent=2))
