"""The small job in plain Faust: an agent on the four topics, two tables with changelogs.

Tables are keyed by order and by day within a seller's partition, as Faust's guide tells; values
travel raw and are decoded by ours, which is faster than Faust's own records. Tables are kept in
memory, which is faster than in RocksDB, and survive as changelog topics. On uvloop.
"""

import argparse
import asyncio
import tempfile
from typing import Any

import faust
import uvloop

from bench.peers.job import Counts, added_up, change
from bench.peers.told import Stopwatch
from monitor.core.events import SOURCE_TOPICS, decode

_PARTITIONS = 4


def main() -> None:
    """Read so many records and tell."""
    parser = argparse.ArgumentParser()
    parser.add_argument("address")
    parser.add_argument("prefix")
    parser.add_argument("run")
    parser.add_argument("total", type=int)
    asked = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="faust-") as folder,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        runner.run(_run(asked, folder))


async def _run(asked: argparse.Namespace, folder: str) -> None:
    app = faust.App(
        f"{asked.prefix}{asked.run}",
        broker=f"kafka://{asked.address}",
        store="memory://",
        datadir=folder,
        topic_partitions=_PARTITIONS,
        topic_replication_factor=1,
        consumer_auto_offset_reset="earliest",
        web_enabled=False,
        broker_commit_interval=1.0,
    )
    orders = app.Table("orders", default=dict, partitions=_PARTITIONS)
    days = app.Table("days", default=lambda: [0, 0, 0, 0], partitions=_PARTITIONS)
    names = [f"{asked.prefix}{name}" for name in SOURCE_TOPICS]
    source = app.topic(*names, key_serializer="raw", value_serializer="raw")
    watch, finished = Stopwatch(asked.total), asyncio.Event()
    counts: dict[tuple[str, int], Counts] = {}

    @app.agent(source)
    async def count(stream: Any) -> None:
        async for value in stream:
            event = decode(value)
            order = f"{event.seller}/{event.order}"  # type: ignore[union-attr]
            facts = orders[order]
            for day, added in change(facts, event):
                key = f"{event.seller}/{day}"
                days[key] = counts[event.seller, day] = added_up(days[key], added)
            orders[order] = facts
            if watch.tick():
                finished.set()

    await app.start()
    await finished.wait()
    await app.producer.flush()
    watch.tell(counts)
    await app.stop()


if __name__ == "__main__":
    main()
