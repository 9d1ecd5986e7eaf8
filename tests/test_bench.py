"""The benchmarks' own sums, and that what they wrote down is what the README shows."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from bench import results
from bench.__main__ import PARTS
from bench.events import PARTITIONS, records, seller_in
from bench.latency import RECOUNT, Happening, Measured
from bench.orders import life_of, lives, seller_of
from bench.peers.job import change
from bench.piped import ROUNDS
from bench.process import events_per_second
from bench.results import KEYS, MACHINE, Plan, Results
from bench.spread import ratios, single, spread
from bench.suite import Part, run_parts
from monitor.core.engine import Engine
from monitor.core.events import decode
from monitor.core.instants import DAY, instant_of
from monitor.policy import load_policies
from monitor.stream.intake import partition_of

SMALL = results.HERE / "peers" / "small.toml"
TARGETS: Mapping[str, dict[str, float] | None] = {
    "live_over_ceiling": {"at_least": 0.6},
    "core_over_client": {"at_least": 0.2},
    "live_over_quix": {"at_least": 2},
    "live_over_bytewax": {"at_least": 1.2},
    "live_over_plain_faust": {"at_least": 20},
    "live_events_per_s": None,
    "replay_events_per_s": None,
    "replay_scaling_2": {"at_least": 1.7},
    "archive_over_jsonl": {"at_least": 2},
    "archive_values_over_jsonl": None,
    "audit_seconds": {"at_most": 15},
    "live_scaling_2": None,
    "latency_p99_ms": {"at_most": 1500},
    "stall_ms_max": {"at_most": 250},
    "recovery_orders_per_s": {"at_least": 70_000},
    "failover_seconds": {"at_most": 5},
    "bytes_per_order": {"at_most": 800},
    "growth_orders": {"at_most": 1.5},
    "growth_sellers": {"at_most": 1.5},
    "scrape_seconds": {"at_most": 1},
    "scrape_stall_ms": {"at_most": 100},
    "ledger_bytes_per_event": None,
}
"""What was promised; None: only to be reported."""


def test_every_result_is_there_with_its_spread_its_unit_and_the_promised_target() -> None:
    kept = results.load()
    assert list(kept) == [MACHINE, *KEYS]
    for key, target in TARGETS.items():
        found = kept[key]
        assert set(found) == {"value", "min", "max", "unit", "target"}, key
        assert found["min"] <= found["value"] <= found["max"], key
        assert found["unit"], key
        assert found["target"] == target, key


def test_the_machine_is_described_once() -> None:
    facts = results.load()[MACHINE]
    assert set(facts) == set(results.machine_facts())
    assert facts["cores"] >= 1
    assert facts["kafka"]


def test_the_readme_shows_the_results_that_were_kept() -> None:
    text = results.README.read_text(encoding="utf-8")
    _, _, rest = text.partition(results.BEGIN)
    shown, found, _ = rest.partition(results.END)
    assert found
    assert shown.strip() == results.table(results.load()).strip()


def test_the_promised_targets_are_those_that_are_measured_against() -> None:
    written = results.document({key: single(1) for key in KEYS}, {})
    assert {key: written[key]["target"] for key in KEYS} == TARGETS


def test_every_key_is_measured_by_exactly_one_part() -> None:
    assert Counter(key for part in PARTS.values() for key in part.keys) == Counter(list(KEYS))


def test_the_readme_is_renewed_between_its_marks_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results, "README", tmp_path / "README.md")
    monkeypatch.setattr(results, "RESULTS", tmp_path / "results.json")
    results.README.write_text(f"a\n{results.BEGIN}\nold\n{results.END}\nz\n", encoding="utf-8")
    results.write({"failover_seconds": spread([1.5, 2.5, 9], 1)}, _MACHINE)
    results.renew({"bytes_per_order": single(900)}, _MACHINE)
    results.renew_readme()
    lines = results.README.read_text(encoding="utf-8").splitlines()
    assert lines[0] == "a"
    assert lines[-1] == "z"
    assert "old" not in lines
    (failover,) = (line for line in lines if "failover_seconds" in line)
    assert failover.endswith("| 2.5 s | 1.5 – 9 | ≤ 5 |")
    (size,) = (line for line in lines if "bytes_per_order" in line)
    assert size.endswith("| 900 bytes |  | ≤ 800 **missed** |")


@pytest.mark.parametrize(
    ("key", "value", "met"),
    [
        ("live_over_quix", 2, True),
        ("live_over_quix", 1.99, False),
        ("stall_ms_max", 250, True),
        ("stall_ms_max", 251, False),
        ("live_events_per_s", 1, True),
    ],
)
def test_a_target_is_met_from_its_own_value_on(key: str, value: float, *, met: bool) -> None:
    assert results.is_met(results.document({key: single(value, 2)}, {})[key]) is met
    assert ("MISSED" in results.line(key, single(value, 2))) is not met


def test_ratios_are_taken_round_by_round() -> None:
    assert ratios([10, 30, 30], [10, 10, 20]) == {"median": 1.5, "min": 1.0, "max": 3.0}


def test_a_part_that_fails_names_itself_and_the_others_still_run(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def fine(address: str, plan: Plan) -> Results:
        return {"failover_seconds": single(1), "seen": {"rounds": float(plan.rounds)}}

    async def broken(address: str, plan: Plan) -> Results:
        raise RuntimeError("the broker has gone")

    async def forgetful(address: str, plan: Plan) -> Results:
        return {}

    @contextmanager
    def kafka(settings: Mapping[str, str]) -> Iterator[str]:
        yield "nowhere:9092"

    async def healthy(address: str, plan: Plan) -> Results:
        return {"failover_seconds": single(1)}

    keys = frozenset({"failover_seconds"})
    parts = {
        "first": Part(broken, keys),
        "second": Part(forgetful, keys),
        "third": Part(fine, keys),
        "fourth": Part(healthy, keys),
    }
    outcome = run_parts(parts, Plan(quick=True), kafka)
    assert outcome.failed == ["first", "second", "third"]
    assert outcome.results == {"failover_seconds": single(1)}
    said, complained = capsys.readouterr()
    assert "FAILED: first" in said
    assert "[4/4] fourth …" in said
    assert "the broker has gone" in complained
    assert "keys that it should measure: failover_seconds" in complained


def test_the_rate_of_two_workers_runs_from_the_first_event_until_the_slower_one_is_durable() -> (
    None
):
    def told(at: float, events: int, durable: int) -> dict[str, Any]:
        return {"at": at, "events": events, "durable_events": durable}

    fast = [told(0, 0, 0), told(1, 100, 0), told(2, 500, 400), told(3, 500, 500)]
    slow = [told(0, 0, 0), told(2, 100, 0), told(6, 500, 400), told(11, 500, 500)]
    assert events_per_second(fast) == 200
    assert events_per_second(fast, slow) == 80


def test_simulated_events_are_spread_evenly_over_the_partitions() -> None:
    fed = records(sellers=40, days=6)
    sizes = Counter(one.where[1] for one in fed)
    assert len(sizes) == PARTITIONS
    assert max(sizes.values()) < 1.1 * min(sizes.values())
    assert {partition_of(one.key, PARTITIONS) - one.where[1] for one in fed} == {0}
    assert {decode(one.value).seller.encode() for one in fed} == {one.key for one in fed}


def test_a_seller_name_is_made_for_a_partition() -> None:
    for partition in range(PARTITIONS):
        assert partition_of(seller_in(partition, "shop").encode(), PARTITIONS) == partition


def test_orders_come_in_the_mix_that_their_memory_is_measured_with() -> None:
    seen = Counter(line.type for number in range(20_000) for line in life_of(number, 300))
    share = {kind: count / 20_000 for kind, count in seen.items()}
    assert share["order_placed"] == 1
    assert 0.97 < share["order_shipped"] < 0.99
    assert share["order_delivered"] == share["order_shipped"]
    assert 0.95 < share["order_scanned"] < share["order_shipped"]
    assert 0.22 < share["feedback_left"] < 0.28
    assert 0.06 < share["message_received"] < 0.1
    assert 0.02 < share["return_requested"] < 0.04
    assert 0.008 < share["claim_opened"] < 0.012


def test_a_block_of_orders_comes_stage_by_stage() -> None:
    fed = [decode(one.value) for one in lives(range(100), 10, block=50)]
    kinds = [type(event).__name__ for event in fed]
    assert kinds[:50] == ["OrderPlaced"] * 50
    assert kinds.count("OrderPlaced") == 100
    assert "OrderPlaced" not in kinds[50 : kinds.index("OrderPlaced", 50)]
    open_ones = list(lives(range(100), 10, is_open=lambda number: number < 30))
    assert len(open_ones) == len(fed) - sum(len(life_of(n, 10)) - 1 for n in range(30))


def test_an_open_order_has_a_day_to_ship_and_nothing_of_it_lies_ahead() -> None:
    for number in range(200):
        placed, *rest = [decode(line.value) for line in life_of(number, 7, is_open=True)]
        now = instant_of(placed.at) + 30 * DAY // 24
        assert all(instant_of(event.at) < now for event in rest)


def test_partitions_are_held_as_a_worker_holds_them() -> None:
    program = (sys.executable, "-m", "bench.holding", "3000", "20")
    done = subprocess.run(  # noqa: S603 - ours
        program, input="\n" * ROUNDS, capture_output=True, text=True, check=True
    )
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert [list(one) for one in told] == [
        ["filling_micros_per_event"],
        *[["micros_per_event"]] * ROUNDS,
        ["bytes_per_order"],
    ]
    assert all(value > 0 for one in told for value in one.values())


def test_the_job_of_the_peers_counts_what_the_engine_counts() -> None:
    sellers, orders = 20, 4_000
    lines = [line for number in range(orders) for line in life_of(number, sellers)]
    events = [decode(line.value) for line in lines if line.type in _SMALL_TYPES]
    now = max(instant_of(event.at) for event in events)
    engine = Engine(load_policies([SMALL]), now)
    engine.apply(events)
    facts: dict[str, dict[str, Any]] = {}
    days: Counter[tuple[str, int, int]] = Counter()
    for event in events:
        known = facts.setdefault(event.order, {})  # type: ignore[union-attr, arg-type]
        for day, added in change(known, event):
            for column, count in enumerate(added):
                days[event.seller, day, column] += count
    today = now // DAY
    for reading in engine.readings():
        column = _COLUMNS[reading.metric]
        assert isinstance(reading.window_days, int)
        inside = range(today - reading.window_days + 1, today + 1)
        numbers = [sum(days[reading.seller, day, at] for day in inside) for at in (column, 0)]
        assert numbers == [reading.numerator, reading.denominator], reading
    assert {seller_of(number, sellers) for number in range(sellers)} == {
        reading.seller for reading in engine.readings()
    }


def test_latency_runs_from_the_cause_to_the_first_record_of_each_alert() -> None:
    produced = {f"s-{number}": float(number) for number in range(100)}
    seen = {f"s-{number}/60": (f"s-{number}", number + 0.5) for number in range(100)}
    seen |= {f"s-{number}/30": (f"s-{number}", number + 0.7) for number in range(100)}
    told = [_told(0, 5.0, []), _told(100, 80.0, [_stall(20.5, 80.0)])]
    measured = Measured(produced, seen, [Happening("midnight", 20.0)], told)
    assert measured.p99_ms == 700
    assert measured.stall_ms_max == 80
    lines = list(measured.lines())
    assert lines[0] == "100 alarms, 200 alerts"
    assert any(line.startswith("midnight: p50") and "of 10 alerts" in line for line in lines)
    assert any("80 ms (30 its own work, 0 gc), midnight: evaluate" in line for line in lines)


def test_what_waits_for_a_recount_is_told_apart() -> None:
    produced = {f"s-{number}": float(number) for number in range(200)}
    seen = {
        f"s-{number}/60": (f"s-{number}", number + (30.0 if number > 150 else 0.5))
        for number in range(200)
    }
    told = [_told(0, 5.0, []), _told(200, 80.0, [])]
    recount = Happening(RECOUNT, 150.0, seconds=600)
    measured = Measured(produced, seen, [recount], told)
    assert measured.p99_ms == 500
    assert any(line.startswith(f"{RECOUNT}: p50 30000") for line in measured.lines())


def test_an_alarm_that_nobody_heard_of_is_no_latency() -> None:
    measured = Measured({"s-1": 0.0, "s-2": 0.0}, {"s-1/60": ("s-1", 1.0)}, [], [])
    with pytest.raises(ValueError, match=r"1 alarms without an alert: \['s-2'\]"):
        measured.took_ms()


_MACHINE = {"cores": 2, "processor": "any", "memory_gb": 8, "python": "3.11", "kafka": "4.1.0"}
_COLUMNS = {"order_defect_rate": 1, "late_shipment_rate": 2, "pre_fulfilment_cancel_rate": 3}
_SMALL_TYPES = frozenset(
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


def _told(at: float, stall_ms: float, stalls: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "at": at,
        "stall_ms": stall_ms,
        "stalls": stalls,
        "cpu_seconds": at / 2,
        "events": int(at),
    }


def _stall(at: float, ms: float) -> dict[str, Any]:
    return {"at": at, "ms": ms, "cpu_ms": 30.0, "gc_ms": 0.0, "where": "evaluate"}
