"""The live worker: Kafka topics in; readings, alerts and dead letters out."""

import asyncio
import logging
import signal
from collections import Counter
from collections.abc import Callable, Generator, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, nullcontext
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import uvloop
from faust import App as FaustApp

from monitor import __version__
from monitor.cluster import Cluster
from monitor.core.alert_records import AlertRecord
from monitor.core.events import SourceTopic
from monitor.core.instants import Instant
from monitor.core.rules import Rulebook
from monitor.garbage import collect_garbage_seldom
from monitor.notify.plan import DeliveryPlan
from monitor.snapshot import PartitionStats, Progress, Snapshot
from monitor.stream.alerts_topic import AlertsTopic
from monitor.stream.app import App, Membership, make_app
from monitor.stream.backlog import backlog_published
from monitor.stream.clock import Clock, SystemClock
from monitor.stream.deadletters import DeadLetters
from monitor.stream.delivery.running import Deliveries, Origin, delivering
from monitor.stream.evaluation import Evaluation, at_once, in_slices
from monitor.stream.evaluations_topic import EvaluationsTopic
from monitor.stream.intake import Intake
from monitor.stream.ledger_topic import LedgerTopic, ledger_topic
from monitor.stream.observation import observing
from monitor.stream.ownership import Ownership
from monitor.stream.partitions import Partitions
from monitor.stream.policies_topic import publish_policies
from monitor.stream.raw_inputs import RawInputs, check_raw_inputs, raw_inputs, rekeying_group
from monitor.stream.topics import TopicNames, TopicPlan, prepare_topics

logger = logging.getLogger(__name__)

_STOP_SECONDS = 8.0
OnRecord = Callable[[AlertRecord], None]


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """Where a worker reads and how it takes part."""

    cluster: Cluster
    names: TopicNames = field(default_factory=TopicNames)
    membership: Membership = field(default_factory=Membership)
    plan: TopicPlan | None = None
    """How topics are made; by default as long as the policies look back."""
    durable: bool = True
    """Whether state is kept on the ledger topic; without it each start reads everything."""
    raw_inputs: tuple[str, ...] = ()
    """Topics of events with other keys, published again on the source topics."""
    complete_from: Instant | None = None
    """The instant from which on the source topics hold all that happened; None: from ever."""


def run(
    settings: WorkerSettings,
    rulebook: Rulebook,
    *,
    clock: Clock | None = None,
    on_record: OnRecord | None = None,
    delivery: DeliveryPlan | None = None,
    beside: Callable[["Worker"], AbstractAsyncContextManager[object]] | None = None,
) -> int:
    """Run a worker until SIGTERM or SIGINT; exit status 0.

    Args:
        settings: where to read.
        rulebook: the policies.
        clock: the present; the machine's by default.
        on_record: called with each published alert record.
        delivery: who is told of alerts; None: nobody.
        beside: entered before the worker joins its group, and left after it has left.

    Raises:
        ClusterError: Kafka cannot be reached, or is not as the worker needs it.
        MonitorError: whatever ``beside`` refuses with.
    """

    async def serve() -> None:
        worker = Worker(settings, rulebook, clock, on_record=on_record, delivery=delivery)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, worker.stop)
        async with nullcontext() if beside is None else beside(worker), worker:
            await worker.wait()

    collect_garbage_seldom()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve())
    return 0


