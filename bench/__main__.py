"""What the engine costs beside the client: decoding alone against decoding and counting.

Both run over the same simulated events in one process, in turn; medians of several rounds.
"""

import io
import json
import statistics
import time
from pathlib import Path

from monitor.core.engine import Engine
from monitor.core.events import Event, decode
from monitor.core.instants import instant_of
from monitor.core.rules import Rulebook
from monitor.demo.run import DEMO_POLICY
from monitor.demo.wire import SimulationPlan, write_events
from monitor.policy import load_policies

ROUNDS = 5
RESULTS = Path(__file__).parent / "results.json"


def main() -> None:
    """Measure, print, and write ``bench/results.json``."""
    lines = _lines()
    rulebook = load_policies([DEMO_POLICY])
    decoding, counting = [], []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        events = [decode(line) for line in lines]
        decoded = time.perf_counter()
        _count(rulebook, events)
        counted = time.perf_counter()
        decoding.append(len(lines) / (decoded - began))
        counting.append(len(lines) / (counted - decoded))
    results = {
        "events": len(lines),
        "decode_events_per_s": _spread(decoding),
        "engine_events_per_s": _spread(counting),
        "engine_over_decode": _spread(
            [engine / decoder for engine, decoder in zip(counting, decoding, strict=True)], 3
        ),
    }
    RESULTS.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(results, indent=2))


def _lines() -> list[bytes]:
    buffer = io.BytesIO()
    write_events(buffer, SimulationPlan(sellers=60, days=90))
    return buffer.getvalue().splitlines()


def _count(rulebook: Rulebook, events: list[Event]) -> None:
    engine = Engine(rulebook, instant_of(max(event.at for event in events)))
    applied = engine.apply(events)
    assert applied.counted == len(events)


def _spread(figures: list[float], digits: int = 0) -> dict[str, float]:
    return {
        name: round(value, digits)
        for name, value in (
            ("min", min(figures)),
            ("median", statistics.median(figures)),
            ("max", max(figures)),
        )
    }


main()
