"""A million orders in one worker: its size, its latency, its stalls, and its recovery.

Keys: bytes_per_order, latency_p99_ms, stall_ms_max, recovery_orders_per_s.
"""

import asyncio
import json
import signal
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import quantiles
from zoneinfo import ZoneInfo

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from bench.events import Record, feed, record
from bench.orders import life_of
from bench.process import Told, WorkerProcess
from bench.program import settings_of
from bench.results import Plan, Results
from monitor.demo.run import DEMO_POLICY
from monitor.stream.topics import TopicNames, TopicPlan, prepare_topics
from monitor.stream.worker import WorkerSettings

_PREFIX, _RUN = "scale-", "run"
_SELLERS = 300
_ZONE = ZoneInfo("Europe/Berlin")  # of demo-de
_EVENTS_PER_SECOND = 5_000
_ALARMS_PER_SECOND = 12
_TICKS_PER_SECOND = 20
_BLOCK = 50_000
_EVE_SECONDS = 10


@dataclass(slots=True)
class Latencies:
    """When alarms were produced, and how long their records took, in milliseconds."""

    produced_at: dict[str, float] = field(default_factory=dict)
    took_ms: list[float] = field(default_factory=list)

    async def read(self, settings: WorkerSettings) -> None:
        """Follow the alerts topic until cancelled."""
        consumer = AIOKafkaConsumer(
            settings.names.alerts, **settings.cluster.client_options(), fetch_max_wait_ms=10
        )
        async with consumer:
            async for one in consumer:
                seller = json.loads(one.value)["seller"]
                if seller in self.produced_at:
                    self.took_ms.append(1000 * (time.time() - self.produced_at[seller]))

    @property
    def p99_ms(self) -> int:
        """The 99th percentile."""
        return round(quantiles(self.took_ms, n=100)[-1])


async def measure(address: str, plan: Plan) -> Results:
    """All of the above, in one run."""
    settings = settings_of(address, _PREFIX, _RUN)
    cluster, names = settings.cluster, settings.names
    await prepare_topics(cluster, names, TopicPlan(history_days=430))
    orders = plan.pick(1_000_000, 60_000)
    total = sum((await feed(cluster, names, lives(range(orders)))).values())
    with tempfile.TemporaryDirectory(prefix="bench-scale-") as folder:
        ahead = Path(folder) / "ahead"
        ahead.write_text("0", encoding="ascii")
        policies = [DEMO_POLICY, _next_policy(Path(folder))]
        async with WorkerProcess(address, _PREFIX, _RUN, policies, ahead=ahead) as worker:
            empty = await worker.until(lambda told: bool(told["partitions"]))
            full = await worker.until(lambda told: told["ready"] and told["events"] >= total)
            ahead.write_text(str(_seconds_to_midnight() - _EVE_SECONDS), encoding="ascii")
            worker.send(signal.SIGUSR2)
            await asyncio.sleep(_EVE_SECONDS / 2)
            latencies, stall_ms = await _steady(worker, settings, orders, plan.pick(60, 20))
        async with WorkerProcess(address, _PREFIX, _RUN, policies, ahead=ahead) as worker:
            await worker.until(lambda told: told["ready"])
            seconds = _recovery_seconds(worker.told)
    size = full["resident_bytes"] - empty["resident_bytes"]
    print(f"{len(latencies.took_ms)} alerts; {seconds:.1f} s to restore {orders} orders")
    return {
        "bytes_per_order": round(size / orders),
        "latency_p99_ms": latencies.p99_ms,
        "stall_ms_max": stall_ms,
        "recovery_orders_per_s": round(orders / seconds),
    }


async def _steady(
    worker: WorkerProcess, settings: WorkerSettings, orders: int, seconds: int
) -> tuple[Latencies, float]:
    """Latencies and longest stall under a steady stream; midnight and a full collection within."""
    latencies = Latencies()
    reading = asyncio.create_task(latencies.read(settings))
    begin = len(worker.told)
    coming = lives(range(orders, 2 * orders))
    async with AIOKafkaProducer(**settings.cluster.client_options(), linger_ms=2) as producer:
        began = time.monotonic()
        for tick in range(seconds * _TICKS_PER_SECOND):
            await asyncio.sleep(began + tick / _TICKS_PER_SECOND - time.monotonic())
            for _ in range(_EVENTS_PER_SECOND // _TICKS_PER_SECOND):
                await _produce(producer, settings.names, next(coming))
            if tick * _ALARMS_PER_SECOND % _TICKS_PER_SECOND < _ALARMS_PER_SECOND:
                await _alarm(producer, settings.names, latencies, tick)
            if tick == seconds * _TICKS_PER_SECOND * 3 // 4:
                worker.send(signal.SIGUSR1)
    await asyncio.sleep(3)
    reading.cancel()
    return latencies, max(told["stall_ms"] for told in worker.told[begin:])


async def _alarm(
    producer: AIOKafkaProducer, names: TopicNames, latencies: Latencies, number: int
) -> None:
    """A seller's only order gets one star: several alerts at once."""
    seller = f"alarm-{number:05d}"
    at = (datetime.now(UTC) - timedelta(minutes=1)).isoformat()
    about = f'"at":"{at}","seller":"{seller}","marketplace":"demo-de","order":"a-{number}"'
    latencies.produced_at[seller] = time.time()
    for line in (
        f'{{"type":"order_placed","id":"p-{number}",{about}}}',
        f'{{"type":"feedback_left","id":"f-{number}",{about},"feedback":"f","rating":1}}',
        f'{{"type":"order_refunded","id":"r-{number}",{about},"refund":"r"}}',
    ):
        await _produce(producer, names, record(line.encode()))


async def _produce(producer: AIOKafkaProducer, names: TopicNames, one: Record) -> None:
    topic, number = one.where
    await producer.send(names.source(topic), one.value, key=one.key, partition=number)


def lives(numbers: range) -> Iterator[Record]:
    """The events of orders, block by block: of a block first all orders, then all shipments.

    So each order comes back several times, in batches far apart.
    """
    for begin in range(numbers.start, numbers.stop, _BLOCK):
        block = [
            list(life_of(number, _SELLERS))
            for number in range(begin, min(begin + _BLOCK, numbers.stop))
        ]
        for place in range(max(map(len, block))):
            for life in block:
                if place < len(life):
                    yield record(life[place])


def _next_policy(folder: Path) -> Path:
    """The same policy from tomorrow on, with another limit: everything is counted anew."""
    text = DEMO_POLICY.read_text(encoding="utf-8")
    tomorrow = datetime.now(_ZONE).date() + timedelta(days=1)
    text = text.replace('name = "demo"', f'name = "demo-next"\nvalid_from = {tomorrow}', 1)
    path = folder / "demo-next.toml"
    path.write_text(text.replace('limit = "under 1%"', 'limit = "under 0.9%"', 1), encoding="utf-8")
    return path


def _seconds_to_midnight() -> int:
    here = datetime.now(_ZONE)
    midnight = (here + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    return int((midnight - here).total_seconds())


def _recovery_seconds(told: Sequence[Told]) -> float:
    """From the assignment until ready."""
    assigned = next(one["at"] for one in told if one["recovering"] or one["partitions"])
    ready = next(one["at"] for one in told if one["ready"])
    return float(ready - assigned)
