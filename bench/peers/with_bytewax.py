"""The small job in Bytewax: batches are decoded whole, one stateful step, recovery on.

Keyed by seller, which was faster here than by order with a second step by day: whole batches
come to few keys. Snapshots are written every ten seconds, its default, and at the end.
"""

import argparse
import tempfile
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

import bytewax.operators as op
import msgspec
from bytewax.connectors.kafka import operators as kop
from bytewax.dataflow import Dataflow
from bytewax.operators import StatefulBatchLogic
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.run import cli_main
from bytewax.testing import TestingSink

from bench.peers.job import Counts, Facts, added_up, change
from bench.peers.told import Stopwatch
from monitor.core.events import SOURCE_TOPICS, Event, decode

_EPOCH = timedelta(seconds=10)
_BATCH = 5000
_State = tuple[dict[str, Facts], dict[int, Counts]]
"""A seller's orders by their id, and counts by day."""

_restored = msgspec.msgpack.Decoder(_State).decode


def main() -> None:
    """Read so many records and tell."""
    parser = argparse.ArgumentParser()
    parser.add_argument("address")
    parser.add_argument("prefix")
    parser.add_argument("run")
    parser.add_argument("total", type=int)
    asked = parser.parse_args()
    watch = Stopwatch(asked.total)
    counts: dict[tuple[str, int], Counts] = {}

    def decoded(messages: list[Any]) -> list[tuple[str, Event]]:
        events = [decode(message.value) for message in messages]
        return [(event.seller, event) for event in events]

    class Seller(StatefulBatchLogic):
        def __init__(self, snapshot: bytes | None) -> None:
            self._orders, self._days = ({}, {}) if snapshot is None else _restored(snapshot)

        def on_batch(self, events: list[Event]) -> tuple[Iterable[Any], bool]:
            orders, days = self._orders, self._days
            for event in events:
                order: str = event.order  # type: ignore[union-attr, assignment]
                facts = orders.get(order)
                if facts is None:
                    facts = orders[order] = {}
                for day, added in change(facts, event):
                    found = days.get(day)
                    summed = added if found is None else added_up(found, added)
                    days[day] = counts[event.seller, day] = summed
            watch.tick(len(events))
            return (), StatefulBatchLogic.RETAIN

        def snapshot(self) -> bytes:
            # Has to be a copy; this is the fastest, and small.
            return msgspec.msgpack.encode((self._orders, self._days))

    flow = Dataflow("small")
    read = kop.input(
        "read", flow, brokers=[asked.address], tail=False, batch_size=_BATCH,
        topics=[f"{asked.prefix}{name}" for name in SOURCE_TOPICS],
    )  # fmt: skip
    by_seller = op.flat_map_batch("decode", read.oks, decoded)
    op.output("out", op.stateful_batch("sellers", by_seller, Seller), TestingSink([]))
    with tempfile.TemporaryDirectory(prefix="bytewax-") as folder:
        init_db_dir(Path(folder), 1)
        cli_main(flow, epoch_interval=_EPOCH, recovery_config=RecoveryConfig(folder))
        watch.tell(counts)


if __name__ == "__main__":
    main()
