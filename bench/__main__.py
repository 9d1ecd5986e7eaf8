"""Runs the benchmarks, one after the other, on a real Kafka node.

python -m bench              all of them; writes results.json and the README's table
python -m bench live scale   these alone; their keys are renewed in results.json
QUICK=1                      in three minutes instead of fifteen
"""

import argparse
import asyncio
import json
import os
import platform
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from bench import comparison, failover, growth, live, replay, scale, scrape
from bench.results import RESULTS, Plan, Results, write
from deploy.kafka.node import KafkaNode

Benchmark = Callable[[str, Plan], Awaitable[Results]]

ALL: dict[str, Benchmark] = {
    "live": live.measure,
    "peers": comparison.measure,
    "replay": replay.measure,
    "growth": growth.measure,
    "scrape": scrape.measure,
    "failover": failover.measure,
    "scale": scale.measure,
}


def main() -> None:
    """Measure, print, and keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*ALL, []], help="default: all")
    names = parser.parse_args().names or list(ALL)
    plan = Plan(quick=os.environ.get("QUICK", "") not in ("", "0"))
    results: Results = {}
    if len(names) < len(ALL) and RESULTS.exists():
        results |= json.loads(RESULTS.read_text(encoding="utf-8"))["results"]
    for name in names:
        began = time.monotonic()
        with (
            tempfile.TemporaryDirectory(prefix="bench-") as folder,
            KafkaNode(Path(folder) / "node", heap_mb=1024) as node,
        ):
            found = asyncio.run(ALL[name](node.address, plan))
        results |= found
        print(f"{name}: {time.monotonic() - began:.0f} s {json.dumps(found)}", flush=True)
    write(results, {"machine": _machine(plan), "quick": plan.quick})


def _machine(plan: Plan) -> str:
    size = " (`QUICK=1`)" if plan.quick else ""
    return (
        f"One run of `make bench`{size}: {os.cpu_count()} cores, Python"
        f" {platform.python_version()}, one Kafka node and all programs on the same machine."
    )


main()
