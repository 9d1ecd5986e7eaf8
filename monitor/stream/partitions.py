"""One engine per partition number: assignment, readiness, evaluation, revocation."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from monitor.core.alerts import AlertBook, AlertRecord
from monitor.core.engine import Engine
from monitor.core.events import SOURCE_TOPICS, Event, SourceTopic
from monitor.core.instants import SECOND, Instant, instant_of
from monitor.core.readings import Level, OpenItems, Reading
from monitor.core.rules import Rulebook, WindowDays
from monitor.errors import ClusterError
from monitor.snapshot import PartitionStats

Offsets = Mapping[SourceTopic, int]
_SeriesKey = tuple[str, str, str, WindowDays, str | None]


@dataclass(slots=True)
class Feed:
    """How far one source topic is read within one partition, and what came of it."""

    position: int
    """The next offset that is not applied."""
    ready_at: int
    """The end offset seen at assignment."""
    events: int = 0
    invalid: int = 0
    redundant: int = 0
    late: int = 0
    last_event_at: Instant | None = None


class Partition:
    """The engine of one partition number, fed by that partition of all four topics.

    Args:
        number: the partition number.
        rulebook: the policies.
        now: the instant to begin at.
        version: of the program, named in alerts.
    """

    def __init__(self, number: int, rulebook: Rulebook, now: Instant, version: str) -> None:
        self.number = number
        self.engine = Engine(rulebook, now)
        self.feeds: dict[SourceTopic, Feed] = {}
        self.evaluated_at: Instant | None = None
        self._book = AlertBook(version)
        self._series: dict[_SeriesKey, Reading] = {}
        self._emptied: dict[_SeriesKey, Reading] = {}
        self._was_ready = False

    @property
    def ready(self) -> bool:
        """Whether all four topics are read to the end offsets seen at assignment."""
        return all(feed.position >= feed.ready_at for feed in self.feeds.values())

    @property
    def positions(self) -> dict[SourceTopic, int]:
        """Per topic the next offset that is not applied."""
        return {topic: feed.position for topic, feed in self.feeds.items()}

    def begin(self, starts: Offsets, ends: Offsets) -> None:
        """Read from ``starts``; ready once ``ends`` are reached."""
        for topic in SOURCE_TOPICS:
            feed = self.feeds.setdefault(topic, Feed(0, 0))
            feed.position, feed.ready_at = starts[topic], ends[topic]
        self._was_ready = False

    def can_resume(self, earliest: Offsets, ends: Offsets) -> bool:
        """Whether reading can go on where it stopped: no record in between is gone."""
        return all(
            earliest[topic] <= feed.position <= ends[topic] for topic, feed in self.feeds.items()
        )

    def apply(self, topic: SourceTopic, events: Sequence[Event], read_to: int) -> None:
        """Apply events of a topic, which is read up to but without ``read_to``."""
        applied = self.engine.apply(events)
        feed = self.feeds[topic]
        feed.position = read_to
        feed.redundant += applied.redundant
        feed.late += applied.late
        if events:
            latest = instant_of(max(event.at for event in events))
            if feed.last_event_at is None or latest > feed.last_event_at:
                feed.last_event_at = latest

    def evaluate(self, point: Instant) -> list[AlertRecord]:
        """Decide levels at a point of the grid; records for what changed.

        Afterwards the engine stands at the next point, so that an event of the running
        second need not be held; nothing is decided before that point has come.
        """
        if self.evaluated_at is not None and point <= self.evaluated_at:
            return []
        self.engine.advance(point)
        changed = self._take_changes()
        self.evaluated_at = point
        records: list[AlertRecord] = []
        if self.ready:
            first = not self._was_ready
            moved = [*self._emptied.values(), *self._series.values()] if first else changed
            records = self._book.step(self.engine, moved, self._cut(), caught_up=first)
            self._was_ready = True
            self._emptied.clear()
        self.engine.advance(point + SECOND)
        return records

    def readings(self) -> Iterator[Reading]:
        """All readings of the last evaluation; level unknown while not ready."""
        if self._was_ready:
            yield from self._series.values()
            return
        for reading in self._series.values():
            yield msgspec.structs.replace(reading, level=Level.UNKNOWN)

    def open_items(self) -> list[OpenItems]:
        """The open items now."""
        return self.engine.open_items()

    def stats(self, highwaters: Mapping[SourceTopic, int | None]) -> Iterator[PartitionStats]:
        """Totals and lag per topic, given the known end offsets."""
        for topic, feed in self.feeds.items():
            end = highwaters.get(topic)
            yield PartitionStats(
                topic=topic,
                partition=self.number,
                events=feed.events,
                invalid=feed.invalid,
                redundant=feed.redundant,
                late=feed.late,
                last_event_at=feed.last_event_at,
                lag=max(0, max(end or 0, feed.ready_at) - feed.position),
                ready=self._was_ready,
            )

    def _take_changes(self) -> list[Reading]:
        changed = self.engine.changed()
        for reading in changed:
            key = _key(reading)
            if reading.numerator or reading.denominator:
                self._series[key] = reading
                self._emptied.pop(key, None)
            else:
                self._series.pop(key, None)
                self._emptied[key] = reading
        return changed

    def _cut(self) -> dict[str, tuple[int, int]]:
        return {topic: (self.number, feed.position) for topic, feed in self.feeds.items()}


@dataclass(slots=True)
class Partitions:
    """The partitions that this worker owns, and those it has just let go of.

    A rebalance revokes all of them and usually gives most of them back at once. What was let
    go is kept until the next assignment: a partition that is in it goes on where it stopped,
    since its state depends on nothing but the events read.
    """

    rulebook: Rulebook
    version: str
    owned: dict[int, Partition] = field(default_factory=dict)
    _parked: dict[int, Partition] = field(default_factory=dict)

    def assign(
        self,
        number: int,
        now: Instant,
        earliest: Offsets,
        ends: Offsets,
    ) -> dict[SourceTopic, int]:
        """Own a partition number; per topic the offset to read from."""
        partition = self._parked.pop(number, None)
        if partition is None or not partition.can_resume(earliest, ends):
            partition = Partition(number, self.rulebook, now, self.version)
            starts = dict(earliest)
        else:
            starts = partition.positions
        partition.begin(starts, ends)
        self.owned[number] = partition
        return starts

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
                f"partition {number} was assigned without {', '.join(missing)}: all workers of"
                " the group must run the same version, and no other program may join the group"
            )
    return sorted(topics_of)


def _key(reading: Reading) -> _SeriesKey:
    return (
        reading.seller,
        reading.marketplace,
        reading.metric,
        reading.window_days,
        reading.category,
    )
