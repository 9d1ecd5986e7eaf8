"""The source topics of an archive, replayed like those of a cluster."""

from collections.abc import Collection, Iterator, Mapping
from functools import cached_property
from math import gcd
from pathlib import Path

from monitor.audit.archive_files import ArchivedTopic, open_topic
from monitor.audit.archive_format import FileReader, Rows
from monitor.audit.archive_log import read_rows
from monitor.audit.paths import numbers_of
from monitor.audit.placing import check_placed
from monitor.audit.spans import (
    Found,
    Kept,
    Offsets,
    Since,
    Until,
    Where,
    given_ends,
    scope_of,
    spans_of,
)
from monitor.core.events import SOURCE_TOPICS, Event, SourceTopic
from monitor.core.instants import Instant
from monitor.errors import UnreadableSource

_MILLISECOND = 1000


class ArchiveSource:
    """The records of the four source topics in an archive.

    Args:
        archive: its folder.
        until: where to stop.
        earlier_partitions: how many partitions the topics once had, each number.
        since: where to begin.
    """

    unit = "records"

    def __init__(
        self,
        archive: Path,
        until: Until | None = None,
        earlier_partitions: Collection[int] = (),
        since: Since | None = None,
    ) -> None:
        self._archive = archive
        self._until = until or Until()
        self._earlier_partitions = tuple(earlier_partitions)
        self._since = since or Since()
        self._found: Found | None = None
        self._key: bytes | None = None

    @property
    def scope(self) -> dict[str, str]:
        """What it is of, for people; the same as of the topics on their cluster."""
        topics = self._names.values()
        return scope_of(topics, self._earlier_partitions, self._since, self._until)

    @property
    def total(self) -> int:
        """Offsets to read.

        Raises:
            UnreadableSource: as ``find``.
        """
        return self.find().weight

    def find(self) -> Found:
        """What there is to read, as of when it was asked first.

        Raises:
            UnreadableSource: the archive lacks a topic or a part of the range, ends before an
                offset that was asked for, or its topics have unequal partition counts.
        """
        if self._found is None:
            partitions, kept = self._partitions(), self._kept()
            spans = spans_of(self._since, self._ends(kept), kept)
            for (topic, number), span in spans.items():
                self._topics[topic].check_whole(number, *span)
            self._found = Found(partitions, gcd(partitions, *self._earlier_partitions), spans)
        return self._found

    def limited_to(self, found: Found) -> "ArchiveSource":
        """A source of what was found, or of a part of it; it can be sent to another process."""
        return self._limited(found, self._key)

    def of_seller(self, seller: str) -> "ArchiveSource":
        """Of the seller's partitions what lies under its key; the rest is hardly looked at.

        Raises:
            UnreadableSource: as ``find``.
        """
        key, found = seller.encode(), self.find()
        own = numbers_of(key, (found.partitions, *self._earlier_partitions))
        return self._limited(found.only(lambda where: where[1] in own), key)

    def chunks(self) -> Iterator["ArchivedRecords"]:
        """All records of the range, each once, partition by partition.

        Raises:
            UnreadableSource: as ``find``; or a file is damaged.
        """
        found = self.find()
        counts = (found.partitions, *self._earlier_partitions)
        for (name, number), span in found.spans.items():
            topic, position = self._topics[name], span.begin
            for rows in read_rows(topic, number, span, self._key, with_headers=False):
                reached = rows.offsets[-1] + 1
                place = topic.facts.topic, number
                yield ArchivedRecords(rows, place, counts, reached - position)
                position = reached

    def _limited(self, found: Found, key: bytes | None) -> "ArchiveSource":
        some = ArchiveSource(self._archive, earlier_partitions=self._earlier_partitions)
        some._found, some._key = found, key
        return some

    @cached_property
    def _topics(self) -> Mapping[str, ArchivedTopic]:
        return {topic: open_topic(self._archive, topic) for topic in SOURCE_TOPICS}

    @property
    def _names(self) -> dict[SourceTopic, str]:
        return {topic: self._topics[topic].facts.topic for topic in SOURCE_TOPICS}

    def _partitions(self) -> int:
        counts = {topic.facts.topic: topic.partitions for topic in self._topics.values()}
        if len(set(counts.values())) > 1:
            listed = ", ".join(f"{name} has {count}" for name, count in counts.items())
            raise UnreadableSource(f"the topics must have equal partition counts, but {listed}")
        return next(iter(counts.values()))

    def _kept(self) -> dict[Where, Kept]:
        at = self._since.recorded_at
        return {
            (name, number): Kept(
                begin, end, None if at is None else _first_at(topic, number, at, end)
            )
            for name, topic in self._topics.items()
            for number, (begin, end) in topic.bounds().items()
        }

    def _ends(self, kept: Mapping[Where, Kept]) -> Offsets:
        if self._until.offsets is not None:
            names = {str(topic): name for topic, name in self._names.items()}
            return given_ends(self._until.offsets, kept, names)
        at = self._until.recorded_at
        if at is None:
            return {where: holds.end for where, holds in kept.items()}
        return {
            (name, number): _first_at(self._topics[name], number, at, holds.end)
            for (name, number), holds in kept.items()
        }


class ArchivedRecords:
    """Records of one partition that were read together."""

    __slots__ = ("_counts", "_place", "_rows", "values", "weight")

    def __init__(
        self, rows: Rows, place: tuple[str, int], counts: tuple[int, ...], weight: int
    ) -> None:
        self._rows = rows
        self._place = place
        self._counts = counts
        self.values = [value or b"" for value in rows.values]
        self.weight = weight

    def origin(self, index: int) -> str:
        """``topic[partition]@offset``."""
        topic, number = self._place
        return f"{topic}[{number}]@{self._rows.offsets[index]}"

    def check(self, index: int, event: Event) -> None:
        """Check key, timestamp and partition, as the live worker does.

        Raises:
            InvalidEvent: one of them does not fit the event.
        """
        rows = self._rows
        at = rows.millis[index] * _MILLISECOND
        check_placed(event, rows.keys[index], at, self._place[1], self._counts)


def _first_at(topic: ArchivedTopic, partition: int, at: Instant, end: int) -> int:
    """Where the first record of an instant or a later one lies; the end where there is none."""
    millis = -(-at // _MILLISECOND)
    for file in topic.files_from_day(partition, millis):
        found = FileReader(file, topic.facts.topic).first_at(millis)
        if found is not None:
            return found
    return end
