"""The demo: a recording of events through real topics, agents, gauges, alerts and a webhook.

Its clock is that of the events, so a year passes in minutes. At the end the gauges are
compared with a replay of the same events at the same instant.
"""

import asyncio
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import AsyncExitStack, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import uvloop
from pydantic import SecretStr

from monitor.audit.files import FileSource
from monitor.audit.replay import Intake, balance_line, replay
from monitor.cluster import Cluster
from monitor.core.instants import DAY, SECOND, Instant, isoformat
from monitor.core.rules import Rulebook
from monitor.demo.comparison import differences, replayed, scraped
from monitor.demo.feeder import Feeder
from monitor.demo.recording import Recording, read_recording
from monitor.demo.show import Show
from monitor.demo.sink import Sink, listening_sink
from monitor.demo.wire import SimulationPlan, write_events
from monitor.errors import InvalidEvent
from monitor.exporter import Bounds, metrics_server
from monitor.notify.desk import desk_of
from monitor.notify.grouping import Grouping
from monitor.notify.plan import Addressee, DeliveryPlan
from monitor.notify.reader import TextStyle
from monitor.notify.receivers import receiver_of
from monitor.policy import load_policies
from monitor.settings.receiver_sections import WebhookSection
from monitor.stream.app import Membership
from monitor.stream.clock import EventClock
from monitor.stream.embedded import EmbeddedBroker
from monitor.stream.topics import TopicNames
from monitor.stream.worker import Worker, WorkerSettings

DEMO_POLICY = Path(__file__).parents[2] / "config" / "policies" / "demo.toml"

_STEP_AT_FULL_SPEED = 2 * DAY
_STEPS_PER_SECOND = 10
_DIFFERENCES_SHOWN = 20
_BOUNDS = Bounds(series_max=10_000_000)
_UNLIMITED = 100_000.0
_GROUP_WAIT_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class DemoPlan:
    """What the demo shows.

    Without ``events`` a year of a handful of shops is simulated. ``days_per_second`` None is
    full speed. ``servers`` names a Kafka cluster instead of the embedded broker.
    """

    events: Path | None = None
    policies: tuple[Path, ...] = (DEMO_POLICY,)
    servers: str | None = None
    days_per_second: float | None = 1.0
    metrics_port: int = 9464
    simulation: SimulationPlan = SimulationPlan()  # noqa: RUF009 - frozen
    stay: bool = True
    """Whether to go on serving after the last event, where somebody watches."""


def run_demo(plan: DemoPlan, show: Show) -> int:
    """Run the demo; exit status 0 where gauges and replay agree, else 1.

    Raises:
        MonitorError: a file or policy is wrong, or a broker cannot be reached.
    """
    rulebook = load_policies(plan.policies)
    with _recorded(plan, show) as recording:
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                return runner.run(_demo(plan, rulebook, recording, show))
        except KeyboardInterrupt:
            show.say("stopped")
            return 0


@contextmanager
def _recorded(plan: DemoPlan, show: Show) -> Iterator[Recording]:
    with ExitStack() as closing:
        path = plan.events
        if path is None:
            folder = closing.enter_context(tempfile.TemporaryDirectory(prefix="monitor-demo-"))
            path = Path(folder) / "events.jsonl"
            with path.open("wb") as file:
                count = write_events(file, plan.simulation)
            show.say(f"simulated {count:,} events of {plan.simulation.sellers} sellers")
        yield read_recording(path)


