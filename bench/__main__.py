"""Runs the benchmarks, one after the other, on a real Kafka node.

python -m bench               all of them, in 15 minutes; if none fails, bench/results.json and
                              the README's table are written
python -m bench live scale    these alone; they are only printed
python -m bench live --keep   and their keys are renewed in results.json and in the table
python -m bench table         measures nothing; writes the README's table from results.json
QUICK=1                       the same keys in three minutes, by one round on little state: not
                              fit to compare, and therefore written to build/bench-quick.json
"""

import argparse
import gc
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from bench import archive, audit, comparison, failover, growth, live, replay, results, scale, scrape
from bench.results import KEYS, Plan
from bench.suite import Outcome, Part, run_parts
from deploy.kafka.node import KafkaNode

PARTS: Mapping[str, Part] = {
    "live": Part(
        live.measure,
        frozenset(
            {
                "live_events_per_s",
                "live_over_ceiling",
                "core_over_client",
                "ledger_bytes_per_event",
                "live_scaling_2",
            }
        ),
        live.KAFKA,
    ),
    "peers": Part(
        comparison.measure,
        frozenset({"live_over_quix", "live_over_bytewax", "live_over_plain_faust"}),
    ),
    "replay": Part(replay.measure, frozenset({"replay_events_per_s", "replay_scaling_2"})),
    "archive": Part(
        archive.measure, frozenset({"archive_over_jsonl", "archive_values_over_jsonl"})
    ),
    "audit": Part(audit.measure, frozenset({"audit_seconds"})),
    "growth": Part(
        growth.measure, frozenset({"bytes_per_order", "growth_orders", "growth_sellers"})
    ),
    "scrape": Part(scrape.measure, frozenset({"scrape_seconds", "scrape_stall_ms"})),
    "failover": Part(failover.measure, frozenset({"failover_seconds"})),
    "scale": Part(
        scale.measure, frozenset({"latency_p99_ms", "stall_ms_max", "recovery_orders_per_s"})
    ),
}


def main() -> int:
    """Measure, print, and keep; the exit status is 1 where a part has failed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", choices=[*PARTS, "table", []], metavar="NAME")
    parser.add_argument("--keep", action="store_true", help="renew the keys in results.json")
    asked = parser.parse_args()
    if asked.names == ["table"]:
        results.renew_readme()
        return 0
    plan = Plan(quick=os.environ.get("QUICK", "") not in ("", "0"))
    # What is fed are millions of small objects without cycles.
    gc.disable()
    names = asked.names or list(PARTS)
    outcome = run_parts({name: PARTS[name] for name in names}, plan, _kafka)
    print(_kept(outcome, plan, keep=asked.keep), flush=True)
    if outcome.failed:
        print(f"FAILED: {', '.join(outcome.failed)}", flush=True)
    return 1 if outcome.failed else 0


@contextmanager
def _kafka(settings: Mapping[str, str]) -> Iterator[str]:
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
        KafkaNode(Path(folder) / "node", heap_mb=1024, settings=settings) as node,
    ):
        yield node.address


def _kept(outcome: Outcome, plan: Plan, *, keep: bool) -> str:
    """Write what was found where it belongs, and say where that is."""
    machine = results.machine_facts()
    found = outcome.results
    if plan.quick:
        results.save(results.QUICK_RESULTS, results.document(found, machine))
        return f"A quick run, not fit to compare: build/{results.QUICK_RESULTS.name}"
    if found.keys() == KEYS.keys():
        results.write(found, machine)
        return "bench/results.json and the README's table are written."
    if keep:
        results.renew(found, machine)
        return "These keys are renewed in bench/results.json and in the README's table."
    return "bench/results.json is as it was; with --keep these keys were renewed."


if __name__ == "__main__":
    sys.exit(main())
