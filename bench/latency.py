"""A steady stream with alarms in it: how long their records take, and where the loop stalls.

Two local midnights fall within, the second with a change of policy after which all is counted
anew, and a collection of all garbage.
"""

import asyncio
import signal
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import quantiles
from zoneinfo import ZoneInfo

from aiokafka import AIOKafkaConsumer
from confluent_kafka import Producer

from bench.events import Record
from bench.orders import Line, lives, record_of
from bench.process import Told, WorkerProcess
from bench.stalls import Stall
from monitor.core.alert_records import MetricRecord, decode_record
from monitor.demo.run import DEMO_POLICY
from monitor.stream.topics import TopicNames
from monitor.stream.worker import WorkerSettings

EVENTS_PER_SECOND = 5_000
_TICK_SECONDS = 0.01
_TICKS_PER_ALARM = 5
# An alarm's order is known for long when the alarm comes.
_TICKS_BEFORE_ALARM = 500
_BLOCK = 2_000
_DAY_SECONDS = 86_400
_ZONE = ZoneInfo("Europe/Berlin")  # of demo-de
_ALARMED = "order_defect_rate"
# Until the next point at which levels are decided, and through Kafka there and back.
_ON_THE_WAY_SECONDS = 2
RECOUNT = "midnight with a policy that counts all anew, and after it"
_WORST = 8
_LAST_SECONDS = 3.0
_PACE_RATIO_MAX = 1.05
_PATIENCE_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that befalls the worker at an instant, in seconds since 1970.

    ``seconds``: for how long it may be felt.
    """

    name: str
    at: float
    seconds: float = 3.0

    def explains(self, at: float) -> bool:
        """Whether what happened at another instant may come of it."""
        return self.at - _ON_THE_WAY_SECONDS <= at < self.at + self.seconds


@dataclass(slots=True)
class Measured:
    """What came of a run."""

    produced_at: dict[str, float] = field(default_factory=dict)
    """By seller, when the event that causes its alerts was handed over."""
    seen: dict[str, tuple[str, float]] = field(default_factory=dict)
    """By alert, its seller and when its first record was read."""
    happenings: list[Happening] = field(default_factory=list)
    told: Sequence[Told] = ()

    def took_ms(self) -> list[tuple[float, float]]:
        """When each alert's cause was handed over, and how long its record took.

        Raises:
            ValueError: there are alarms of which nobody has heard.
        """
        if self.unheard:
            some = sorted(self.unheard)[:5]
            raise ValueError(f"{len(self.unheard)} alarms without an alert: {some}")
        return [
            (self.produced_at[seller], 1000 * (at - self.produced_at[seller]))
            for seller, at in self.seen.values()
        ]

    @property
    def unheard(self) -> set[str]:
        """The sellers without an alert."""
        return self.produced_at.keys() - {seller for seller, _ in self.seen.values()}

    @property
    def stalls(self) -> list[Stall]:
        """All long stalls, the longest first."""
        found = [stall for told in self.told for stall in told["stalls"]]
        return sorted(found, key=lambda stall: -float(stall["ms"]))

    @property
    def p99_ms(self) -> int:
        """The 99th percentile of the alerts before the policy that recounts a million orders.

        Alerts wait for that, once; ``lines`` says how long.
        """
        recounts = [one for one in self.happenings if one.name == RECOUNT]
        before = [
            took for at, took in self.took_ms() if not any(one.explains(at) for one in recounts)
        ]
        return _percentiles(before)[98]

    @property
    def stall_ms_max(self) -> float:
        """The longest stall."""
        return max(float(told["stall_ms"]) for told in self.told)

    def lines(self) -> Iterator[str]:
        """Where the time went."""
        took = self.took_ms()
        yield f"{len(self.produced_at)} alarms, {len(took)} alerts"
        yield _described("all", [ms for _, ms in took])
        by_name: dict[str, list[float]] = {"calm": []}
        for at, ms in took:
            by_name.setdefault(self._explained(at), []).append(ms)
        stalls: dict[str, float] = {}
        for told in self.told:
            name = self._explained(told["at"])
            stalls[name] = max(float(told["stall_ms"]), stalls.get(name, 0))
        for name, some in by_name.items():
            yield f"{_described(name, some)}; longest stall {stalls.get(name, 0):.0f} ms"
        yield f"longest of {len(self.stalls)} stalls over 20 ms:"
        for stall in self.stalls[:_WORST]:
            yield (
                f"  {stall['ms']:.0f} ms ({stall['cpu_ms']:.0f} its own work, {stall['gc_ms']:.0f}"
                f" gc), {self._explained(stall['at'])}: {stall['where']}"
            )
        first, last = self.told[0], self.told[-1]
        busy = (last["cpu_seconds"] - first["cpu_seconds"]) / (last["at"] - first["at"])
        rate = (last["events"] - first["events"]) / (last["at"] - first["at"])
        yield f"worker: {rate:,.0f} events/s with {busy:.0%} of a core"

    def _explained(self, at: float) -> str:
        """What something at an instant may come of."""
        return next((one.name for one in self.happenings if one.explains(at)), "calm")


class Midnights:
    """Moves the worker's clock so that local midnights come when they are wanted.

    Args:
        folder: for the file that the worker looks up, and the policy of the second midnight.
    """

    def __init__(self, folder: Path) -> None:
        self.file = folder / "ahead"
        self.file.write_text("0", encoding="ascii")
        here = datetime.now(_ZONE)
        self._first_day = here.date() + timedelta(days=1)
        self._second_day = here.date() + timedelta(days=2)
        self.policies = [DEMO_POLICY, self._next_policy(folder / "demo-next.toml")]

    def first_at(self, worker: WorkerProcess, at: float) -> Happening:
        """Have tomorrow begin at an instant."""
        self._move(worker, _midnight(self._first_day) - at)
        return Happening("midnight", at)

    def second_at(self, worker: WorkerProcess, at: float) -> Happening:
        """Have the day after begin at an instant, with another policy."""
        self._move(worker, _midnight(self._second_day) - at)
        return Happening(RECOUNT, at, seconds=600)

    def _move(self, worker: WorkerProcess, ahead_seconds: float) -> None:
        self.file.write_text(str(int(ahead_seconds)), encoding="ascii")
        worker.send(signal.SIGUSR2)

    def _next_policy(self, path: Path) -> Path:
        """The same policy with another count, so that everything is counted anew."""
        text = DEMO_POLICY.read_text(encoding="utf-8")
        since = f'name = "demo-next"\nvalid_from = {self._second_day}'
        text = _replaced(text, 'name = "demo"', since)
        text = _replaced(text, 'limit = "under 1%"', 'limit = "under 0.9%"')
        text = _replaced(text, "handling_days = 2", "handling_days = 3")
        path.write_text(text, encoding="utf-8")
        return path


async def steady(
    worker: WorkerProcess,
    settings: WorkerSettings,
    midnights: Midnights,
    numbers: range,
    sellers: int,
    seconds: int,
) -> Measured:
    """Stream new orders for so long, and read what comes of the alarms among them."""
    measured = Measured()
    happenings = measured.happenings
    stream = _Stream(numbers, sellers, seconds)
    consumer = AIOKafkaConsumer(
        settings.names.alerts, **settings.cluster.client_options(), fetch_max_wait_ms=10
    )
    async with consumer:
        reading = asyncio.create_task(_read(consumer, measured))
        began_at = time.time() + 3

        async def share_of_it(share: float) -> None:
            await asyncio.sleep(began_at + share * seconds - time.time())

        happenings.append(midnights.first_at(worker, began_at + 0.2 * seconds))
        await share_of_it(0)
        begin = len(worker.told)
        producing = asyncio.create_task(
            asyncio.to_thread(stream.produce, settings, measured.produced_at, began_at)
        )
        await share_of_it(0.35)
        happenings.append(Happening("clock set", time.time()))
        policy = midnights.second_at(worker, began_at + 0.8 * seconds)
        await share_of_it(0.5)
        happenings.append(Happening("collection", time.time()))
        worker.send(signal.SIGUSR1)
        await share_of_it(0.8)
        happenings.append(policy)
        await producing
        await asyncio.sleep(_LAST_SECONDS)
        end = len(worker.told)
        for _ in range(_PATIENCE_SECONDS):
            await asyncio.sleep(1 if measured.unheard else 0)
        reading.cancel()
    measured.told = worker.told[begin:end]
    return measured


class _Stream:
    """What is produced at each tick, made beforehand."""

    def __init__(self, numbers: range, sellers: int, seconds: int) -> None:
        self._ticks = int(seconds / _TICK_SECONDS)
        per_tick = int(EVENTS_PER_SECOND * _TICK_SECONDS)
        coming = lives(numbers, sellers, block=_BLOCK)
        self._records = [[next(coming) for _ in range(per_tick)] for _ in range(self._ticks)]
        self._alarms: dict[int, tuple[str, Record]] = {}
        for tick in range(_TICKS_BEFORE_ALARM, self._ticks, _TICKS_PER_ALARM):
            seller = f"alarm-{tick:05d}"
            placed, rated = _alarm(seller)
            self._records[tick - _TICKS_BEFORE_ALARM].append(placed)
            self._alarms[tick] = seller, rated

    def produce(
        self, settings: WorkerSettings, produced_at: dict[str, float], began_at: float
    ) -> None:
        """Hand all over, each at its time; note when that was for the alarms.

        Raises:
            ValueError: this machine is too slow to do so.
        """
        producer = Producer({**_options(settings), "linger.ms": 1})
        for tick, records in enumerate(self._records):
            ahead = began_at + tick * _TICK_SECONDS - time.time()
            if ahead > 0:
                time.sleep(ahead)
            for one in records:
                _hand_over(producer, settings.names, one)
            if tick in self._alarms:
                seller, rated = self._alarms[tick]
                produced_at[seller] = time.time()
                _hand_over(producer, settings.names, rated)
            producer.poll(0)
        took_seconds = time.time() - began_at
        producer.flush()
        if took_seconds > _PACE_RATIO_MAX * self._ticks * _TICK_SECONDS:
            raise ValueError(f"this machine took {took_seconds:.0f} s to produce all events")


def _hand_over(producer: Producer, names: TopicNames, one: Record) -> None:
    topic, number = one.where
    producer.produce(names.source(topic), one.value, one.key, number)


def _options(settings: WorkerSettings) -> dict[str, str]:
    return {"bootstrap.servers": ",".join(settings.cluster.servers)}


async def _read(consumer: AIOKafkaConsumer, measured: Measured) -> None:
    async for one in consumer:
        at, record = time.time(), decode_record(one.value)
        if (
            isinstance(record, MetricRecord)
            and record.metric == _ALARMED
            and record.seller in measured.produced_at
        ):
            measured.seen.setdefault(record.alert, (record.seller, at))


def _alarm(seller: str) -> tuple[Record, Record]:
    """A seller's only order, and its one star."""
    at = (datetime.now(UTC) - timedelta(minutes=1)).isoformat()
    about = f'"at":"{at}","seller":"{seller}","marketplace":"demo-de","order":"o-{seller}"'
    placed = f'{{"type":"order_placed","id":"p-{seller}",{about}}}'
    rated = f'{{"type":"feedback_left","id":"f-{seller}",{about},"feedback":"f","rating":1}}'
    return (
        record_of(Line("order_placed", placed.encode()), seller),
        record_of(Line("feedback_left", rated.encode()), seller),
    )


def _midnight(day: object) -> float:
    return datetime.fromisoformat(f"{day}T00:00:00").replace(tzinfo=_ZONE).timestamp()


def _replaced(text: str, old: str, new: str) -> str:
    if old not in text:
        raise ValueError(f"{DEMO_POLICY} has no {old!r} any more")
    return text.replace(old, new)


def _percentiles(figures: Sequence[float]) -> list[int]:
    return [round(one) for one in quantiles(figures, n=100)]


def _described(name: str, took_ms: Sequence[float]) -> str:
    if len(took_ms) < 2:
        return f"{name}: {len(took_ms)} alerts"
    cuts = _percentiles(took_ms)
    return (
        f"{name}: p50 {cuts[49]}, p90 {cuts[89]}, p99 {cuts[98]},"
        f" longest {max(took_ms):.0f} ms of {len(took_ms)} alerts"
    )
