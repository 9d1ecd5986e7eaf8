"""A million orders in one worker: its latency, its stalls, and its recovery.

Keys: latency_p99_ms, stall_ms_max, recovery_orders_per_s.
"""

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from bench.events import feed
from bench.latency import Midnights, steady
from bench.orders import lives
from bench.process import Told, WorkerProcess
from bench.program import settings_of
from bench.results import Plan, Results
from bench.spread import single, spread
from monitor.stream.topics import TopicPlan, prepare_topics

_PREFIX, _RUN = "scale-", "run"
_SELLERS = 300


async def measure(address: str, plan: Plan) -> Results:
    """All of the above, in one run."""
    settings = settings_of(address, _PREFIX, _RUN)
    cluster, names = settings.cluster, settings.names
    await prepare_topics(cluster, names, TopicPlan(history_days=430))
    orders = plan.pick(1_000_000, 60_000)
    seconds = plan.pick(60, 30)
    total = sum((await feed(cluster, names, lives(range(orders), _SELLERS))).values())
    print(f"  {total:,} events of {orders:,} orders are there", flush=True)
    with tempfile.TemporaryDirectory(prefix="bench-scale-") as folder:
        midnights = Midnights(Path(folder))

        def started(*, traced: bool) -> WorkerProcess:
            policies, ahead = midnights.policies, midnights.file
            return WorkerProcess(address, _PREFIX, _RUN, policies, ahead=ahead, traced=traced)

        async with started(traced=True) as worker:
            began = time.monotonic()
            await worker.until(lambda told: told["ready"] and told["events"] >= total)
            print(f"  read in {time.monotonic() - began:.0f} s", flush=True)
            coming = range(orders, orders + seconds * 2_000)
            measured = await steady(worker, settings, midnights, coming, _SELLERS, seconds)
        for line in measured.lines():
            print(f"  {line}", flush=True)
        rates = []
        for _ in range(plan.rounds):
            async with started(traced=False) as worker:
                await worker.until(lambda told: told["ready"])
                rates.append((orders + len(coming)) / _recovery_seconds(worker.told))
    return {
        "latency_p99_ms": single(measured.p99_ms),
        "stall_ms_max": single(measured.stall_ms_max),
        "recovery_orders_per_s": spread(rates),
    }


def _recovery_seconds(told: Sequence[Told]) -> float:
    """From the assignment until ready."""
    assigned = next(one["at"] for one in told if one["recovering"] or one["partitions"])
    ready = next(one["at"] for one in told if one["ready"])
    return float(ready - assigned)
