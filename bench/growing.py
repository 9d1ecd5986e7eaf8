"""An engine with so many orders of so many sellers; prints what one more event costs it."""

import argparse
import gc
import json
import time
from collections.abc import Iterator

from bench.orders import life_of
from monitor.core.engine import Engine
from monitor.core.events import Event, decode
from monitor.core.instants import SECOND
from monitor.core.journal import Journal
from monitor.demo.run import DEMO_POLICY
from monitor.policy import load_policies

_MEASURED_ORDERS = 20_000
_EVENTS_AT_ONCE = 2_000
_EVENTS_A_SECOND = 20_000


def main() -> None:
    """Fill the engine, then measure with orders that come on top."""
    parser = argparse.ArgumentParser()
    parser.add_argument("orders", type=int)
    parser.add_argument("sellers", type=int)
    asked = parser.parse_args()
    gc.set_threshold(50_000, 20, 100)
    now = time.time_ns() // 1000
    journal = Journal()
    engine = Engine(load_policies([DEMO_POLICY]), now, journal)
    filled = asked.orders - _MEASURED_ORDERS // 2
    for chunk in _chunks(0, filled, asked.sellers):
        engine.apply(chunk)
        journal.take(1)
    engine.changed()
    gc.freeze()
    measured = list(_chunks(filled, filled + _MEASURED_ORDERS, asked.sellers))
    began, applied = time.perf_counter(), 0
    for chunk in measured:
        engine.apply(chunk)
        journal.take(1)
        if (applied + len(chunk)) // _EVENTS_A_SECOND > applied // _EVENTS_A_SECOND:
            now += SECOND
            engine.advance(now)
            engine.changed()
        applied += len(chunk)
    seconds = time.perf_counter() - began
    print(json.dumps({"micros_per_event": 1e6 * seconds / applied, "events": applied}))


def _chunks(begin: int, end: int, sellers: int) -> Iterator[list[Event]]:
    chunk: list[Event] = []
    for number in range(begin, end):
        chunk += [decode(line) for line in life_of(number, sellers)]
        if len(chunk) >= _EVENTS_AT_ONCE:
            yield chunk
            chunk = []
    yield chunk


if __name__ == "__main__":
    main()
