"""What the whole live path does beside its client, beside its engine alone, and as two.

Keys: live_events_per_s, live_over_ceiling, core_over_client, ledger_bytes_per_event,
live_scaling_2.
"""

import asyncio
import sys
from asyncio.subprocess import PIPE
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass

from bench.events import feed, records
from bench.process import ROOT, Told, WorkerProcess, events_per_second
from bench.results import Plan, Results
from bench.spread import ratios, spread
from monitor.cluster import Cluster
from monitor.demo.run import DEMO_POLICY
from monitor.stream.topics import TopicNames, TopicPlan, prepare_topics

# So that two workers that start together share the partitions from the first assignment on.
KAFKA = {"group.initial.rebalance.delay.ms": "4000"}
_PREFIX = "live-"
_ATTEMPTS_MAX = 3


async def measure(address: str, plan: Plan) -> Results:
    """All of the above, round by round in turn."""
    cluster, names = Cluster((address,)), TopicNames.prefixed(_PREFIX)
    await prepare_topics(cluster, names, TopicPlan(history_days=430), ledger=False)
    fed = records(sellers=plan.pick(100, 30), days=plan.pick(60, 40))
    total = sum((await feed(cluster, names, fed)).values())
    print(f"  {total:,} simulated events are there", flush=True)
    client, engine, ceiling = list[float](), list[float](), list[float]()
    alone, both = list[Run](), list[Run]()
    for turn in range(plan.rounds):
        client.append(await _loop("client", address))
        engine.append(await _loop("engine", address))
        ceiling.append(await _loop("ceiling", address))
        alone.append(await _live(address, f"run-{turn}", total, workers=1))
        both.append(await _shared_live(address, f"two-{turn}", total))
        print(
            f"  events/s: client {client[-1]:,.0f}, engine {engine[-1]:,.0f}, ceiling"
            f" {ceiling[-1]:,.0f}, live {alone[-1].rate:,.0f}, two {both[-1].rate:,.0f}",
            flush=True,
        )
    rates = [run.rate for run in alone]
    return {
        "live_events_per_s": spread(rates),
        "live_over_ceiling": ratios(rates, ceiling),
        "core_over_client": ratios(engine, client),
        "ledger_bytes_per_event": spread([run.ledger_bytes / total for run in alone]),
        "live_scaling_2": ratios([run.rate for run in both], rates),
    }


@dataclass(frozen=True, slots=True)
class Run:
    """One pass over all events."""

    rate: float
    ledger_bytes: int


async def _loop(mode: str, address: str) -> float:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.loops", mode, address, _PREFIX, "--policy", str(DEMO_POLICY),
        cwd=ROOT, stdout=PIPE,
    )  # fmt: skip
    told, _ = await process.communicate()
    return float(told)


async def _shared_live(address: str, run: str, total: int) -> Run:
    """Two workers; once more where one of them came late, and the other had begun with all."""
    for attempt in range(_ATTEMPTS_MAX):
        with suppress(NotSharedError):
            return await _live(address, f"{run}-{attempt}", total, workers=2)
    raise NotSharedError(run)


class NotSharedError(Exception):
    """The partitions were not shared from the beginning."""


async def _live(address: str, run: str, total: int, *, workers: int) -> Run:
    """Have some workers read everything, each its share of the partitions.

    Raises:
        NotSharedError: one began with the share of another.
    """
    started = [WorkerProcess(address, _PREFIX, run, [DEMO_POLICY]) for _ in range(workers)]
    async with AsyncExitStack() as stack:
        for worker in started:
            await stack.enter_async_context(worker)
        for worker in started:
            await worker.until(lambda told: told["ready"])
            await worker.until(lambda told: told["durable_events"] == told["events"])
    told = [worker.told for worker in started]
    if sum(lines[-1]["events"] for lines in told) != total or not all(map(_shared, told)):
        raise NotSharedError(run)
    return Run(events_per_second(*told), sum(lines[-1]["ledger_bytes"] for lines in told))


def _shared(told: list[Told]) -> bool:
    """Whether all that a worker has read was of the partitions that it owns in the end."""
    reading = [one["partitions"] for one in told if one["events"]]
    return all(numbers == reading[-1] for numbers in reading)
