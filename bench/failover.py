"""How soon the other worker has taken over what a killed one owned.

Key: failover_seconds.
"""

import signal
import time

from bench.events import PARTITIONS, feed
from bench.orders import lives
from bench.process import WorkerProcess
from bench.program import SESSION_SECONDS, settings_of
from bench.results import Plan, Results
from bench.spread import spread
from monitor.demo.run import DEMO_POLICY
from monitor.stream.topics import TopicPlan, prepare_topics

_SELLERS = 300


async def measure(address: str, plan: Plan) -> Results:
    """Seconds beyond the session timeout, until all partitions are live at the survivor."""
    return {
        "failover_seconds": spread(
            [await _seconds(address, f"failover-{turn}-", plan) for turn in range(plan.rounds)], 1
        )
    }


async def _seconds(address: str, prefix: str, plan: Plan) -> float:
    settings = settings_of(address, prefix, "run")
    await prepare_topics(settings.cluster, settings.names, TopicPlan(history_days=430))
    await feed(settings.cluster, settings.names, lives(range(plan.pick(200_000, 40_000)), _SELLERS))
    one = WorkerProcess(address, prefix, "run", [DEMO_POLICY])
    other = WorkerProcess(address, prefix, "run", [DEMO_POLICY])
    async with one, other:
        for worker in (one, other):
            await worker.until(
                lambda told: told["ready"] and len(told["partitions"]) == PARTITIONS // 2
            )
        killed_at = time.time()
        await one.end(signal.SIGKILL)
        back = await other.until(
            lambda told: told["ready"] and len(told["partitions"]) == PARTITIONS
        )
    return float(back["at"] - killed_at - SESSION_SECONDS)
