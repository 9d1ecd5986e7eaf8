"""Which partitions this worker owns: what Faust's transport asks and tells of assignments."""

import asyncio
import logging
from collections.abc import Mapping

from faust.types import TP

from monitor.core.events import SOURCE_TOPICS, SourceTopic
from monitor.core.instants import SECOND
from monitor.stream.clock import Clock, whole_second
from monitor.stream.partitions import Partitions, check_complete
from monitor.stream.transport import Consumer

logger = logging.getLogger(__name__)


class Ownership:
    """Opens partitions that are assigned and parks those that are revoked.

    Args:
        partitions: the engines.
        sources: the source topics by their name on the cluster.
        clock: the present, at which a new engine begins.
    """

    commits = False
    """Whether offsets are committed: not before the ledger holds what was read up to them.
    Until then every assignment reads its partitions from the beginning."""

    def __init__(
        self, partitions: Partitions, sources: Mapping[str, SourceTopic], clock: Clock
    ) -> None:
        self.topics = frozenset(sources)
        self._partitions = partitions
        self._sources = sources
        self._names = {source: name for name, source in sources.items()}
        self._clock = clock
        self._consumer: Consumer | None = None
        self._progress = asyncio.Event()

    async def open(self, consumer: Consumer, assigned: frozenset[TP]) -> None:
        """Make or take up an engine for each partition number, then deliver to it.

        Raises:
            ClusterError: a partition number was assigned without one of its topics.
        """
        self._consumer = consumer
        numbers = check_complete((self._sources[tp.topic], tp.partition) for tp in assigned)
        if not numbers:
            self._partitions.forget_parked()
            return
        earliest = await consumer.earliest_offsets(*assigned)
        ends = await consumer.highwaters(*assigned)
        begin = whole_second(self._clock.now()) + SECOND
        for number in numbers:
            starts = self._partitions.assign(
                number, begin, self._of(earliest, number), self._of(ends, number)
            )
            await consumer.deliver(
                {TP(self._names[topic], number): start for topic, start in starts.items()}
            )
        self._partitions.forget_parked()
        self.progressed()
        logger.info("reading partitions %s of the four topics", ", ".join(map(str, numbers)))

    def close(self, revoked: frozenset[TP]) -> None:
        """Park the engines of these partitions."""
        self._partitions.revoke({tp.partition for tp in revoked})

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

    def _is_applied(self, topic: SourceTopic, number: int, offset: int) -> bool:
        partition = self._partitions.owned.get(number)
        return partition is not None and partition.feeds[topic].position >= offset

    def _of(self, offsets: Mapping[TP, int], number: int) -> dict[SourceTopic, int]:
        return {topic: offsets[TP(self._names[topic], number)] for topic in SOURCE_TOPICS}
