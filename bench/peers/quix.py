"""The small job in Quix Streams: one stateful step over the four topics, state in RocksDB.

State is keyed by the message key, the seller; within it one entry per order and one per day.
Changelog topics are on, commits every five seconds: the library's defaults. The four topics
are joined by ``concat``, as its documentation tells for co-partitioned topics.
"""

import argparse
import tempfile
from typing import Any

from quixstreams import Application, State

from bench.peers.job import added_up, change
from bench.peers.told import Stopwatch
from monitor.core.events import SOURCE_TOPICS, decode


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

    def count(value: bytes, state: State) -> None:
        event = decode(value)
        order = f"order/{event.order}"  # type: ignore[union-attr]
        facts: dict[str, Any] = state.get(order, {})
        changes = change(facts, event)
        state.set(order, facts)
        for day, added in changes:
            summed = added_up(state.get(f"day/{day}", [0, 0, 0, 0]), added)
            state.set(f"day/{day}", summed)
            counts[event.seller, day] = summed
        watch.tick()

    with tempfile.TemporaryDirectory(prefix="quix-") as folder:
        app = Application(
            asked.address,
            consumer_group=f"{asked.prefix}{asked.run}",
            auto_offset_reset="earliest",
            state_dir=folder,
            loglevel="ERROR",
        )
        topics = [
            app.topic(f"{asked.prefix}{name}", value_deserializer="bytes", key_deserializer="str")
            for name in SOURCE_TOPICS
        ]
        first, *others = [app.dataframe(topic) for topic in topics]
        for other in others:
            first = first.concat(other)
        first.apply(count, stateful=True)
        # Commits at its end.
        app.run(count=asked.total, timeout=60, collect=False)
        watch.tell(counts)


if __name__ == "__main__":
    main()
