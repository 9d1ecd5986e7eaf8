"""How soon the other worker has taken over what a killed one owned.

Key: failover_seconds.
"""

import signal
import time

from bench.events import PARTITIONS, feed
from bench.orders import lives
from bench.process import Told, WorkerProcess
from bench.program import SESSION_SECONDS, settings_of
from bench.results import Plan, Results
from bench.spread import spread
from monitor.demo.run import DEMO_POLICY
from monitor.stream.topics import TopicPlan, prepare_topics

_PREFIX, _RUN = "failover-", "run"
_SELLERS = 300


async def measure(address: str, plan: Plan) -> Results:
    """Seconds beyond the session timeout, until all partitions are live at the survivor.

    The killed one is replaced, and next time it is the survivor's turn to be killed.
    """
    settings = settings_of(address, _PREFIX, _RUN)
    await prepare_topics(settings.cluster, settings.names, TopicPlan(history_days=430))
    orders = plan.pick(200_000, 20_000)
    total = sum(
        (await feed(settings.cluster, settings.names, lives(range(orders), _SELLERS))).values()
    )
    print(f"  {total:,} events of {orders:,} orders are there", flush=True)
    found = []
    survivor = _worker(address)
    try:
        await survivor.start()
        for _ in range(plan.rounds):
            victim, survivor = survivor, _worker(address)
            await survivor.start()
            for worker in (victim, survivor):
                await worker.until(lambda told: _owns(told, PARTITIONS // 2))
            killed_at = time.time()
            await victim.end(signal.SIGKILL)
            back = await survivor.until(lambda told: _owns(told, PARTITIONS))
            found.append(back["at"] - killed_at - SESSION_SECONDS)
            print(f"  {found[-1]:.1f} s", flush=True)
    finally:
        await survivor.end(signal.SIGTERM)
    return {"failover_seconds": spread(found, 1)}


def _worker(address: str) -> WorkerProcess:
    return WorkerProcess(address, _PREFIX, _RUN, [DEMO_POLICY])


def _owns(told: Told, partitions: int) -> bool:
    return bool(told["ready"]) and len(told["partitions"]) == partitions
