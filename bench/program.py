"""One worker as a process of its own, which tells how far it is, ten times a second.

Each line on standard output is a JSON object; SIGTERM ends it.
"""

import argparse
import asyncio
import gc
import json
import logging
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from bench.process import resident_bytes
from bench.stalls import LoopWatch
from monitor.cluster import Cluster
from monitor.core.instants import SECOND, Instant
from monitor.core.rules import Rulebook
from monitor.exporter import Bounds, metrics_server
from monitor.policy import load_policies
from monitor.stream.app import Membership
from monitor.stream.clock import SystemClock
from monitor.stream.topics import TopicNames, TopicPlan
from monitor.stream.worker import Worker, WorkerSettings, run

TOLD_EVERY_SECONDS = 0.1
_DURABLE_SECONDS = 0.05
SESSION_SECONDS = 6.0
_BOUNDS = Bounds(series_max=10_000_000)


def main() -> None:
    """Run the worker that the arguments describe."""
    parser = argparse.ArgumentParser()
    parser.add_argument("address")
    parser.add_argument("prefix")
    parser.add_argument("run")
    parser.add_argument("--policy", type=Path, nargs="+", required=True)
    parser.add_argument("--ahead", type=Path, help="holds by how many seconds its clock is fast")
    parser.add_argument("--traced", action="store_true", help="look where its loop stalls")
    asked = parser.parse_args()
    # What its clients say while a node and a group come up is no news.
    logging.basicConfig(level=logging.ERROR)
    settings = settings_of(asked.address, asked.prefix, asked.run)
    clock = FastClock(asked.ahead)
    # Whoever measures decides when all garbage is collected, and when midnight comes.
    signal.signal(signal.SIGUSR1, lambda *_: gc.collect() and None)
    signal.signal(signal.SIGUSR2, lambda *_: clock.look())
    rulebook = load_policies(asked.policy)
    watch = LoopWatch(traced=asked.traced)
    beside = partial(_telling, rulebook=rulebook, watch=watch)
    sys.exit(run(settings, rulebook, clock=clock, beside=beside))


class FastClock(SystemClock):
    """The machine's clock and some more, so that midnight comes when it is wanted."""

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self.look()

    def look(self) -> None:
        """Look up by how much it is fast."""
        seconds = 0 if self._file is None else int(self._file.read_text(encoding="ascii"))
        self._ahead = seconds * SECOND

    def now(self) -> Instant:
        """The instant that it shows."""
        return super().now() + self._ahead


def settings_of(address: str, prefix: str, name: str) -> WorkerSettings:
    """The source topics under a prefix; all that a run writes, and its group, under its name."""
    names = replace(
        TopicNames.prefixed(prefix),
        **{topic: f"{prefix}{name}-{topic}" for topic in ("alerts", "dead_letters", "ledger")},
    )
    membership = Membership(f"{prefix}{name}", session_timeout_seconds=SESSION_SECONDS)
    return WorkerSettings(Cluster((address,)), names, membership, TopicPlan(history_days=430))


@asynccontextmanager
async def _telling(worker: Worker, rulebook: Rulebook, watch: LoopWatch) -> AsyncIterator[None]:
    async with metrics_server(worker, rulebook, port=0, bounds=_BOUNDS) as url:
        durable = _Durable()
        tasks = [
            asyncio.create_task(durable.follow(worker)),
            asyncio.create_task(_tell(worker, url, watch, durable)),
        ]
        yield
        for task in tasks:
            task.cancel()
    readings = [
        (one.seller, one.metric, one.window_days, one.numerator, one.denominator)
        for one in worker.snapshot().readings
    ]
    sys.stdout.write(json.dumps({"readings": readings}) + "\n")


class _Durable:
    """How many events are applied, and what came of them is on the ledger topic."""

    def __init__(self) -> None:
        self.events = 0

    async def follow(self, worker: Worker) -> None:
        """Count again and again, until cancelled."""
        while True:
            events = 0
            # No user of a worker needs to know, so that it has no public name.
            for partition in list(worker._partitions.owned.values()):  # noqa: SLF001
                async with partition.busy:
                    events += sum(feed.totals.events for feed in partition.feeds.values())
                await partition.settled()
            self.events = events
            await asyncio.sleep(_DURABLE_SECONDS)


async def _tell(worker: Worker, metrics_url: str, watch: LoopWatch, durable: _Durable) -> None:
    told = time.monotonic()
    while True:
        await watch.beat()
        if time.monotonic() - told < TOLD_EVERY_SECONDS:
            continue
        told = time.monotonic()
        stats = worker.stats()
        stall_ms, stalls = watch.take()
        line = {
            "at": time.time(),
            "events": sum(one.events for one in stats),
            "durable_events": durable.events,
            "partitions": sorted({one.partition for one in stats}),
            "recovering": worker.recovering,
            "ready": bool(stats) and all(one.ready for one in stats),
            "metrics_url": metrics_url,
            "stall_ms": stall_ms,
            "stalls": stalls,
            "cpu_seconds": time.process_time(),
            "ledger_bytes": worker.ledger_bytes,
            "resident_bytes": resident_bytes(),
        }
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
