"""Decides levels second by second: evaluate, keep, and only then publish."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from aiokafka.errors import KafkaError

from monitor.core.events import SourceTopic
from monitor.core.instants import Instant
from monitor.core.position import Point
from monitor.stream.alerts_topic import AlertsTopic
from monitor.stream.clock import Clock, whole_second
from monitor.stream.consumer_thread import ThreadEnded
from monitor.stream.evaluations_topic import EvaluationsTopic
from monitor.stream.lateness import Lateness
from monitor.stream.partition import Partition

logger = logging.getLogger(__name__)

Result = TypeVar("Result")

_HELD_UP_SECONDS = 10.0


class Ends(Protocol):
    """Tells where the source topics end."""

    def highwaters(self, number: int) -> Mapping[SourceTopic, int | None]:
        """Where a partition's topics ended when they were last fetched; None: not known."""

    def answers(self, number: int) -> Mapping[SourceTopic, int | None]:
        """Of each topic when its last fetch was answered; None: not yet."""

    async def ends(self, number: int) -> Mapping[SourceTopic, int]:
        """Where they end now."""


@dataclass(slots=True)
class _Decided:
    """What one partition has to publish after a point, once its write is safe."""

    point: Point | None = None
    values: list[bytes] = field(default_factory=list)
    number: int = 0
    write: "asyncio.Future[bool] | None" = None
    is_left_over: bool = False
    """Whether an earlier owner decided it; the point itself is still to be decided."""

    async def is_safe(self) -> bool:
        # Whoever is cancelled while waiting must not cancel the write itself.
        return self.write is None or await asyncio.shield(self.write)


class Evaluation:
    """The evaluation points of a worker (contract, alerts.md).

    A partition that has fallen behind decides nothing, and its levels are unknown, until it is
    read to where its topics ended when that was found out.

    Args:
        owned: the partitions by their number.
        clock: tells when a point has come.
        ends: tells where the topics end.
    """

    def __init__(self, owned: Mapping[int, Partition], clock: Clock, ends: Ends) -> None:
        self._owned = owned
        self._clock = clock
        self._ends = ends
        self._lateness: dict[int, Lateness] = defaultdict(Lateness)
        self._moved = asyncio.Condition()
        self.at = whole_second(clock.now())
        """The last point."""

    async def reached(self, at: Instant) -> None:
        """Wait until a point at or after ``at`` is decided and published."""
        async with self._moved:
            await self._moved.wait_for(lambda: self.at >= whole_second(at))

    async def run(self, journal: EvaluationsTopic, alerts: AlertsTopic) -> None:
        """Evaluate all partitions at each point, until cancelled."""
        point, loop = self.at, asyncio.get_running_loop()
        while True:
            point = await self._clock.next_point(point)
            began_seconds = loop.time()
            await self._evaluate(point, journal, alerts)
            if loop.time() - began_seconds > _HELD_UP_SECONDS:
                await self._catch_up()
            async with self._moved:
                self.at = point
                self._moved.notify_all()

    async def _evaluate(
        self, point: Instant, journal: EvaluationsTopic, alerts: AlertsTopic
    ) -> None:
        partitions = list(self._owned.values())
        while partitions:
            partitions = await self._publish(partitions, point, journal, alerts)

    async def _publish(
        self,
        partitions: Sequence[Partition],
        point: Instant,
        journal: EvaluationsTopic,
        alerts: AlertsTopic,
    ) -> list[Partition]:
        """Decide, and publish what is safe; the partitions of which that was left over."""
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
        return [partition for partition, decision in safe if decision.is_left_over]

    async def _catch_up(self) -> None:
        """After a time in which nothing could be published, read first what came meanwhile."""
        for number, partition in list(self._owned.items()):
            try:
                ends = await self._ends.ends(number)
            except (KafkaError, ThreadEnded, OSError) as error:
                logger.warning("where partition %d ends is not known: %s", number, error)
                ends = {}
            partition.fall_behind({**self._ends.highwaters(number), **ends})

    def _look(self, partition: Partition) -> None:
        """Find out whether a partition has fallen behind."""
        ends = self._ends.highwaters(partition.number)
        now_seconds = asyncio.get_running_loop().time()
        lateness = self._lateness[partition.number]
        if lateness.is_late(partition.positions, ends, now_seconds) and partition.ready:
            logger.warning(
                "partition %d has fallen behind: its levels are unknown until it has caught up",
                partition.number,
            )
            partition.fall_behind(ends)
        answers = self._ends.answers(partition.number)
        silent = lateness.silent(partition.positions, ends, answers, now_seconds)
        if bool(silent) != partition.blind:
            if silent:
                logger.warning(
                    "the broker tells nothing of partition %d of %s: its levels are unknown",
                    *(partition.number, ", ".join(silent)),
                )
            partition.blind = bool(silent)
            # What it tells now it may not have told before: that is read first.
            partition.fall_behind(ends)

    async def _decide(self, partition: Partition, point: Instant) -> _Decided:
        async with partition.busy:
            # What a former owner decides once more would hide its last published decision.
            if self._owned.get(partition.number) is not partition or partition.superseded:
                return _Decided()
            self._look(partition)
            # The ledger keeps the last record of each alert: before an alert changes again,
            # the record that an earlier owner left behind has to be out.
            # The same goes for its last point.
            values, journaled = partition.unpublished(), partition.unjournaled()
            is_left_over = bool(values) or journaled is not None
            if not is_left_over:
                records = await in_slices(partition.evaluating(point))
                values = [record.encode() for record in records]
                journaled = partition.unjournaled()
            number = partition.decided if partition.ready else partition.published
            return _Decided(journaled, values, number, await partition.save(), is_left_over)


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
