"""Decides levels second by second: evaluate, keep, and only then publish."""

import asyncio
import logging
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from monitor.core.instants import Instant
from monitor.core.position import Point
from monitor.stream.alerts_topic import AlertsTopic
from monitor.stream.clock import Clock, whole_second
from monitor.stream.evaluations_topic import EvaluationsTopic
from monitor.stream.partition import Partition

logger = logging.getLogger(__name__)

Result = TypeVar("Result")


@dataclass(slots=True)
class _Decided:
    """What one partition has to publish after a point, once its write is safe."""

    point: Point | None = None
    values: list[bytes] = field(default_factory=list)
    number: int = 0
    write: "asyncio.Future[bool] | None" = None

    async def is_safe(self) -> bool:
        # Whoever is cancelled while waiting must not cancel the write itself.
        return self.write is None or await asyncio.shield(self.write)


class Evaluation:
    """The evaluation points of a worker (contract, alerts.md).

    Args:
        owned: the partitions by their number.
        clock: tells when a point has come.
    """

    def __init__(self, owned: Mapping[int, Partition], clock: Clock) -> None:
        self._owned = owned
        self._clock = clock
        self._moved = asyncio.Condition()
        self.at = whole_second(clock.now())
        """The last point."""

    async def reached(self, at: Instant) -> None:
        """Wait until a point at or after ``at`` is decided and published."""
        async with self._moved:
            await self._moved.wait_for(lambda: self.at >= whole_second(at))

    async def run(self, journal: EvaluationsTopic, alerts: AlertsTopic) -> None:
        """Evaluate all partitions at each point, until cancelled."""
        point = self.at
        while True:
            point = await self._clock.next_point(point)
            await self._evaluate(point, journal, alerts)
            async with self._moved:
                self.at = point
                self._moved.notify_all()

    async def _evaluate(
        self, point: Instant, journal: EvaluationsTopic, alerts: AlertsTopic
    ) -> None:
        partitions = list(self._owned.values())
        safe: list[tuple[Partition, _Decided]] = []
        # All are written before the first one is waited for.
        decided = [(partition, await self._decide(partition, point)) for partition in partitions]
        for partition, decision in decided:
            if await decision.is_safe():
                safe.append((partition, decision))
            elif decision.values:
                logger.warning(
                    "another worker owns partition %d: %d alerts are left to it",
                    *(partition.number, len(decision.values)),
                )
        # No alert without its point, whatever comes in between.
        await journal.write(
            {one.number: decision.point for one, decision in safe if decision.point is not None}
        )
        for _, decision in safe:
            await alerts.put(decision.values)
        await alerts.published()
        for partition, decision in safe:
            partition.published = max(partition.published, decision.number)
            if decision.point is not None:
                partition.journaled_at = max(partition.journaled_at, decision.point.as_of)

    async def _decide(self, partition: Partition, point: Instant) -> _Decided:
        async with partition.busy:
            # What a former owner decides once more would hide its last published decision.
            if self._owned.get(partition.number) is not partition or partition.superseded:
                return _Decided()
            # The ledger keeps the last record of each alert: before an alert changes again,
            # the record that an earlier owner left behind has to be out.
            # The same goes for its last point.
            values, journaled = partition.unpublished(), partition.unjournaled()
            if not values and journaled is None:
                records = await in_slices(partition.evaluating(point))
                values = [record.encode() for record in records]
                journaled = partition.unjournaled()
            number = partition.decided if partition.ready else partition.published
            return _Decided(journaled, values, number, await partition.save())


def at_once(steps: Generator[None, None, Result]) -> Result:
    """Run something that yields every few milliseconds, from beginning to end."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: Result = end.value
            return result


async def in_slices(steps: Generator[None, None, Result]) -> Result:
    """Run something that yields every few milliseconds, between other tasks."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: Result = end.value
            return result
        await asyncio.sleep(0)
