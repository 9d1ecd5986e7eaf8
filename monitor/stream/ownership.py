"""Which partitions this worker owns: what Faust's transport asks and tells of assignments."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping

from faust.types import TP

from monitor.core.events import SOURCE_TOPICS, SourceTopic
from monitor.core.instants import SECOND
from monitor.core.position import Offsets
from monitor.errors import LedgerError
from monitor.stream.clock import Clock, whole_second
from monitor.stream.ledger_topic import LedgerTopic
from monitor.stream.partition import Partition
from monitor.stream.partitions import Partitions, check_complete
from monitor.stream.recovery import Recovery
from monitor.stream.transport import Consumer

logger = logging.getLogger(__name__)

_SAID_EVERY_SECONDS = 5.0
_DEFENDED_EVERY_SECONDS = 1.0


class Ownership:
    """Opens partitions that are assigned and parks those that are revoked.

    Args:
        partitions: the engines.
        sources: the source topics by their name on the cluster.
        clock: the present, at which a new engine begins.
    """

    def __init__(
        self, partitions: Partitions, sources: Mapping[str, SourceTopic], clock: Clock
    ) -> None:
        self.topics = frozenset(sources)
        self.joined = False
        """Whether the group has told which partitions are assigned, if any."""
        self.recovering: dict[int, float] = {}
        """Partition numbers that are being restored, and which share of each is."""
        self._partitions = partitions
        self._sources = sources
        self._names = {source: name for name, source in sources.items()}
        self._clock = clock
        self.count = 0
        """How many partition numbers there are; 0 before ``attach``."""
        self._ledger: LedgerTopic | None = None
        self._upstream: Callable[[], Awaitable[None]] = _nothing_upstream
        self._consumer: Consumer | None = None
        self._progress = asyncio.Event()

    def attach(
        self,
        count: int,
        ledger: LedgerTopic | None,
        upstream: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """Tell how many partitions there are, and where their state is kept, if anywhere.

        ``upstream`` waits until all history is on the source topics.
        """
        self.count = count
        self._upstream = upstream or _nothing_upstream
        self._ledger = ledger

    @property
    def commits(self) -> bool:
        """Whether offsets are committed: only where the ledger holds what was read up to them.

        Without one every assignment reads its partitions from the beginning.
        """
        return self._ledger is not None

    async def open(self, consumer: Consumer, assigned: frozenset[TP]) -> None:
        """Make or take up an engine for each partition number, then deliver to it.

        Raises:
            ClusterError: a partition number was assigned without one of its topics.
            LedgerError: the ledger does not fit the program or the source topics.
        """
        self._consumer = consumer
        numbers = check_complete((self._sources[tp.topic], tp.partition) for tp in assigned)
        if not numbers:
            self.joined = True
            self._partitions.forget_parked()
            return
        self.joined, self.recovering = True, dict.fromkeys(numbers, 0.0)
        await self._upstream()
        earliest = await consumer.earliest_offsets(*assigned)
        ends = await consumer.highwaters(*assigned)
        for number in numbers:
            partition = await self._taken(
                number, consumer.generation, self._of(earliest, number), self._of(ends, number)
            )
            self._partitions.own(partition)
            await consumer.deliver(
                {TP(self._names[topic], number): at for topic, at in partition.positions.items()}
            )
            del self.recovering[number]
        self._partitions.forget_parked()
        self.progressed()
        logger.info("reading partitions %s of the four topics", ", ".join(map(str, numbers)))
        await self._defend(consumer, numbers)

    def close(self, revoked: frozenset[TP]) -> None:
        """Park the engines of these partitions."""
        self.joined, self.recovering = False, {}
        self._partitions.revoke({tp.partition for tp in revoked})

    async def drained(self) -> None:
        """Wait until all that was applied is in the ledger."""
        for partition in list(self._partitions.owned.values()):
            async with partition.busy:
                await partition.save()
                await partition.settled()

    async def applied(self, offsets: Mapping[tuple[SourceTopic, int], int]) -> None:
        """Wait until all before these offsets is applied by this worker."""
        while not all(self._is_applied(*where, offset) for where, offset in offsets.items()):
            self._progress.clear()
            await self._progress.wait()

    def progressed(self) -> None:
        """Tell those who wait that a batch is applied."""
        self._progress.set()

    def highwaters(self, number: int) -> dict[SourceTopic, int | None]:
        """The end offsets last seen of a partition of the four topics."""
        if self._consumer is None:
            return {}
        consumer = self._consumer
        return {
            topic: consumer.highwater_seen(TP(self._names[topic], number))
            for topic in SOURCE_TOPICS
        }

    def answers(self, number: int) -> dict[SourceTopic, int | None]:
        """When the broker last answered a fetch of a partition of the four topics, in ms."""
        if self._consumer is None:
            return {}
        consumer = self._consumer
        return {
            topic: consumer.answered_millis(TP(self._names[topic], number))
            for topic in SOURCE_TOPICS
        }

    async def ends(self, number: int) -> dict[SourceTopic, int]:
        """The end offsets of a partition of the four topics, as the broker tells them now.

        Raises:
            ThreadEnded: the worker stops.
            KafkaError: the broker does not tell.
        """
        if self._consumer is None:
            return {}
        places = [TP(self._names[topic], number) for topic in SOURCE_TOPICS]
        return self._of(await self._consumer.highwaters(*places), number)

    async def _taken(
        self, number: int, generation: int, earliest: Offsets, ends: Offsets
    ) -> Partition:
        """The engine of a partition number, at the offsets from which to read on."""
        begin = whole_second(self._clock.now()) + SECOND
        partition = await self._partitions.take(number)
        if partition is not None:
            await partition.settled()
        if self._ledger is None:
            if partition is None or not _lies_within(partition.positions, earliest, ends):
                partition = self._partitions.make(number, self.count, begin)
                partition.begin(earliest, ends)
        else:
            if partition is None or partition.superseded:
                partition = self._partitions.make(number, self.count, begin)
            recovery = Recovery(self._ledger, partition, _Follower(number, self.recovering))
            ahead = await recovery.run(generation, earliest)
            self._check(partition, earliest, ends)
            ends = {topic: max(end, ahead.get(topic, 0)) for topic, end in ends.items()}
        partition.begin(partition.positions, ends)
        return partition

    async def _defend(self, consumer: Consumer, numbers: Iterable[int]) -> None:
        """Watch until somebody else has claimed a partition; then have the group decide anew.

        A worker that was halted amid its recovery may claim what the group has long given
        to another. It hears of that within seconds; this one would wait for ever.
        """
        owned = [self._partitions.owned[number] for number in numbers]
        while not (lost := [one.number for one in owned if one.superseded]):  # noqa: ASYNC110
            await asyncio.sleep(_DEFENDED_EVERY_SECONDS)
        logger.warning(
            "another worker has claimed partitions %s: joining the group again",
            ", ".join(map(str, lost)),
        )
        await consumer.rejoin()

    def _check(self, partition: Partition, earliest: Offsets, ends: Offsets) -> None:
        """Refuse to go on where records are gone that the ledger does not know."""
        for topic, position in partition.positions.items():
            where = f"{self._names[topic]}[{partition.number}]"
            if position < earliest[topic]:
                raise LedgerError(
                    f"{where} begins at offset {earliest[topic]}, but the ledger knows it only"
                    f" up to {position}: its retention removed records that were never applied,"
                    " so every number would be wrong. Restore the topic, or delete the ledger"
                    " topic to count anew from what is left"
                )
            if position > ends[topic]:
                raise LedgerError(
                    f"{where} ends at offset {ends[topic]}, but the ledger knows it up to"
                    f" {position}: the topic was made anew or has lost records. Delete the"
                    " ledger topic to count anew from what is there"
                )

    def _is_applied(self, topic: SourceTopic, number: int, offset: int) -> bool:
        partition = self._partitions.owned.get(number)
        return partition is not None and partition.positions[topic] >= offset

    def _of(self, offsets: Mapping[TP, int], number: int) -> dict[SourceTopic, int]:
        return {topic: offsets[TP(self._names[topic], number)] for topic in SOURCE_TOPICS}


async def _nothing_upstream() -> None:
    """The source topics are fed by others."""


class _Follower:
    """Notes how far a recovery is, and says so where it takes long."""

    def __init__(self, number: int, shares: dict[int, float]) -> None:
        self._number = number
        self._shares = shares
        self._loop = asyncio.get_running_loop()
        self._said_at = self._loop.time()

    def __call__(self, share: float) -> None:
        self._shares[self._number] = share
        if self._loop.time() - self._said_at > _SAID_EVERY_SECONDS:
            self._said_at = self._loop.time()
            logger.info("partition %d: %.0f %% of its ledger restored", self._number, 100 * share)


def _lies_within(positions: Offsets, earliest: Offsets, ends: Offsets) -> bool:
    return all(earliest[topic] <= at <= ends[topic] for topic, at in positions.items())
