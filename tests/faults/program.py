"""One worker as a process of its own, which dies or halts where it is told to.

`python -m tests.faults.program ORDERS` with the JSON of a `fleet.Orders`. Once a second it
replaces the file that the orders name with its totals and readings, as of its last point.
"""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, cast

import msgspec

from monitor.audit.lines import line_of
from monitor.cluster import Cluster
from monitor.core.events import SourceTopic
from monitor.core.instants import SECOND
from monitor.notify.desk import desk_of
from monitor.notify.grouping import Grouping
from monitor.notify.plan import Addressee, DeliveryPlan
from monitor.notify.reader import TextStyle
from monitor.snapshot import PartitionStats
from monitor.stream import ledger_topic
from monitor.stream.alerts_topic import AlertsTopic
from monitor.stream.app import Membership
from monitor.stream.evaluations_topic import EvaluationsTopic
from monitor.stream.intake import Intake
from monitor.stream.ledger_topic import LedgerTopic, LedgerWriter
from monitor.stream.recovery import Recovery
from monitor.stream.topics import TopicNames
from monitor.stream.worker import Worker, WorkerSettings, run
from tests.faults.fleet import PLAN, Ambush, Orders, Report, Totals, rulebook
from tests.faults.told import FileReceiver

_BATCH_BYTES = 12 << 10

AMBUSHES: dict[str, tuple[type, str, bool]] = {
    # What is to be done once more (before it, or right after it).
    "before_reading_the_ledger": (Recovery, "run", True),
    "before_the_claim": (LedgerWriter, "claim", True),
    "after_the_claim": (LedgerWriter, "claim", False),
    "before_taking_back": (Recovery, "_take_back", True),
    "after_taking_back": (Recovery, "_take_back", False),
    "after_the_dead_letters": (Intake, "_refuse", False),
    "before_the_ledger_has_it": (LedgerTopic, "_send", False),
    "before_the_journal_has_it": (EvaluationsTopic, "write", True),
    "before_publication": (AlertsTopic, "put", True),
    "amid_publication": (AlertsTopic, "put", False),
    "after_publication": (AlertsTopic, "published", False),
}
"""Where a worker can be lain in wait for, by name."""


def lie_in_wait(ambush: Ambush) -> None:
    """Kill or halt this process at the given passage of a place."""
    owner, name, is_before = AMBUSHES[ambush.place]
    method = getattr(owner, name)
    left = ambush.passages

    async def passed(self: object, *arguments: Any) -> Any:
        nonlocal left
        # Publishing nothing, or refusing nothing, is no passage.
        counts = all(arguments) if name in ("put", "_refuse", "write") else True
        left -= counts
        falls = counts and left == 0
        if falls and is_before:
            _fall(ambush)
        result = await method(self, *arguments)
        if falls and not is_before:
            _fall(ambush)
        return result

    setattr(owner, name, passed)


def _fall(ambush: Ambush) -> None:
    Path(ambush.sprung).touch()
    os.kill(os.getpid(), signal.Signals[ambush.signal])


def main(orders: Orders) -> int:
    """Run until SIGTERM; exit status 0."""
    logging.basicConfig(level="INFO", format="%(asctime)s %(levelname)s %(name)s %(message)s")
    # So small that many a write takes several batches, and can be cut short between them.
    ledger_topic._BATCH_BYTES = _BATCH_BYTES
    if orders.ambush is not None:
        lie_in_wait(orders.ambush)
    settings = WorkerSettings(
        Cluster((orders.address,)),
        TopicNames.prefixed(orders.prefix),
        Membership(f"{orders.prefix}group", orders.instance_id, orders.session_timeout_seconds),
        PLAN,
    )
    receiver = FileReceiver(Path(orders.told))
    desk = desk_of(rulebook(), {receiver.name: TextStyle()})
    delivery = DeliveryPlan((Addressee(receiver),), desk, Grouping(wait_seconds=0.2))
    beside = _reporting(Path(orders.report))
    return run(settings, rulebook(), delivery=delivery, beside=beside)


def _reporting(path: Path) -> Callable[[Worker], Any]:
    @asynccontextmanager
    async def reporting(worker: Worker) -> AsyncIterator[None]:
        task = asyncio.create_task(_report(worker, path))
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    return reporting


def _totals(stats: PartitionStats) -> Totals:
    return Totals(
        cast("SourceTopic", stats.topic),
        stats.partition,
        stats.events,
        stats.counted,
        stats.redundant,
        stats.late,
        stats.invalid,
        stats.ready,
    )


async def _report(worker: Worker, path: Path) -> None:
    while True:
        await worker.evaluated(worker.snapshot().as_of + SECOND)
        snapshot = worker.snapshot()
        report = Report(
            as_of=snapshot.as_of,
            partitions=[_totals(one) for one in snapshot.partitions],
            lines=[line_of(reading) for reading in snapshot.readings],
        )
        partial = path.with_suffix(".partial")
        partial.write_bytes(msgspec.json.encode(report))
        partial.replace(path)


if __name__ == "__main__":
    sys.exit(main(msgspec.json.decode(sys.argv[1], type=Orders)))
