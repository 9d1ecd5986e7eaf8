"""How fast ``monitor replay --kafka`` is, in one process and in two (``--workers 2``).

Keys: replay_events_per_s, replay_scaling_2. From the start of the command to its end.
"""

import asyncio
import re
import sys
import time
from asyncio.subprocess import PIPE
from datetime import UTC, datetime
from pathlib import Path

from bench.events import feed, records
from bench.process import ROOT
from bench.results import Plan, Results
from bench.spread import ratios, spread
from monitor.cluster import Cluster
from monitor.demo.run import DEMO_POLICY
from monitor.stream.topics import TopicNames, TopicPlan, prepare_topics

_PREFIX = "replay-"
_READ = re.compile(rb"^read (\d+) = ", re.MULTILINE)


async def measure(address: str, plan: Plan) -> Results:
    """Both, in turn; they must print the same."""
    cluster, names = Cluster((address,)), TopicNames.prefixed(_PREFIX)
    await prepare_topics(cluster, names, TopicPlan(history_days=430), ledger=False)
    ends = await feed(cluster, names, records(sellers=plan.pick(100, 40), days=plan.pick(200, 40)))
    print(f"  {sum(ends.values()):,} simulated events are there", flush=True)
    as_of = datetime.now(UTC).isoformat()
    alone, both = list[float](), list[float]()
    place = ("--kafka", address, "--prefix", _PREFIX)
    for _ in range(plan.rounds):
        one, printed = await replayed(*place, "--as-of", as_of)
        two, again = await replayed(*place, "--as-of", as_of, "--workers", "2")
        if printed != again:
            raise AssertionError("two processes print something else than one")
        alone.append(one)
        both.append(two)
        print(f"  events/s: one {one:,.0f}, two {two:,.0f}", flush=True)
    return {"replay_events_per_s": spread(alone), "replay_scaling_2": ratios(both, alone)}


async def replayed(*arguments: str) -> tuple[float, bytes]:
    """Events/s of ``monitor replay``, and what it printed."""
    began = time.monotonic()
    printed, said = await printed_by("replay", *arguments, "--policy", str(DEMO_POLICY))
    seconds = time.monotonic() - began
    read = _READ.search(said)
    if read is None:
        raise RuntimeError(f"monitor replay has no balance: {said.decode()}")
    return int(read[1]) / seconds, printed


async def printed_by(*arguments: str) -> tuple[bytes, bytes]:
    """What a command of the program printed, on both streams, that must end well."""
    program = Path(sys.executable).with_name("monitor")
    process = await asyncio.create_subprocess_exec(
        program, *arguments, cwd=ROOT, stdout=PIPE, stderr=PIPE
    )
    printed, said = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"monitor {arguments[0]} failed: {printed.decode()} {said.decode()}")
    return printed, said
