"""The alerts topic as one receiver's outbox: from where on it is read, and who may let go when."""

import asyncio
import logging

from faust.types import TP

from monitor.stream.delivery.courier import Courier
from monitor.stream.delivery.deliveries_topic import Restored, Rows
from monitor.stream.transport import Consumer

logger = logging.getLogger(__name__)


class Outbox:
    """Opens partitions of the alerts topic for one receiver (transport's ``Delivery``).

    A partition is read on from the offset that the receiver's group has committed, or else from
    its beginning on the deliveries topic: that of the alerts topic when the receiver was first
    configured. Before anything is sent, it is restored what the receiver was told.

    Args:
        topic: the alerts topic.
        courier: delivers what is read.
        rows: where it is remembered what the receiver was told.
        commits: whether offsets are committed; without, all is read at each assignment.
    """

    def __init__(self, topic: str, courier: Courier, rows: Rows, *, commits: bool) -> None:
        self.topics = frozenset({topic})
        self.commits = commits
        self._courier = courier
        self._rows = rows

    async def open(self, consumer: Consumer, assigned: frozenset[TP]) -> None:
        """Restore what the receiver was told, and deliver from where it stopped.

        Raises:
            ClusterError: the deliveries topic cannot be read.
        """
        if not assigned:
            return
        committed = await consumer.seek_to_committed() if self.commits else {}
        earliest = await consumer.earliest_offsets(*assigned)
        ends = await consumer.highwaters(*assigned)
        restored = {tp: await self._rows.read(tp.partition, self._courier.name) for tp in assigned}
        positions = {
            tp: self._position(tp, committed.get(tp), restored[tp], (earliest[tp], ends[tp]))
            for tp in assigned
        }
        try:
            self._courier.own({tp.partition: one.told for tp, one in restored.items()})
            await consumer.deliver(positions)
            # Cancelled first thing when the partitions are revoked: an agent that waits for
            # room would otherwise hold up the whole group until its receiver is back.
            await asyncio.Event().wait()
        finally:
            self._courier.let_go()

    async def drained(self) -> None:
        """Wait until what the receiver was told is remembered; the rest waits on the topic."""
        await self._courier.rest()

    def close(self, revoked: frozenset[TP]) -> None:  # noqa: ARG002 - all are revoked at once
        """Let go of all partitions."""
        self._courier.disown()

    def _position(
        self, tp: TP, committed: int | None, restored: Restored, bounds: tuple[int, int]
    ) -> int:
        earliest, end = bounds
        position = committed if committed is not None and committed >= 0 else restored.start
        if position is None:
            return end
        if position > end:
            logger.warning(
                "%s[%d] ends at offset %d, but receiver %s has read it up to %d: the topic was"
                " made anew, and is read from its beginning",
                *(tp.topic, tp.partition, end, self._courier.name, position),
            )
            return earliest
        if position < earliest:
            logger.error(
                "%s[%d] begins at offset %d, but receiver %s has read it only up to %d: what"
                " was removed in between it was never told (topics.alerts_retention_days)",
                *(tp.topic, tp.partition, earliest, self._courier.name, position),
            )
        return max(position, earliest)
