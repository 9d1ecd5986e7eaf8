"""One small job in ours and in what a user might pick instead, over the same topics.

Keys: live_over_quix, live_over_bytewax, live_over_plain_faust.
"""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bench.events import Record, feed
from bench.orders import life_of, record_of, seller_of
from bench.process import ROOT, WorkerProcess, events_per_second
from bench.program import settings_of
from bench.results import Plan, Results
from bench.spread import ratios
from monitor.stream.topics import TopicPlan, prepare_topics

_PREFIX, _SMALL_PREFIX = "peers-", "small-"
_POLICY = Path(__file__).parent / "peers" / "small.toml"
_LINE_BYTES_MAX = 1 << 26
_PATIENCE_SECONDS = 180
_PEERS_PYTHON = ROOT / ".venv-peers" / "bin" / "python"
_SELLERS = 100
_WINDOWS = (60, 30, 7)
_METRICS = ("order_defect_rate", "late_shipment_rate", "pre_fulfilment_cancel_rate")
_TYPES = frozenset(
    {
        "order_placed",
        "order_shipped",
        "order_cancelled",
        "feedback_left",
        "feedback_removed",
        "claim_opened",
        "claim_decided",
    }
)
_DAY_SECONDS = 86_400
# Two evaluations.
_EVALUATED_SECONDS = 2
Numbers = Mapping[tuple[str, str, int], tuple[int, int]]
"""Numerator and denominator by seller, metric and window."""


@dataclass(frozen=True, slots=True)
class Job:
    """What a peer is given, and the numbers that have to come out."""

    prefix: str
    total: int
    numbers: Numbers


async def measure(address: str, plan: Plan) -> Results:
    """Ratios, round by round in turn; every program has to give the same numbers."""
    many = await _fed(address, _PREFIX, plan.pick(120_000, 20_000))
    # Plain Faust is given fewer events: with as many it would take minutes.
    few = await _fed(address, _SMALL_PREFIX, plan.pick(8_000, 2_000))
    print(f"  {many:,} events are there, {few:,} for plain Faust", flush=True)
    _, numbers_of_few = await _ours(address, _SMALL_PREFIX, "few", few)
    ours, quix, bytewax, faust = list[float](), list[float](), list[float](), list[float]()
    for turn in range(plan.rounds):
        run = f"run-{turn}"
        rate, numbers = await _ours(address, _PREFIX, run, many)
        ours.append(rate)
        job = Job(_PREFIX, many, numbers)
        quix.append(await _peer("quix", address, run, job))
        bytewax.append(await _peer("with_bytewax", address, run, job))
        small_job = Job(_SMALL_PREFIX, few, numbers_of_few)
        faust.append(await _peer("plain_faust", address, run, small_job))
        print(
            f"  events/s: ours {ours[-1]:,.0f}, Quix {quix[-1]:,.0f}, Bytewax {bytewax[-1]:,.0f},"
            f" plain Faust {faust[-1]:,.0f}; all with the same numbers",
            flush=True,
        )
    return {
        "live_over_quix": ratios(ours, quix),
        "live_over_bytewax": ratios(ours, bytewax),
        "live_over_plain_faust": ratios(ours, faust),
    }


async def _fed(address: str, prefix: str, orders: int) -> int:
    """Publish the job's events of so many orders; how many events there are."""
    settings = settings_of(address, prefix, "none")
    await prepare_topics(settings.cluster, settings.names, TopicPlan(history_days=430))
    ends = await feed(settings.cluster, settings.names, _records(orders))
    return sum(ends.values())


def _records(orders: int) -> Iterator[Record]:
    for number in range(orders):
        for line in life_of(number, _SELLERS):
            if line.type in _TYPES:
                yield record_of(line, seller_of(number, _SELLERS))


async def _ours(address: str, prefix: str, run: str, total: int) -> tuple[float, Numbers]:
    async with WorkerProcess(address, prefix, run, [_POLICY]) as worker:
        last = await worker.until(lambda told: told["ready"] and told["durable_events"] == total)
        await worker.until(lambda told: told["at"] > last["at"] + _EVALUATED_SECONDS)
    numbers = {(one[0], one[1], one[2]): (one[3], one[4]) for one in worker.readings}
    return events_per_second(worker.told), numbers


async def _peer(program: str, address: str, run: str, job: Job) -> float:
    python = sys.executable if program == "plain_faust" else str(_PEERS_PYTHON)
    process = await asyncio.create_subprocess_exec(
        python, "-W", "ignore", "-m", f"bench.peers.{program}",
        address, job.prefix, f"{run}-{program}", str(job.total),
        cwd=ROOT, stdout=PIPE, limit=_LINE_BYTES_MAX,
    )  # fmt: skip
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            told, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        raise
    if process.returncode:
        raise RuntimeError(f"{program} has ended with status {process.returncode}")
    found = json.loads(told)
    theirs = _summed(found["counts"])
    ours = job.numbers
    if theirs != ours:
        wrong = {key for key in theirs.keys() | ours.keys() if theirs.get(key) != ours.get(key)}
        raise AssertionError(f"{program} and ours differ in {len(wrong)}: {sorted(wrong)[:5]}")
    return float(found["rate"])


def _summed(counts: dict[str, dict[str, list[int]]]) -> Numbers:
    """The windows' numerators and denominators, from what a peer counted by day."""
    today = int(datetime.now(UTC).timestamp() // _DAY_SECONDS)
    found: dict[tuple[str, str, int], tuple[int, int]] = {}
    for seller, days in counts.items():
        for window in _WINDOWS:
            inside = [one for day, one in days.items() if today - window < int(day) <= today]
            orders, *bad = (sum(column) for column in zip(*inside, strict=True)) if inside else (0,)
            if orders:
                for metric, number in zip(_METRICS, bad, strict=True):
                    found[seller, metric, window] = (number, orders)
    return found
