"""Adds partitions while everything stands still (docs/adr/0004, docs/operations.md).

The ledger is barred first, then the topics grow, then its records are copied to their new
partitions and removed from the old ones, and only then the positions say the new number.
Whatever it was interrupted at, no worker starts until it was begun again and has finished.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import partial

from aiokafka.errors import KafkaError

from monitor.core.events import SOURCE_TOPICS, SourceTopic
from monitor.core.growth import Growth, aim_of, barred, position_after, released
from monitor.core.instants import Instant
from monitor.core.journal import LedgerRecord
from monitor.core.ledger_keys import growth_key, parse_key, position_key
from monitor.core.records import FORMAT
from monitor.core.rekeying import Holding, Move, moves
from monitor.errors import ClusterError, LedgerError, MonitorError
from monitor.stream.delivery.moving import check_delivered, move_deliveries
from monitor.stream.intake import partition_of
from monitor.stream.ledger_marks import LedgerMarks
from monitor.stream.ledger_topic import LedgerTopic, acknowledged, ledger_topic
from monitor.stream.raw_inputs import rekeying_group
from monitor.stream.recovery import Holdings
from monitor.stream.standstill import Bounds, Standstill, standstill
from monitor.stream.topics import TopicNames
from monitor.stream.worker import WorkerSettings

logger = logging.getLogger(__name__)

_PAUSE_SECONDS = 2.0
_KNOWN_SECONDS = 30.0
_RECORDS_AT_ONCE = 20_000


def repartition(settings: WorkerSettings, partitions: int) -> None:
    """Grow the topics and the ledger of a worker's settings to so many partitions.

    Raises:
        ClusterError: workers are running, or Kafka is not as it must be.
        LedgerError: not everything was applied and published yet.
    """

    async def run() -> None:
        cluster, names, group = settings.cluster, settings.names, settings.membership.group
        async with (
            standstill(cluster, names, (group, rekeying_group(group))) as still,
            ledger_topic(cluster, names.ledger) as ledger,
        ):
            await still.check_idle()
            counts = await still.counts()
            present = counts.get(names.deliveries)
            if present is None:
                await Repartition(still, ledger, names, partitions).run()
                return
            await check_delivered(cluster, names, group, present)
            move = partial(move_deliveries, cluster, names, partitions)
            await Repartition(still, ledger, names, partitions, move).run()

    try:
        asyncio.run(run())
    except (KafkaError, OSError, TimeoutError) as error:
        raise ClusterError(
            f"{settings.cluster.address}: {error or type(error).__name__}"
        ) from error


class Repartition:
    """One run of the procedure, from wherever an earlier one stopped.

    Args:
        still: the cluster.
        ledger: its ledger topic.
        names: what its topics are called.
        partitions: how many there are to be.
        move_deliveries: moves what is remembered of deliveries, as often as it is asked to.
    """

    def __init__(
        self,
        still: Standstill,
        ledger: LedgerTopic,
        names: TopicNames,
        partitions: int,
        move_deliveries: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._still = still
        self._move_deliveries = move_deliveries
        self._ledger = ledger
        self._names = names
        self._partitions = partitions
        self._marks: list[LedgerMarks] = []

    async def run(self) -> None:
        """Do what is left to do.

        Raises:
            ClusterError: workers are running, or Kafka is not as it must be.
            LedgerError: not everything was applied and published yet.
        """
        await self._still.check_idle()
        counts = await self._still.counts()
        await self._read_marks(counts[self._names.ledger])
        self._check_counts(counts)
        if self._is_settled(counts):
            await self._still.grow(counts, self._partitions)
            logger.info("topics and ledger have %d partitions already", self._partitions)
            return
        is_moved = self._is_moved()
        if self._has_grown(counts):
            self._tell_of_unpublished()
            await self._bar()
        else:
            count = counts[self._names.ledger]
            await self._check_finished(count)
            await asyncio.sleep(_PAUSE_SECONDS)
            await self._bar()
            # Whoever wrote or started meanwhile is seen now; who does so later, refuses.
            await self._check_finished(count)
        # Alone, and before the others: while the ledger has more partitions than the sources no
        # worker starts. An added one that is not barred yet would look like a fresh start.
        ledger = self._names.ledger
        await self._still.grow({ledger: counts[ledger]}, self._partitions)
        async with asyncio.timeout(_KNOWN_SECONDS):
            await self._ledger.knows(self._partitions)
        await self._read_marks(self._partitions)
        await self._bar()
        del counts[ledger]
        await self._still.grow(counts, self._partitions)
        if not is_moved:
            await self._move()
        if self._move_deliveries is not None:
            await self._move_deliveries()
        await self._set_positions()
        await self._tell_of_unread()
        logger.info("there are %d partitions now: the workers can start", self._partitions)

    async def _read_marks(self, count: int) -> None:
        for number in range(len(self._marks), count):
            marks = LedgerMarks(self._ledger, number)
            await marks.read()
            self._marks.append(marks)

    def _check_counts(self, counts: Mapping[str, int]) -> None:
        most = max(counts.values())
        if most > self._partitions:
            raise ClusterError(f"there are {most} partitions already; Kafka cannot take any away")
        aims = {aim for marks in self._marks if (aim := aim_of(marks.position)) is not None}
        for aim in aims - {self._partitions}:
            if aim >= most and self._has_grown(counts):
                raise ClusterError(f"this was begun for {aim} partitions: finish that first")

    def _is_settled(self, counts: Mapping[str, int]) -> bool:
        return self._equal_count(counts) == self._partitions and all(
            marks.position is None or self._is_set(marks) for marks in self._marks
        )

    def _has_grown(self, counts: Mapping[str, int]) -> bool:
        """Whether there is no way back: some topic has more partitions than the ledger knows."""
        count = self._equal_count(counts)
        return count is None or any(
            aim <= count
            if (aim := aim_of(marks.position)) is not None
            else marks.position is not None and marks.position.partitions != count
            for marks in self._marks
        )

    def _is_moved(self) -> bool:
        """Whether an earlier run came to setting positions: then all records were moved."""
        left = [marks for marks in self._marks if not self._is_set(marks)]
        return len(left) < len(self._marks) and all(self._is_barred(marks) for marks in left)

    def _equal_count(self, counts: Mapping[str, int]) -> int | None:
        """The one count of the source topics and the ledger."""
        found = {counts[name] for name in (*self._names.sources, self._names.ledger)}
        return found.pop() if len(found) == 1 else None

    def _is_set(self, marks: LedgerMarks) -> bool:
        return marks.position is not None and marks.position.partitions == self._partitions

    def _is_barred(self, marks: LedgerMarks) -> bool:
        return aim_of(marks.position) == self._partitions

    async def _check_finished(self, count: int) -> None:
        """Check that all was applied and published; where it was not, let workers start again."""
        try:
            await self._still.check_idle()
            self._check_drained(await self._still.bounds(count))
            self._check_published()
        except MonitorError:
            for marks in self._marks:
                if aim_of(marks.position) is not None:
                    await marks.write(partial(_releasing, marks, count))
            raise

    def _check_drained(self, bounds: Bounds) -> None:
        for (topic, number), (begin, end) in bounds.items():
            done = _done(self._marks[number], topic, begin)
            if done < end:
                raise LedgerError(
                    f"{topic}[{number}] is applied up to {done} of {end}: stop the"
                    " producers, let the workers finish, and stop them then"
                )

    def _check_published(self) -> None:
        for marks in self._marks:
            if _unpublished(marks):
                raise LedgerError(
                    f"partition {marks.number} has alerts that may not be published yet: start"
                    " the workers once more, and stop them with SIGTERM"
                )

    async def _bar(self) -> None:
        """Bar what is not barred, but not what an earlier run has set already."""
        if self._is_moved():
            return
        # Those with the new number first: where topics were grown by hand, that of a worker that
        # began anew must not look like that of an earlier run.
        for marks in sorted(self._marks, key=self._is_set, reverse=True):
            if not self._is_barred(marks):
                await marks.write(partial(_barring, marks, self._partitions))

    async def _move(self) -> None:
        """Copy, and once all copies are safe, remove."""
        epochs = {marks.number: marks.bar_epoch for marks in self._marks}
        targets = _Targets(self._partitions)
        for marks in self._marks:
            moved = moves(await self._leaving(marks, targets), targets.__getitem__, epochs)
            for begin in range(0, len(moved), _RECORDS_AT_ONCE):
                await self._copy(moved[begin : begin + _RECORDS_AT_ONCE])
            await self._send(marks.number, [(move.key, None) for move in moved])
            logger.info("partition %d: %d records moved", marks.number, len(moved))

    async def _leaving(self, marks: LedgerMarks, targets: "_Targets") -> Holding:
        """What a partition holds of sellers that belong elsewhere."""
        holdings = Holdings()
        begin, end = await self._ledger.reader.bounds(marks.number)
        async for records, _ in self._ledger.reader.read(marks.number, begin, end):
            for record in records:
                seller = parse_key(record.key).seller
                if not seller or targets[seller] != marks.number:
                    holdings.note(record.key, record.value)
        return Holding(marks.number, holdings.values, holdings.superseded, marks.position)

    async def _copy(self, moved: Iterable[Move]) -> None:
        by_target: dict[int, list[LedgerRecord]] = {}
        for move in moved:
            by_target.setdefault(move.target, []).append((move.new_key, move.value))
        for target, records in by_target.items():
            await self._send(target, records)

    async def _send(self, number: int, records: list[LedgerRecord]) -> None:
        if records:
            for sent in await self._ledger.send(number, records):
                await acknowledged(sent)

    async def _set_positions(self) -> None:
        """Say the new number everywhere, under an epoch above that of any record."""
        for marks in self._marks:
            await marks.read()
        positions = [marks.position for marks in self._marks if marks.position is not None]
        evaluated_at = max((one.evaluated_at or 0 for one in positions), default=0) or None
        bounds = await self._still.bounds(self._partitions)
        for marks in self._marks:
            if not self._is_set(marks):
                starts = {topic: bounds[topic, marks.number][0] for topic in SOURCE_TOPICS}
                await marks.write(partial(_setting, marks, self._partitions, starts, evaluated_at))

    def _tell_of_unpublished(self) -> None:
        for marks in self._marks:
            if not self._is_set(marks) and _unpublished(marks):
                logger.warning(
                    "partition %d: its last %d alerts may be missing on topic %s",
                    *(marks.number, _unpublished(marks), self._names.alerts),
                )

    async def _tell_of_unread(self) -> None:
        """Say what came in on the former partitions after the last look at them."""
        for (topic, number), (begin, end) in (await self._still.bounds(self._partitions)).items():
            marks = self._marks[number]
            done = _done(marks, topic, begin)
            if marks.growths and done < end:
                logger.warning(
                    "%s[%d] has records from offset %d to %d that came in while partitions were"
                    " added. Those of sellers that moved will go to the dead letters as"
                    " wrong_partition: send them again from there",
                    *(topic, number, done, end - 1),
                )


class _Targets(dict[str, int]):
    """The partitions of sellers, by number."""

    def __init__(self, partitions: int) -> None:
        self._partitions = partitions

    def __missing__(self, seller: str) -> int:
        target = self[seller] = partition_of(seller.encode(), self._partitions)
        return target


def _barring(marks: LedgerMarks, partitions: int, epoch: int) -> list[LedgerRecord]:
    position = marks.position
    bar: LedgerRecord = (position_key(epoch), barred(position, partitions).encode())
    if position is None or position.partitions < 0 or position.partitions == partitions:
        return [bar]
    ends = {topic: totals.offset for topic, totals in position.done.items()}
    return [(growth_key(epoch), Growth(FORMAT, position.partitions, ends).encode()), bar]


def _releasing(marks: LedgerMarks, partitions: int, epoch: int) -> list[LedgerRecord]:
    gone = [name for name, growth in marks.growths.items() if growth.partitions == partitions]
    was = released(marks.position, partitions)
    if was is None:
        return [(name, None) for name in (*gone, *marks.keys)]
    return [*((name, None) for name in gone), (position_key(epoch), was.encode())]


def _setting(
    marks: LedgerMarks,
    partitions: int,
    starts: Mapping[SourceTopic, int],
    evaluated_at: Instant | None,
    epoch: int,
) -> list[LedgerRecord]:
    position = position_after(marks.position, partitions, starts, evaluated_at)
    return [(position_key(epoch), position.encode())]


def _done(marks: LedgerMarks, topic: SourceTopic, begin: int) -> int:
    """Up to where a topic is applied; where nobody has begun, nothing before ``begin`` is left."""
    position = marks.position
    return position.done[topic].offset if position is not None and position.done else begin


def _unpublished(marks: LedgerMarks) -> int:
    position = marks.position
    return 0 if position is None else max(0, position.number - position.published)
