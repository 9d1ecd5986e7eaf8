"""The delivery of one worker as a process of its own, which dies where it is told to.

`python -m tests.faults.delivery_program ORDERS` with the JSON of `delivery.Orders`. Its receiver
appends each item that it is told to a file, and has it on the disk before it says so.
"""

import asyncio
import logging
import os
import signal
import sys
from pathlib import Path
from typing import Any

import msgspec

from monitor.cluster import Cluster
from monitor.notify.grouping import Grouping
from monitor.notify.plan import Addressee, DeliveryPlan, Desk
from monitor.stream.app import Membership
from monitor.stream.clock import SystemClock
from monitor.stream.delivery.courier import Courier
from monitor.stream.delivery.deliveries_topic import DeliveriesTopic
from monitor.stream.delivery.running import Origin, delivering
from monitor.stream.topics import TopicNames
from monitor.stream.transport import Consumer
from tests.faults.delivery import Orders
from tests.faults.fleet import PARTITIONS
from tests.faults.told import FileReceiver
from tests.stream.delivery.fakes import compose, judge, tell_all

# The records are of a day that is long past.
_GROUPING = Grouping(wait_seconds=0.05, late_hours=1e6)

PLACES: dict[str, tuple[type, str, bool]] = {
    # Before it, or right after it.
    "before_the_batch_is_read": (Courier, "take", True),
    "after_the_batch_is_read": (Courier, "take", False),
    "after_records_are_grouped": (Courier, "_tell_group", True),
    "before_it_is_sent": (Courier, "_send", True),
    "after_it_is_sent": (Courier, "_send", False),
    "before_the_row_is_written": (Courier, "_remember", True),
    "amid_the_row": (DeliveriesTopic, "put", True),
    "after_the_row_is_written": (DeliveriesTopic, "put", False),
    "after_it_is_remembered": (Courier, "_remember", False),
    "before_the_commit": (Consumer, "_commit_offsets", True),
    "after_the_commit": (Consumer, "_commit_offsets", False),
}
"""Where a delivery can be lain in wait for, by name."""


def lie_in_wait(place: str, passages: int) -> None:
    """Kill this process at the given passage of a place."""
    owner, name, is_before = PLACES[place]
    method = getattr(owner, name)
    left = passages

    async def passed(self: object, *arguments: Any, **options: Any) -> Any:
        nonlocal left
        left -= 1
        if left == 0 and is_before:
            os.kill(os.getpid(), signal.SIGKILL)
        result = await method(self, *arguments, **options)
        if left == 0 and not is_before:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(owner, name, passed)


async def deliver(orders: Orders) -> None:
    """Deliver until SIGTERM."""
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    names = TopicNames.prefixed(orders.prefix)
    origin = Origin(Cluster((orders.address,)), names.alerts, PARTITIONS, names.deliveries)
    receiver = FileReceiver(Path(orders.told))
    plan = DeliveryPlan((Addressee(receiver),), Desk(judge, tell_all, compose), _GROUPING)
    membership = Membership(f"{orders.prefix}group", orders.instance_id, 3.0)
    async with delivering(origin, membership, plan, SystemClock()) as deliveries:
        running = asyncio.create_task(deliveries.run())
        stopping = asyncio.create_task(stopped.wait())
        done, _ = await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
        for task in (running, stopping):
            task.cancel()
        await asyncio.gather(running, stopping, return_exceptions=True)


def main(orders: Orders) -> int:
    """Run until SIGTERM; exit status 0."""
    logging.basicConfig(level="INFO", format="%(asctime)s %(levelname)s %(name)s %(message)s")
    if orders.place is not None:
        lie_in_wait(orders.place, orders.passages)
    asyncio.run(deliver(orders))
    return 0


if __name__ == "__main__":
    sys.exit(main(msgspec.json.decode(sys.argv[1], type=Orders)))
