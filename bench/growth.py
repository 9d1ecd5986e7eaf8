"""Whether an event costs more where there is more state.

Keys: growth_orders, growth_sellers.
"""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE

from bench.process import ROOT
from bench.results import Plan, Results
from bench.spread import ratios


async def measure(address: str, plan: Plan) -> Results:  # noqa: ARG001 - needs no Kafka
    """Each as a ratio of processes that ran in turn."""
    base, orders, sellers = [], [], []
    few, many = plan.pick(100_000, 20_000), plan.pick(1_000_000, 200_000)
    for _ in range(plan.rounds):
        base.append(await _micros_per_event(few, 100))
        sellers.append(await _micros_per_event(few, 10_000))
        orders.append(await _micros_per_event(many, 100))
    return {"growth_orders": ratios(orders, base), "growth_sellers": ratios(sellers, base)}


async def _micros_per_event(orders: int, sellers: int) -> float:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.growing", str(orders), str(sellers), cwd=ROOT, stdout=PIPE
    )
    told, _ = await process.communicate()
    return float(json.loads(told)["micros_per_event"])
