"""How fast an audit replays the topics, alone and with its partitions split over two processes.

Keys: replay_events_per_s, replay_scaling_2.
"""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE
from collections.abc import Collection
from typing import Any

from bench.events import PARTITIONS, Where, feed, records
from bench.process import ROOT
from bench.results import Plan, Results
from bench.spread import ratios, spread
from monitor.cluster import Cluster
from monitor.demo.run import DEMO_POLICY
from monitor.stream.topics import TopicNames, TopicPlan, prepare_topics

_PREFIX = "replay-"
# All partitions have about as many events (bench/events.py).
_HALVES = (range(PARTITIONS // 2), range(PARTITIONS // 2, PARTITIONS))


async def measure(address: str, plan: Plan) -> Results:
    """Both, in turn."""
    cluster, names = Cluster((address,)), TopicNames.prefixed(_PREFIX)
    await prepare_topics(cluster, names, TopicPlan(history_days=430), ledger=False)
    ends = await feed(cluster, names, records(sellers=plan.pick(100, 40), days=plan.pick(100, 40)))
    halves = [sum(end for where, end in ends.items() if where[1] in half) for half in _HALVES]
    print(f"  {sum(halves):,} simulated events are there, as {halves}", flush=True)
    alone, both = list[float](), list[float]()
    for _ in range(plan.rounds):
        alone.append(_rate(await _replay(address, ends, range(PARTITIONS))))
        both.append(
            _rate(*await asyncio.gather(*(_replay(address, ends, half) for half in _HALVES)))
        )
        print(f"  events/s: one {alone[-1]:,.0f}, two {both[-1]:,.0f}", flush=True)
    return {"replay_events_per_s": spread(alone), "replay_scaling_2": ratios(both, alone)}


async def _replay(address: str, ends: dict[Where, int], numbers: Collection[int]) -> dict[str, Any]:
    by_topic: dict[str, dict[int, int]] = {
        topic: {} for topic in ("orders", "feedback", "claims", "messages")
    }
    for (topic, number), end in ends.items():
        if number in numbers:
            by_topic[topic][number] = end
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.replaying", address, _PREFIX,
        "--ends", json.dumps(by_topic), "--policy", str(DEMO_POLICY), cwd=ROOT, stdout=PIPE,
    )  # fmt: skip
    told, _ = await process.communicate()
    found: dict[str, Any] = json.loads(told)
    return found


def _rate(*told: dict[str, Any]) -> float:
    """Events/s of processes side by side: from when the first began until the last was done."""
    seconds = max(one["ended_at"] for one in told) - min(one["began_at"] for one in told)
    return float(sum(one["events"] for one in told) / seconds)