class Worker:
    """One member of the consumer group; an asynchronous context manager.

    Within the context it reads, evaluates once a second of its clock, and publishes.
    """

    def __init__(
        self,
        settings: WorkerSettings,
        rulebook: Rulebook,
        clock: Clock | None = None,
        *,
        on_record: OnRecord | None = None,
        delivery: DeliveryPlan | None = None,
    ) -> None:
        self._settings = settings
        self._rulebook = rulebook
        self._clock = clock or SystemClock()
        self._partitions = Partitions(
            rulebook, __version__, settings.durable, settings.complete_from
        )
        self._ownership = Ownership(self._partitions, settings.names.sources, self._clock)
        self._delivery = delivery
        self._on_record = on_record or _ignore
        self._app: App | None = None
        self._open = AsyncExitStack()
        self._ledger: LedgerTopic | None = None
        self._raw_inputs: RawInputs | None = None
        self._alerts: AlertsTopic | None = None
        self._deliveries: Deliveries | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._started = asyncio.Event()
        self._stopping = asyncio.Event()
        self._evaluation = Evaluation(self._partitions.owned, self._clock, self._ownership)

    async def __aenter__(self) -> Self:
        """Prepare the topics, join the group and begin to read.

        Raises:
            ClusterError: Kafka cannot be reached, or is not as the worker needs it.
        """
        names = self._settings.names
        plan = self._settings.plan or TopicPlan(history_days=longest_history_days(self._rulebook))
        count = await prepare_topics(
            self._settings.cluster, names, plan, ledger=self._settings.durable
        )
        # Before the first alert can name them.
        forms = self._rulebook.canonical_forms
        await publish_policies(self._settings.cluster, names.policies, forms)
        # Before anything asks the broker for them, which may make it create them.
        await check_raw_inputs(self._settings.cluster, self._settings.raw_inputs)
        if self._settings.durable:
            self._ledger = await self._open.enter_async_context(
                ledger_topic(self._settings.cluster, names.ledger)
            )
        self._ownership.attach(count, self._ledger, self._rekeyed)
        app = make_app(self._settings.cluster, self._settings.membership, self._ownership)
        self._app = app
        dead_letters = DeadLetters(app.producer, names.dead_letters)
        intake = Intake(self._partitions.owned.get, names.sources.__getitem__, dead_letters, count)
        _add_agent(app, intake, self._ownership)
        alerts = self._alerts = AlertsTopic(app.producer, names.alerts, self._on_record)
        journal = EvaluationsTopic(app.producer, names.evaluations)
        try:
            await self._begin_delivery(count)
            await self._start(app)
            for task in (self._evaluation.run(journal, alerts), alerts.run()):
                self._tasks.append(asyncio.create_task(task))
            await self._begin_rekeying(count)
            self._started.set()
        except BaseException:
            await self._leave()
            raise
        return self

    async def __aexit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Finish the batch in work, leave the group and stop."""
        await self._leave()

    def stop(self) -> None:
        """End ``wait``."""
        self._stopping.set()

    async def wait(self) -> None:
        """Wait for ``stop``.

        Raises:
            ClusterError: Kafka is not as the worker needs it.
            Exception: whatever broke the worker.
        """
        await self._until(self._stopping.wait())

    async def applied(self, offsets: Mapping[tuple[SourceTopic, int], int]) -> None:
        """Wait until the records before these offsets are applied, by topic and partition."""
        await self._until(self._ownership.applied(offsets))

    async def evaluated(self, at: Instant) -> None:
        """Wait until an evaluation point at or after ``at`` is decided and published."""
        await self._until(self._evaluation.reached(at))

    def stats(self) -> tuple[PartitionStats, ...]:
        """The present totals of the partitions that this worker owns."""
        return tuple(
            stats
            for one in self._partitions.owned.values()
            for stats in one.stats(self._ownership.highwaters(one.number))
        )

    @property
    def recovering(self) -> bool:
        """Whether partitions are being restored."""
        return bool(self._ownership.recovering)

    @property
    def ledger_bytes(self) -> int:
        """What this worker has written to the ledger topic."""
        return 0 if self._ledger is None else self._ledger.written_bytes

    def progress(self) -> Progress:
        """How far it is on its way to being ready."""
        ownership = self._ownership
        # Without any partition Faust tells nobody that an assignment has come.
        assigned = ownership.joined or (self._app is not None and self._app.unassigned)
        joined = assigned and not self._stopping.is_set()
        return Progress(joined, dict(ownership.recovering), self.stats())

    def snapshot(self) -> Snapshot:
        """All of ``observe`` at once."""
        return at_once(self._observing())

    async def observe(self) -> Snapshot:
        """What the last evaluation found, and the present totals, gathered between other tasks."""
        return await in_slices(self._observing())

    def _observing(self) -> Generator[None, None, Snapshot]:
        partitions = list(self._partitions.owned.values())
        unknown = {name for one in partitions for name in one.engine.unknown_marketplaces}
        silent = sum((one.engine.silent_sellers for one in partitions), Counter[str]())
        as_of, stats = self._evaluation.at, self.stats()
        recovering = dict(self._ownership.recovering)
        observed = yield from observing(partitions)
        return Snapshot(
            as_of=as_of,
            readings=observed.readings,
            open_items=observed.open_items,
            roll_offs=observed.roll_offs,
            recovering=recovering,
            partitions=stats,
            raw_inputs=() if self._raw_inputs is None else self._raw_inputs.stats(),
            receivers=() if self._deliveries is None else self._deliveries.stats(),
            alert_quality=() if self._alerts is None else self._alerts.quality.counts(),
            unknown_marketplaces=tuple(sorted(unknown)),
            silent_sellers=silent,
            partition_count=self._ownership.count,
        )

    async def _start(self, app: App) -> None:
        starting = asyncio.create_task(app.start())
        stopping = asyncio.create_task(self._stopping.wait())
        # Joining may take for ever, where a broker goes away meanwhile.
        done, pending = await asyncio.wait(
            {starting, stopping}, return_when=asyncio.FIRST_COMPLETED
        )
        for unfinished in pending:
            unfinished.cancel()
        if starting in done:
            await starting
        self._raise_crash()

    async def _rekeyed(self) -> None:
        """Wait until what lies on the raw inputs is on the source topics."""
        settings = self._settings
        if settings.raw_inputs:
            group = rekeying_group(settings.membership.group)
            await backlog_published(settings.cluster, settings.raw_inputs, group)

    async def _begin_rekeying(self, count: int) -> None:
        settings = self._settings
        if settings.raw_inputs:
            self._raw_inputs = await self._open.enter_async_context(
                raw_inputs(
                    settings.cluster,
                    settings.raw_inputs,
                    settings.names,
                    settings.membership,
                    count,
                )
            )
            self._tasks.append(asyncio.create_task(self._raw_inputs.wait()))

    async def _begin_delivery(self, count: int) -> None:
        """Before anything is published: who is new hears of all that is published from now on."""
        settings = self._settings
        if self._delivery is not None:
            names = settings.names
            deliveries_topic = names.deliveries if settings.durable else None
            origin = Origin(settings.cluster, names.alerts, count, deliveries_topic)
            deliveries = await self._open.enter_async_context(
                delivering(origin, settings.membership, self._delivery, self._clock)
            )
            self._deliveries = deliveries
            self._tasks.append(asyncio.create_task(deliveries.run()))

    async def _until(self, waited: Any) -> None:
        """Await something, once the worker runs; stop waiting where it breaks."""
        await self._started.wait()
        if self._app is None:
            raise RuntimeError("the worker is not running")
        crashed = asyncio.ensure_future(self._app.wait())
        task = asyncio.ensure_future(waited)
        broken = set() if self._ledger is None else {self._ledger.broken}
        try:
            done, _ = await asyncio.wait(
                {task, crashed, *self._tasks, *broken}, return_when=asyncio.FIRST_COMPLETED
            )
            self._raise_crash()
            for finished in done:
                finished.result()
        finally:
            crashed.cancel()
            task.cancel()

    def _raise_crash(self) -> None:
        reason = self._app.crash_reason if self._app is not None else None
        if reason is not None:
            raise reason

    async def _leave(self) -> None:
        self._stopping.set()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._app is None:
            await self._open.aclose()
            return
        try:
            async with asyncio.timeout(_STOP_SECONDS):
                await self._app.stop()
        except TimeoutError:
            logger.warning("the worker did not stop within %g s and is cut off", _STOP_SECONDS)
        finally:
            await self._open.aclose()


def longest_history_days(rulebook: Rulebook) -> int:
    """The days that the policies look back at most."""
    every = [era.rules.retention_days for eras in rulebook.eras.values() for era in eras]
    return max(every, default=400)


def _add_agent(app: FaustApp, intake: Intake, ownership: Ownership) -> None:
    source = app.topic(*ownership.topics, key_serializer="raw", value_serializer="raw")

    async def read_sources(stream: Any) -> None:
        async for batch in stream:
            await intake.process(batch)
            ownership.progressed()

    app.agent(source, name="sources", concurrency=1)(read_sources)


def _ignore(record: AlertRecord) -> None:
    """Nobody wants to hear of alert records."""
