"""The partitions that a worker owns: assignment, parking, revocation."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from monitor.core.events import SOURCE_TOPICS, SourceTopic
from monitor.core.instants import Instant
from monitor.core.rules import Rulebook
from monitor.errors import ClusterError
from monitor.stream.partition import Partition


@dataclass(slots=True)
class Partitions:
    """The partitions that this worker owns, and those it has just let go of.

    A rebalance revokes all of them and usually gives most of them back at once. What was let
    go is kept until the next assignment: a partition that is in it goes on where it stopped,
    since its state depends on nothing but the events read.
    """

    rulebook: Rulebook
    version: str
    durable: bool = False
    complete_from: Instant | None = None
    owned: dict[int, Partition] = field(default_factory=dict)
    _parked: dict[int, Partition] = field(default_factory=dict)

    async def take(self, number: int) -> Partition | None:
        """The parked engine of a partition number, once nobody works on it any more."""
        parked = self._parked.pop(number, None)
        if parked is not None:
            async with parked.busy:
                return parked
        return None

    def make(self, number: int, count: int, now: Instant) -> Partition:
        """An empty engine of a partition number; not owned yet."""
        version, durable = self.version, self.durable
        made = Partition(number, count, self.rulebook, now, version=version, durable=durable)
        made.engine.cover(self.complete_from)
        return made

    def own(self, partition: Partition) -> None:
        """Own a partition."""
        self.owned[partition.number] = partition

    def forget_parked(self) -> None:
        """Drop the partitions that did not come back with an assignment."""
        self._parked.clear()

    def revoke(self, numbers: Iterable[int]) -> None:
        """Let go of partitions."""
        for number in numbers:
            partition = self.owned.pop(number, None)
            if partition is not None:
                self._parked[number] = partition


def check_complete(assigned: Iterable[tuple[SourceTopic, int]]) -> list[int]:
    """The partition numbers of an assignment, each of which has all four topics.

    Raises:
        ClusterError: one lacks a topic.
    """
    topics_of: dict[int, set[SourceTopic]] = {}
    for topic, number in assigned:
        topics_of.setdefault(number, set()).add(topic)
    for number, topics in sorted(topics_of.items()):
        missing = [topic for topic in SOURCE_TOPICS if topic not in topics]
        if missing:
            raise ClusterError(
                f"partition {number} was assigned without {', '.join(missing)}: was the topic"
                " deleted? All workers of the group must run the same version, and no other"
                " program may join the group"
            )
    return sorted(topics_of)