async def _demo(plan: DemoPlan, rulebook: Rulebook, recording: Recording, show: Show) -> int:
    async with AsyncExitStack() as closing:
        cluster, names = _broker(plan, closing)
        sink = await closing.enter_async_context(listening_sink())
        clock = EventClock(recording.first_at - DAY)
        worker = Worker(
            WorkerSettings(
                cluster,
                names,
                Membership(group=f"{names.orders}-demo"),
                # The embedded broker keeps too little for a ledger.
                durable=plan.servers is not None,
            ),
            rulebook,
            clock,
            on_record=show.alert,
            delivery=_delivery(sink, clock, rulebook),
        )
        await closing.enter_async_context(worker)
        url = await closing.enter_async_context(
            metrics_server(worker, rulebook, port=plan.metrics_port, bounds=_BOUNDS)
        )
        feeder = Feeder(cluster.address, names, recording)
        show.begin(worker, feeder, sink, url)
        closing.callback(show.end)
        await _feed(plan, recording, clock, worker, feeder)
        ended_at = clock.now()
        status = await _compare(url, recording, rulebook, ended_at, show)
        if plan.stay and show.watched:
            show.say(f"all events are applied; {url} stays up: end with Ctrl-C")
            await worker.wait()
        return status


def _delivery(sink: Sink, clock: EventClock, rulebook: Rulebook) -> DeliveryPlan:
    """All alerts to the demo's own webhook.

    By its clock a day may pass between two looks: nothing is late.
    """
    section = WebhookSection(
        kind="webhook",
        url=SecretStr(sink.url),
        secret=SecretStr(secrets.token_hex()),
        allow_private_addresses=True,
        rate_per_minute=_UNLIMITED,
    )
    webhook = receiver_of("webhook", section, clock.now)
    return DeliveryPlan(
        (Addressee(webhook),),
        desk_of(rulebook, {webhook.name: TextStyle()}),
        Grouping(_GROUP_WAIT_SECONDS, late_hours=_UNLIMITED),
    )


def _broker(plan: DemoPlan, closing: AsyncExitStack) -> tuple[Cluster, TopicNames]:
    if plan.servers is None:
        names = TopicNames()
        return closing.enter_context(EmbeddedBroker(names)).cluster, names
    # Topics of its own: a demo must never write into anyone's orders.
    return Cluster((plan.servers,)), TopicNames.prefixed(f"demo-{secrets.token_hex(3)}-")


async def _feed(
    plan: DemoPlan, recording: Recording, clock: EventClock, worker: Worker, feeder: Feeder
) -> None:
    """Feed all events, evaluating as the clock moves, and once more after the last."""
    loop = asyncio.get_running_loop()
    begun, end_at = loop.time(), _next_second(recording.last_at)
    now = clock.now()
    while now < end_at:
        if plan.days_per_second is None:
            now += _STEP_AT_FULL_SPEED
        else:
            await asyncio.sleep(1 / _STEPS_PER_SECOND)
            passed_days = (loop.time() - begun) * plan.days_per_second
            now = recording.first_at - DAY + int(passed_days * DAY)
        now = min(now, end_at)
        while not await feeder.feed(now):
            await worker.applied(feeder.ends)
        await worker.applied(feeder.ends)
        clock.set(now)
        await worker.evaluated(now)


async def _compare(
    url: str, recording: Recording, rulebook: Rulebook, as_of: Instant, show: Show
) -> int:
    """Whether the gauges say what a replay of the same events says."""
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        live = scraped(await response.text())
    intake = Intake(FileSource([recording.path]), as_of, _pass_over, lambda weight: None)  # noqa: ARG005
    engine, balance = await asyncio.to_thread(replay, intake, rulebook)
    expected = replayed(engine.readings())
    different = differences(live, expected)
    show.say(f"{balance_line(balance)}, as of {isoformat(as_of)}")
    if different or not expected:
        for line in different[:_DIFFERENCES_SHOWN]:
            show.say(line)
        show.say(f"{len(different)} of {len(expected)} series differ between live and replay")
        return 1
    show.say(f"live gauges and replay agree: {len(expected)} series equal")
    return 0


def _pass_over(origin: str, error: InvalidEvent) -> None:
    """Invalid records are the dead letters' business here."""


def _next_second(instant: Instant) -> Instant:
    return -(-instant // SECOND) * SECOND
