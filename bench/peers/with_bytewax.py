"""The small job in Bytewax: one stateful step, recovery on.

Keyed by order, so that an epoch's snapshot writes only the orders that it touched; what an
order changes goes on to a second stateful step, keyed by seller and day.
"""

import argparse
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import bytewax.operators as op
from bytewax.connectors.kafka import operators as kop
from bytewax.dataflow import Dataflow
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.testing import TestingSink, run_main

from bench.peers.job import change
from bench.peers.told import Stopwatch, tell
from monitor.core.events import SOURCE_TOPICS, Event, decode

_EPOCH = timedelta(seconds=10)  # the default of its command line
_BATCH = 5000


def main() -> None:
    """Read so many records and tell."""
    parser = argparse.ArgumentParser()
    parser.add_argument("address")
    parser.add_argument("prefix")
    parser.add_argument("run")
    parser.add_argument("total", type=int)
    asked = parser.parse_args()
    watch = Stopwatch(asked.total)
    counts: dict[tuple[str, int], list[int]] = {}

    def keyed(message: Any) -> tuple[str, Event]:
        event = decode(message.value)
        return event.order, event  # type: ignore[union-attr]

    def note(facts: dict[str, Any] | None, event: Event) -> tuple[dict[str, Any], Any]:
        known = {} if facts is None else facts
        watch.tick()
        return known, [(f"{event.seller}/{day}", added) for day, added in change(known, event)]

    def add(found: list[int] | None, added: list[int]) -> tuple[list[int], list[int]]:
        summed = [one + more for one, more in zip(found or [0, 0, 0, 0], added, strict=True)]
        return summed, summed

    def keep(item: tuple[str, list[int]]) -> tuple[str, list[int]]:
        seller, _, day = item[0].partition("/")
        counts[seller, int(day)] = item[1]
        return item

    flow = Dataflow("small")
    read = kop.input(
        "read", flow, brokers=[asked.address], tail=False, batch_size=_BATCH,
        topics=[f"{asked.prefix}{name}" for name in SOURCE_TOPICS],
    )  # fmt: skip
    by_order = op.map("decode", read.oks, keyed)
    changes = op.stateful_map("orders", by_order, note)
    by_day = op.flat_map("changes", changes, lambda item: item[1])
    summed = op.stateful_map("days", by_day, add)
    kept = op.map("keep", summed, keep)
    last = op.filter("nothing", kept, lambda item: False)  # noqa: ARG005
    op.output("out", last, TestingSink([]))
    with tempfile.TemporaryDirectory(prefix="bytewax-") as folder:
        init_db_dir(Path(folder), 1)
        run_main(flow, epoch_interval=_EPOCH, recovery_config=RecoveryConfig(folder))
    tell(watch.rate, counts)


if __name__ == "__main__":
    main()
