"""What the whole live path does beside its client and beside its engine alone.

Keys: live_events_per_s, live_over_ceiling, core_over_client, ledger_bytes_per_event,
live_scaling_2.
"""

import asyncio
import sys
from asyncio.subprocess import PIPE
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from bench.events import PARTITIONS, Record, feed, records
from bench.process import ROOT, WorkerProcess, events_per_second
from bench.results import Plan, Results
from bench.spread import ratios, single, spread
from monitor.cluster import Cluster
from monitor.demo.run import DEMO_POLICY
from monitor.stream.topics import TopicNames, TopicPlan, prepare_topics

_PREFIX = "live-"


async def measure(address: str, plan: Plan) -> Results:
    """All of the above, round by round in turn."""
    cluster, names = Cluster((address,)), TopicNames.prefixed(_PREFIX)
    await prepare_topics(cluster, names, TopicPlan(history_days=430), ledger=False)
    total = sum((await feed(cluster, names, _records(plan))).values())
    client, engine, ceiling, runs = [], [], [], list[Run]()
    for turn in range(plan.rounds):
        client.append(await _loop("client", address))
        engine.append(await _loop("engine", address))
        ceiling.append(await _loop("ceiling", address))
        runs.append(await _live(address, f"run-{turn}", total))
    rates = [run.rate for run in runs]
    bytes_written = [run.ledger_bytes / total for run in runs]
    return {
        "live_events_per_s": spread(rates),
        "live_over_ceiling": ratios(rates, ceiling),
        "core_over_client": ratios(engine, client),
        "ledger_bytes_per_event": spread(bytes_written),
        "live_scaling_2": single(await _two(address, plan) / spread(rates)["median"], 2),
    }


@dataclass(frozen=True, slots=True)
class Run:
    """One pass of a worker."""

    rate: float
    ledger_bytes: int


async def _loop(mode: str, address: str) -> float:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.loops", mode, address, _PREFIX, "--policy", str(DEMO_POLICY),
        cwd=ROOT, stdout=PIPE,
    )  # fmt: skip
    told, _ = await process.communicate()
    return float(told)


async def _live(address: str, run: str, total: int) -> Run:
    async with WorkerProcess(address, _PREFIX, run, [DEMO_POLICY]) as worker:
        last = await worker.until(lambda told: told["events"] >= total)
        return Run(events_per_second(worker.told, total), last["ledger_bytes"])


async def _two(address: str, plan: Plan) -> float:
    """Events per second of two workers that share the partitions."""
    prefix = "two-"
    cluster, names = Cluster((address,)), TopicNames.prefixed(prefix)
    await prepare_topics(cluster, names, TopicPlan(history_days=430), ledger=False)
    workers = [WorkerProcess(address, prefix, "run", [DEMO_POLICY]) for _ in range(2)]
    async with workers[0], workers[1]:
        for worker in workers:
            await worker.until(lambda told: len(told["partitions"]) == PARTITIONS // 2)
        fed = list(_records(plan))
        await feed(cluster, names, fed)
        ends = Counter(one.where[1] for one in fed)
        shares = [
            sum(ends[number] for number in worker.told[-1]["partitions"]) for worker in workers
        ]
        for worker, share in zip(workers, shares, strict=True):
            await worker.until(lambda told, share=share: told["events"] >= share)
    begins = [next(one["at"] for one in worker.told if one["events"]) for worker in workers]
    finals = [
        next(one["at"] for one in worker.told if one["events"] >= share)
        for worker, share in zip(workers, shares, strict=True)
    ]
    return float(len(fed) / (max(finals) - min(begins)))


def _records(plan: Plan) -> Iterator[Record]:
    return records(sellers=plan.pick(100, 30), days=plan.pick(60, 40))
