"""What is measured, what it should be, and how it is written down."""

import json
import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from bench.spread import Spread

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results.json"
QUICK_RESULTS = HERE.parent / "build" / "bench-quick.json"
README = HERE.parent / "README.md"
BEGIN, END = "<!-- bench -->", "<!-- /bench -->"
MACHINE = "machine"

Results = dict[str, Spread]
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


class Key(NamedTuple):
    """A key of the results: what it is, its unit, and its bound (None: only reported)."""

    what: str
    unit: str
    target: float | None = None
    at_most: bool = False


_RATIO, _RATE = "ratio", "events/s"
KEYS: Mapping[str, Key] = {
    "live_over_ceiling": Key("whole live path ÷ bare loop driving the same engine", _RATIO, 0.6),
    "core_over_client": Key("engine alone, eleven metrics ÷ loop that only decodes", _RATIO, 0.2),
    "live_over_quix": Key("small job: ours ÷ Quix Streams", _RATIO, 2),
    "live_over_bytewax": Key("small job: ours ÷ Bytewax", _RATIO, 1.2),
    "live_over_plain_faust": Key("small job: ours ÷ plain Faust", _RATIO, 20),
    "live_events_per_s": Key("one worker, durable", _RATE),
    "replay_events_per_s": Key("`monitor replay --kafka`", _RATE),
    "replay_scaling_2": Key("two replay processes ÷ one", _RATIO, 1.7),
    "archive_over_jsonl": Key("one seller's events: from the archive ÷ from JSONL", _RATIO, 2),
    "archive_values_over_jsonl": Key("all values, undecoded: archive ÷ JSONL", _RATIO),
    "audit_seconds": Key("`monitor audit` of one alert of a million events", "s", 15, at_most=True),
    "live_scaling_2": Key("two workers ÷ one", _RATIO),
    "latency_p99_ms": Key("produce to alert record, 5,000 events/s", "ms", 1500, at_most=True),
    "stall_ms_max": Key("longest stall of the event loop in that run", "ms", 250, at_most=True),
    "recovery_orders_per_s": Key("restored from the ledger", "orders/s", 70_000),
    "failover_seconds": Key("after kill -9, beyond the session timeout", "s", 5, at_most=True),
    "bytes_per_order": Key("resident memory per order", "bytes", 800, at_most=True),
    "growth_orders": Key("cost per event, ten times the orders", _RATIO, 1.5, at_most=True),
    "growth_sellers": Key("cost per event, 100 times the sellers", _RATIO, 1.5, at_most=True),
    "scrape_seconds": Key("`/metrics` with 100,000 samples", "s", 1, at_most=True),
    "scrape_stall_ms": Key("longest stall of the loop meanwhile", "ms", 100, at_most=True),
    "ledger_bytes_per_event": Key("written to Kafka per event, live", "bytes"),
}


def document(results: Results, machine: Mapping[str, Any]) -> dict[str, Any]:
    """Results as they are written down, in the order of ``KEYS``."""
    return {
        MACHINE: dict(machine),
        **{key: _entry(KEYS[key], results[key]) for key in KEYS if key in results},
    }


def write(results: Results, machine: Mapping[str, Any]) -> None:
    """Write the results of a full run, and renew the README's table."""
    save(RESULTS, document(results, machine))
    renew_readme()


def renew(results: Results, machine: Mapping[str, Any]) -> None:
    """Write some results over those of an earlier run, and renew the README's table."""
    kept = {**load(), **document(results, machine)}
    save(RESULTS, {key: kept[key] for key in (MACHINE, *KEYS) if key in kept})
    renew_readme()


def save(path: Path, kept: Mapping[str, Any]) -> None:
    """Write results as JSON."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(kept, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def load() -> dict[str, Any]:
    """The results that were kept."""
    kept: dict[str, Any] = json.loads(RESULTS.read_text(encoding="utf-8"))
    return kept


def renew_readme() -> None:
    """Put the table of results.json into the README."""
    text = README.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    README.write_text(f"{before}{BEGIN}\n{table(load())}{END}{after}", encoding="utf-8")


def table(kept: Mapping[str, Any]) -> str:
    """Results as a table for the README."""
    lines = ["| key | what | measured | spread | target |", "|---|---|---|---|---|"]
    for name, key in KEYS.items():
        if name in kept:
            found = kept[name]
            spread = (
                ""
                if found["min"] == found["max"]
                else f"{_number(found['min'])} – {_number(found['max'])}"
            )
            measured = f"{_number(found['value'])}{_suffix(found['unit'])}"
            mark = "" if is_met(found) else " **missed**"
            lines.append(
                f"| `{name}` | {key.what} | {measured} | {spread} | {target_text(found)}{mark} |"
            )
    machine = kept[MACHINE]
    about = (
        f"{machine['cores']} cores ({machine['processor']}), {machine['memory_gb']} GB,"
        f" Python {machine['python']}, Kafka {machine['kafka']}: one node and all programs on the"
        " same machine."
    )
    return "\n".join([*lines, "", about, ""])


def line(name: str, spread: Spread) -> str:
    """A result as a line on the screen."""
    found = _entry(KEYS[name], spread)
    between = (
        ""
        if found["min"] == found["max"]
        else f" ({_number(found['min'])} – {_number(found['max'])})"
    )
    verdict = "" if found["target"] is None else " ok" if is_met(found) else " MISSED"
    target = target_text(found)
    return (
        f"{name:24} {_number(found['value']):>10}{_suffix(found['unit'])}{between}"
        f"{'  ' + target if target else ''}{verdict}"
    )


def is_met(found: Mapping[str, Any]) -> bool:
    """Whether a result meets its target; True where it has none."""
    target = found["target"]
    if target is None:
        return True
    value = found["value"]
    return bool(value <= target["at_most"] if "at_most" in target else value >= target["at_least"])


def target_text(found: Mapping[str, Any]) -> str:
    """A target as people write it."""
    target = found["target"]
    if target is None:
        return ""
    ((bound, number),) = target.items()
    return f"{'≤' if bound == 'at_most' else '≥'} {_number(number)}"


def machine_facts() -> dict[str, Any]:
    """What the figures depend on."""
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "cores": os.cpu_count(),
        "processor": _processor(),
        "memory_gb": round(pages / 2**30),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "kafka": _kafka_version(),
    }


def _entry(key: Key, spread: Spread) -> dict[str, Any]:
    target = None if key.target is None else {"at_most" if key.at_most else "at_least": key.target}
    return {
        "value": spread["median"],
        "min": spread["min"],
        "max": spread["max"],
        "unit": key.unit,
        "target": target,
    }


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else f"{value:,}"


def _suffix(unit: str) -> str:
    return "" if unit == _RATIO else f" {unit}"


def _kafka_version() -> str:
    pom = (HERE.parent / "deploy" / "kafka" / "pom.xml").read_text(encoding="utf-8")
    return pom.partition("<kafka.version>")[2].partition("<")[0]


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for text in cpuinfo.read_text(encoding="utf-8").splitlines():
            if text.startswith("model name"):
                return text.partition(":")[2].strip()
    return platform.processor() or platform.machine()
