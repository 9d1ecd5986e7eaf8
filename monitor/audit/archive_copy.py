"""Copies topics into an archive: what it has not got yet, and only what is of the same topics."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from msgspec import structs

from monitor.audit.archive_files import (
    ArchivedFile,
    ArchivedTopic,
    Gap,
    TopicFacts,
    day_of,
    find_topic,
    path_of,
    write_facts,
)
from monitor.audit.archive_format import FileReader, FileWriter
from monitor.audit.logs import Log, LogRecord
from monitor.audit.whole_files import put_in_place
from monitor.errors import UnreadableSource

_FILE_RECORDS = 500_000
_FILE_VALUE_BYTES = 256 << 20
_MILLISECOND = 1000
_UNFINISHED = ".unfinished.parquet"


class Copied(NamedTuple):
    """What a run has added of a topic.

    ``empty_offsets`` hold no record: transaction markers, what a producer took back, what
    was compacted. ``gaps`` are what retention had taken before this run came.
    """

    topic: str
    files: int
    records: int
    empty_offsets: int
    gaps: list[Gap]


class Copy:
    """The copy of one topic into an archive.

    Args:
        archive: its folder.
        name: what the contract calls the topic.
        cluster_id: the cluster's own id.
        log: the topic there.

    Raises:
        UnreadableSource: the archive is of another cluster or topic, somebody has changed it,
            or the topic cannot be read.
    """

    def __init__(self, archive: Path, name: str, cluster_id: str, log: Log) -> None:
        self._log = log
        self._folder = archive / name
        self._bounds = log.bounds()
        self._archived = find_topic(archive, name)
        begins, ends = list[int](), list[int]()
        if self._archived is not None:
            begins, ends = self._archived.facts.begins, self._archived.facts.ends
        new = [self._bounds[number][0] for number in range(len(begins), len(self._bounds))]
        self._facts = TopicFacts(cluster_id, log.topic, [*begins, *new], [*ends, *new])
        if self._archived is not None:
            self._check_same(self._archived)

    def run(self) -> Iterator[Copied]:
        """Copy what is new, partition by partition.

        Raises:
            UnreadableSource: the topic cannot be read to its end.
            OSError: the archive cannot be written.
        """
        known = self._archived.facts.begins if self._archived else []
        if self._archived is None or self._archived.facts != self._facts:
            write_facts(self._folder, self._facts)
        reached = [end for _, (_, end) in sorted(self._bounds.items())]
        ends = {} if self._archived is None else self._archived.bounds()
        for number in sorted(self._bounds):
            kept_from, end = self._bounds[number]
            archived_to = ends[number][1] if number < len(known) else 0
            begin = max(kept_from, archived_to)
            gaps = [Gap(number, archived_to, begin)] if archived_to < begin else []
            if begin < end or (gaps and number < len(known)):
                files, records = self._copy(number, begin, end)
            else:
                files, records = 0, 0
            yield Copied(self._log.topic, files, records, end - begin - records, gaps)
        if reached != self._facts.ends:
            write_facts(self._folder, structs.replace(self._facts, ends=reached))

    def _copy(self, number: int, begin: int, end: int) -> tuple[int, int]:
        """How many files and records were written."""
        records = (record for run in self._log.read(number, begin, end) for record in run)
        files = total = 0
        following: LogRecord | None = next(records, None)
        while True:
            day = day_of(following.recorded_at // _MILLISECOND) if following else self._day(number)
            unfinished = self._folder / _UNFINISHED
            with FileWriter(unfinished) as writer:
                while following is not None and _fits(writer, following, day):
                    writer.add(following)
                    following = next(records, None)
                file_end = end if following is None else following.offset
                path = path_of(self._folder, day, number, begin, file_end)
                file = ArchivedFile(path, day, number, begin, file_end)
                writer.finish(self._log.topic, file)
            put_in_place(unfinished, path)
            files, total, begin = files + 1, total + writer.records, file_end
            if following is None:
                return files, total

    def _day(self, number: int) -> str:
        """The day under which offsets without any record are filed: that of what lies before."""
        files = [] if self._archived is None else self._archived.files(number)
        return files[-1].day if files else day_of(0)

    def _check_same(self, archived: ArchivedTopic) -> None:
        facts, folder = archived.facts, self._folder
        if facts.topic != self._log.topic:
            raise UnreadableSource(
                f"{folder} is of topic {facts.topic}, not of {self._log.topic}: name another folder"
            )
        if facts.cluster != self._facts.cluster:
            raise UnreadableSource(
                f"{folder} is of cluster {facts.cluster}, not of {self._facts.cluster}:"
                " name another folder"
            )
        if len(facts.begins) > len(self._bounds):
            raise UnreadableSource(_anew(f"{facts.topic} has {len(self._bounds)} partitions"))
        for number, (_, archived_to) in archived.bounds().items():
            kept_from, end = self._bounds[number]
            where = f"{facts.topic}[{number}]"
            if end < archived_to:
                raise UnreadableSource(_anew(f"{where} ends at {end}, before {archived_to}"))
            last = _last(archived, number)
            if last is not None and last.offset >= kept_from and self._differs(number, last):
                raise UnreadableSource(_anew(f"{where}@{last.offset} is another record"))

    def _differs(self, number: int, last: LogRecord) -> bool:
        """Whether the topic has something else there; what was compacted is none."""
        runs = self._log.read(number, last.offset, last.offset + 1)
        return any(one != last for run in runs for one in run)


def gaps_of(archive: Path, names: Iterable[str]) -> Iterator[tuple[str, Gap]]:
    """What some topics of an archive lack, each with the topic's name on its cluster.

    Raises:
        UnreadableSource: somebody has changed the archive.
    """
    for name in names:
        archived = find_topic(archive, name)
        if archived is None:
            continue
        for number, (begin, _) in sorted(archived.bounds().items()):
            if begin:
                yield archived.facts.topic, Gap(number, 0, begin)
        for gap in archived.gaps():
            yield archived.facts.topic, gap


def _fits(writer: FileWriter, record: LogRecord, day: str) -> bool:
    return (
        writer.records < _FILE_RECORDS
        and writer.value_bytes < _FILE_VALUE_BYTES
        and day_of(record.recorded_at // _MILLISECOND) == day
    )


def _last(archived: ArchivedTopic, number: int) -> LogRecord | None:
    """The last record that is archived of a partition."""
    for file in reversed(archived.files(number)):
        last = FileReader(file, archived.facts.topic).last()
        if last is not None:
            return last
    return None


def _anew(found: str) -> str:
    return (
        f"the archive is of other topics than the cluster's: {found}. The topic was made anew"
        " since; archive it into another folder"
    )
