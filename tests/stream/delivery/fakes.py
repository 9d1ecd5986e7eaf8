"""What tests of delivery share: alert records, a receiver, time and rows in memory."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace

from monitor.core.alert_records import AlertRecord, Link, MetricRecord
from monitor.core.instants import SECOND, Instant, isoformat, parse_instant
from monitor.core.readings import Level
from monitor.core.standing import Reason
from monitor.errors import NotifyError
from monitor.notify.grouping import Grouping
from monitor.notify.notification import Item, Notification
from monitor.notify.plan import Addressee, DeliveryPlan, Desk
from monitor.notify.routing import Decision
from monitor.notify.text import Text
from monitor.notify.told import Row, Told
from monitor.stream.delivery.attempts import OnOutage
from monitor.stream.delivery.courier import Courier
from monitor.stream.delivery.deliveries_topic import Restored
from monitor.stream.inflight import Batch

NOON = parse_instant("2026-11-20T12:00:00Z")
Heard = tuple[str, ...]
"""What a notification says: of each item ``alert seq level``."""


def record(
    seq: int,
    to: Level = Level.BREACHED,
    *,
    seller: str = "s1",
    metric: str = "order_defect_rate",
    window_days: int = 60,
    from_: Level = Level.OK,
    reason: Reason = "events",
    at: Instant | None = None,
) -> AlertRecord:
    """A record of the alert of a seller's metric, decided a second later for each number."""
    decided_at = NOON + seq * SECOND if at is None else at
    return MetricRecord(
        alert=f"{seller}/m/{metric}/{window_days}",
        seq=seq,
        episode=1,
        chain=Link(seq, ""),
        from_=from_,
        to=to,
        reason=reason,
        seller=seller,
        marketplace="m",
        metric=metric,
        window_days=window_days,
        category=None,
        numerator=5,
        denominator=412,
        limit="under 1%",
        approach="0.75%",
        headroom=-1,
        orders_to_recover=89,
        subjects=("o-1",),
        subjects_total=1,
        as_of=isoformat(decided_at),
        cut={"orders": (0, 7)},
        policy="d",
        program="1",
    )


def batch(records: Iterable[AlertRecord], partition: int = 0, start: int = 0) -> Batch:
    """Records as a fetch brings them."""
    values = [SimpleNamespace(value=one.encode()) for one in records]
    return Batch("alerts", partition, values, start, start + len(values), 1)


def heard(notification: Notification) -> Heard:
    """What a notification says, in short."""
    return tuple(f"{item.record.alert} {item.record.seq}" for item in notification.items)


@dataclass
class FakeTime:
    """Time that passes at once where somebody waits for it."""

    instant: Instant = NOON
    passed_seconds: float = 0.0

    def now(self) -> Instant:
        return self.instant + int(self.passed_seconds * SECOND)

    def seconds(self) -> float:
        return self.passed_seconds

    async def pause(self, seconds: float | None, woken: asyncio.Event) -> None:
        for _ in range(5):
            await asyncio.sleep(0)
        if woken.is_set():
            return
        if seconds is None:
            await woken.wait()
        else:
            self.passed_seconds += seconds


@dataclass
class FakeReceiver:
    """Takes everything, or what ``answer`` lets it take."""

    name: str = "pager"
    resend_seconds: float | None = None
    answer: Callable[[Notification], None] = lambda notification: None
    notifications: list[Notification] = field(default_factory=list)
    texts: list[Text] = field(default_factory=list)
    resent: list[list[str]] = field(default_factory=list)
    attempts: int = 0

    async def deliver(self, notification: Notification, text: Text) -> None:
        self.attempts += 1
        await asyncio.sleep(0)
        self.answer(notification)
        self.notifications.append(notification)
        self.texts.append(text)

    async def resend(self, items: Sequence[Item]) -> None:
        self.resent.append(sorted(f"{i.record.alert} {i.record.seq}" for i in items))

    async def close(self) -> None:
        """Nothing."""

    @property
    def heard(self) -> list[Heard]:
        return [heard(one) for one in self.notifications]


@dataclass
class MemoryRows:
    """Rows that outlive a courier, as the topic does."""

    values: dict[tuple[int, str, str], bytes] = field(default_factory=dict)
    writes: int = 0
    lasts = True

    async def read(self, number: int, receiver: str) -> Restored:
        told = Told()
        for (partition, name, alert), value in self.values.items():
            if (partition, name) == (number, receiver):
                told.restore(alert, value)
        return Restored(told, 0)

    async def write(self, number: int, receiver: str, rows: Mapping[str, Row]) -> None:
        self.writes += 1
        await asyncio.sleep(0)
        for alert, row in rows.items():
            self.values[number, receiver, alert] = row.encode()


def judge(found: AlertRecord, previous: AlertRecord | None) -> Item:
    return Item(found, "critical", previous=previous)


def tell_all(item: Item, receiver: str, at: Instant) -> Decision:
    return Decision("deliver")


def compose(notification: Notification, receiver: str) -> Text:
    return Text(" + ".join(heard(notification)), ())


def refusal(message: str = "answered 400") -> NotifyError:
    return NotifyError(message, permanent=True)


def failure(retry_after_seconds: float | None = None) -> NotifyError:
    return NotifyError("answered 503", permanent=False, retry_after_seconds=retry_after_seconds)


class Bench:
    """One courier and what surrounds it; ``begin`` again is a restart.

    Args:
        rule: decides on items; all are delivered by default.
    """

    def __init__(
        self,
        *,
        receiver: FakeReceiver | None = None,
        rule: Callable[[Item, str, Instant], Decision] = tell_all,
        grouping: Grouping | None = None,
        rate_per_minute: float | None = None,
        time: FakeTime | None = None,
        on_outage: OnOutage = lambda receiver, state, why: None,
    ) -> None:
        self.receiver = receiver or FakeReceiver()
        self.rows = MemoryRows()
        self.time = time or FakeTime()
        self._addressee = Addressee(self.receiver, rate_per_minute)
        desk = Desk(judge, rule, compose)
        self._plan = DeliveryPlan((self._addressee,), desk, grouping or Grouping())
        self._on_outage = on_outage
        self.courier = self._new()
        self._running: asyncio.Task[None] | None = None

    async def begin(self, partitions: Sequence[int] = (0,)) -> None:
        """Own partitions with what is remembered of them."""
        self.courier = self._new()
        name = self.receiver.name
        told = {number: (await self.rows.read(number, name)).told for number in partitions}
        self._running = asyncio.create_task(self.courier.run())
        self.courier.own(told)

    async def end(self) -> None:
        """Stop without finishing anything."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)

    async def __aenter__(self) -> "Bench":
        await self.begin()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.end()

    async def deliver(self, *batches: Batch) -> None:
        """Take batches and wait until all count as processed."""
        for one in batches:
            await self.courier.take(one)
        await self.until(lambda: all(one.processed for one in batches))

    async def until(self, holds: Callable[[], bool]) -> None:
        """Let the courier work until something holds."""
        async with asyncio.timeout(10):
            while not holds():
                if self._running is not None and self._running.done():
                    self._running.result()
                await asyncio.sleep(0)

    def _new(self) -> Courier:
        return Courier(self._addressee, self._plan, self.rows, self.time, self._on_outage)
