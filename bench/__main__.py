"""Runs the benchmarks, one after the other, on a real Kafka node.

python -m bench               all of them, in 15 minutes; writes bench/results.json and the
                              README's table if each has given its figures
python -m bench live scale    these alone; only prints
python -m bench live --keep   also renews their keys in bench/results.json
python -m bench table         measures nothing; renews the README's table
QUICK=1                       all keys in three minutes, with one round and little state: written
                              to build/bench-quick.json, as they are not fit to compare
"""

import argparse
import asyncio
import gc
import os
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import NamedTuple

from bench import comparison, failover, growth, live, replay, results, scale, scrape
from bench.results import KEYS, Plan, Results
from deploy.kafka.node import KafkaNode


class Part(NamedTuple):
    """Some keys that are measured together, and the settings of the Kafka node for them."""

    measure: Callable[[str, Plan], Coroutine[None, None, Results]]
    kafka: Mapping[str, str] = {}


ALL: dict[str, Part] = {
    "live": Part(live.measure, live.KAFKA),
    "peers": Part(comparison.measure),
    "replay": Part(replay.measure),
    "growth": Part(growth.measure),
    "scrape": Part(scrape.measure),
    "failover": Part(failover.measure),
    "scale": Part(scale.measure),
}


def main() -> int:
    """Measure, print, and keep; the exit status is 1 where a part has failed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", choices=[*ALL, "table", []], metavar="NAME")
    parser.add_argument("--keep", action="store_true", help="renew the keys in results.json")
    asked = parser.parse_args()
    if asked.names == ["table"]:
        results.renew_readme()
        return 0
    plan = Plan(quick=os.environ.get("QUICK", "") not in ("", "0"))
    # What is fed are millions of small objects without cycles.
    gc.disable()
    found, failed = _run(asked.names or list(ALL), plan)
    _keep(found, plan, keep=asked.keep)
    for name in failed:
        print(f"FAILED: {name}", flush=True)
    return 1 if failed else 0


def _run(names: list[str], plan: Plan) -> tuple[Results, list[str]]:
    found: Results = {}
    failed = []
    began = time.monotonic()
    for place, name in enumerate(names, 1):
        part = ALL[name]
        print(f"[{place}/{len(names)}] {name} …", flush=True)
        try:
            with (
                tempfile.TemporaryDirectory(prefix="bench-") as folder,
                KafkaNode(Path(folder) / "node", heap_mb=1024, settings=part.kafka) as node,
            ):
                more = asyncio.run(part.measure(node.address, plan))
        except Exception:  # noqa: BLE001 - the others still run; the exit status tells
            traceback.print_exc()
            failed.append(name)
        else:
            found |= more
            for key, spread in more.items():
                print(results.line(key, spread), flush=True)
        gc.collect()
        print(f"    after {time.monotonic() - began:.0f} s", flush=True)
    return found, failed


def _keep(found: Results, plan: Plan, *, keep: bool) -> None:
    machine = results.machine_facts()
    if plan.quick:
        results.save(results.QUICK_RESULTS, results.document(found, machine))
        print(f"{results.QUICK_RESULTS.name}: a quick run, not fit to compare", flush=True)
    elif found.keys() == KEYS.keys():
        results.write(found, machine)
    elif keep:
        results.renew(found, machine)
    else:
        print("results.json is as it was: --keep renews these keys in it", flush=True)


if __name__ == "__main__":
    sys.exit(main())
