"""Delivery as a part of the worker: a Faust app for each receiver, in a group of its own."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, Literal

from monitor.cluster import Cluster
from monitor.notify.notification import Notification
from monitor.notify.outage import outage_text
from monitor.notify.plan import DeliveryPlan, Followed
from monitor.snapshot import ReceiverStats
from monitor.stream.app import App, Membership, make_app
from monitor.stream.clock import Clock
from monitor.stream.delivery.beginnings import begin_new_receivers
from monitor.stream.delivery.courier import Courier
from monitor.stream.delivery.deliveries_topic import (
    ForgottenRows,
    Rows,
    deliveries_topic,
    notify_group,
)
from monitor.stream.delivery.outbox import Outbox
from monitor.stream.delivery.pauses import LoopTime

logger = logging.getLogger(__name__)

# Longer than a receiver takes to answer or not.
_STOP_SECONDS = 15.0


class Deliveries:
    """The receivers of a worker.

    Args:
        couriers: one for each.
        apps: theirs, in the same order.
        followed: what decisions rest on.
    """

    def __init__(
        self, couriers: Sequence[Courier], apps: Sequence[App], followed: Sequence[Followed] = ()
    ) -> None:
        self._couriers = couriers
        self._apps = apps
        self._followed = followed
        self._tasks: list[asyncio.Task[Any]] = []

    async def run(self) -> None:
        """Join the groups, and deliver until something breaks.

        Raises:
            ClusterError: Kafka is not as it is needed.
            Exception: whatever broke an app, or a courier.
        """
        self._tasks += [asyncio.create_task(courier.run()) for courier in self._couriers]
        self._tasks += [asyncio.create_task(one.run()) for one in self._followed]
        await asyncio.gather(*(app.start() for app in self._apps))
        for app in self._apps:
            _raise_crash(app)
        ended = [asyncio.create_task(_ended(app)) for app in self._apps]
        for_ever = asyncio.create_task(asyncio.Event().wait())
        try:
            waited: set[asyncio.Task[Any]] = {for_ever, *ended, *self._tasks}
            done, _ = await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for_ever.cancel()
            for task in ended:
                task.cancel()

    async def stop(self) -> None:
        """Finish what is being told, leave the groups, and stop."""
        for courier in self._couriers:
            courier.let_go()
        await asyncio.gather(*(_stop(app) for app in self._apps))
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def stats(self) -> tuple[ReceiverStats, ...]:
        """What became of alert records, by receiver."""
        return tuple(courier.stats() for courier in self._couriers)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where alerts are read, and where it is remembered what was delivered.

    Without a ``deliveries`` topic that is forgotten, and all is told at each start.
    """

    cluster: Cluster
    alerts: str
    partitions: int
    deliveries: str | None


@asynccontextmanager
async def delivering(
    origin: Origin, membership: Membership, plan: DeliveryPlan, clock: Clock
) -> AsyncIterator[Deliveries]:
    """What delivers alerts, once it runs; it stops where the context ends.

    It is entered before any alert is published: a receiver that is new begins where the alerts
    topic ends by then, with a summary of what is open.

    Args:
        origin: the topics.
        membership: of the worker; each receiver has a group named after its group.
        plan: who is told, and how.
        clock: the present.

    Raises:
        ClusterError: the cluster cannot be reached.
    """
    async with AsyncExitStack() as closing:
        rows: Rows = ForgottenRows()
        if origin.deliveries is not None and plan.addressees:
            topic = await closing.enter_async_context(
                deliveries_topic(origin.cluster, origin.deliveries)
            )
            names = [one.receiver.name for one in plan.addressees]
            alerts = (origin.alerts, origin.partitions)
            await begin_new_receivers(origin.cluster, alerts, topic, names, clock.now())
            rows = topic
        for one in plan.followed:
            await one.read()
        couriers: list[Courier] = []
        apps: list[App] = []
        tell_others = _Telling(couriers)
        for addressee in plan.addressees:
            courier = Courier(addressee, plan, rows, LoopTime(clock), tell_others)
            group = notify_group(membership.group, courier.name)
            outbox = Outbox(origin.alerts, courier, rows, commits=rows.lasts)
            app = make_app(origin.cluster, replace(membership, group=group), outbox)
            _add_agent(app, courier, origin.alerts)
            couriers.append(courier)
            apps.append(app)
            closing.push_async_callback(addressee.receiver.close)
        deliveries = Deliveries(couriers, apps, plan.followed)
        closing.push_async_callback(deliveries.stop)
        yield deliveries


class _Telling:
    """Tells all other receivers of one that fails, or is back."""

    def __init__(self, couriers: Sequence[Courier]) -> None:
        self._couriers = couriers

    def __call__(self, receiver: str, state: Literal["failing", "back"], why: str) -> None:
        text = outage_text(receiver, state, why)
        notification = Notification((), "delivery", receiver, resolves=state == "back")
        for courier in self._couriers:
            if courier.name != receiver:
                courier.notice(notification, text)


def _add_agent(app: App, courier: Courier, alerts: str) -> None:
    source = app.topic(alerts, key_serializer="raw", value_serializer="raw")

    async def read_alerts(stream: Any) -> None:
        async for batch in stream:
            await courier.take(batch)

    app.agent(source, name=f"alerts for {courier.name}", concurrency=1)(read_alerts)


async def _ended(app: App) -> None:
    await app.wait()
    _raise_crash(app)


async def _stop(app: App) -> None:
    try:
        async with asyncio.timeout(_STOP_SECONDS):
            await app.stop()
    except TimeoutError:
        logger.warning("a receiver did not stop within %g s and is cut off", _STOP_SECONDS)


def _raise_crash(app: App) -> None:
    if app.crash_reason is not None:
        raise app.crash_reason
