"""What is measured, what it should be, and how it is written down."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from bench.spread import Spread

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results.json"
README = HERE.parent / "README.md"
BEGIN, END = "<!-- bench -->", "<!-- /bench -->"

Results = dict[str, Spread | float]
Choice = TypeVar("Choice")


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured."""

    quick: bool = False

    @property
    def rounds(self) -> int:
        """How often what is compared in turn is run."""
        return 1 if self.quick else 3

    def pick(self, full: Choice, quick: Choice) -> Choice:
        """One of two sizes."""
        return quick if self.quick else full


class Target(NamedTuple):
    """A key of the results: what it is, and its bound (None: only reported)."""

    what: str
    bound: float | None = None
    is_upper: bool = False


TARGETS: Mapping[str, Target] = {
    "live_over_ceiling": Target("whole live path ÷ bare loop driving the same engine", 0.6),
    "core_over_client": Target("engine alone, eleven metrics ÷ loop that only decodes", 0.2),
    "live_over_quix": Target("small job: ours ÷ Quix Streams", 2),
    "live_over_bytewax": Target("small job: ours ÷ Bytewax", 1.2),
    "live_over_plain_faust": Target("small job: ours ÷ plain Faust", 20),
    "live_events_per_s": Target("events/s of one worker, durable"),
    "replay_events_per_s": Target("events/s of `monitor replay --kafka`"),
    "replay_scaling_2": Target("two replay processes ÷ one", 1.7),
    "live_scaling_2": Target("two workers ÷ one"),
    "latency_p99_ms": Target("produce to alert record, 5,000 events/s", 1500, is_upper=True),
    "stall_ms_max": Target("longest stall of the event loop in that run", 250, is_upper=True),
    "recovery_orders_per_s": Target("orders/s restored from the ledger", 70_000),
    "failover_seconds": Target("after kill -9, beyond the session timeout", 5, is_upper=True),
    "bytes_per_order": Target("resident memory per order", 800, is_upper=True),
    "growth_orders": Target("cost per event, 10 times the orders", 1.5, is_upper=True),
    "growth_sellers": Target("cost per event, 100 times the sellers", 1.5, is_upper=True),
    "scrape_seconds": Target("/metrics with 100,000 samples", 1, is_upper=True),
    "scrape_stall_ms": Target("longest stall of the event loop meanwhile", 100, is_upper=True),
    "ledger_bytes_per_event": Target("written to Kafka per event, live"),
}


def write(results: Results, about: Mapping[str, Any]) -> None:
    """Keep results, with what they were measured on, and renew the README's table."""
    kept = {
        "about": dict(about),
        "results": {key: results[key] for key in TARGETS if key in results},
    }
    RESULTS.write_text(json.dumps(kept, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    text = README.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    README.write_text(f"{before}{BEGIN}\n{table()}{END}{after}", encoding="utf-8")


def table() -> str:
    """The results as a table for the README."""
    kept = json.loads(RESULTS.read_text(encoding="utf-8"))
    lines = ["| what | measured | spread | target |", "|---|---|---|---|"]
    for key, found in kept["results"].items():
        target = TARGETS[key]
        middle = found["median"] if isinstance(found, dict) else found
        between = f"{found['min']:,} – {found['max']:,}" if isinstance(found, dict) else ""
        bound = (
            "" if target.bound is None else f"{'≤' if target.is_upper else '≥'} {target.bound:,}"
        )
        lines.append(f"| `{key}` {target.what} | {middle:,} | {between} | {bound} |")
    return "\n".join([*lines, "", kept["about"]["machine"], ""])
