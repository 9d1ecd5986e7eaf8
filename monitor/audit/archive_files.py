"""An archive of topics in a folder: what it holds follows from the names of its files.

``orders/topic.json`` says which topic it is; each file
``orders/2026-03-01/00002-00000000000000000100-00000000000000000250.parquet`` holds what
partition 2 has from offset 100 up to 250, all of one UTC day by the records' timestamps.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import msgspec

from monitor.audit.whole_files import write_whole
from monitor.errors import UnreadableSource
from monitor.printable import printable

_FACTS = "topic.json"
_NAME = re.compile(r"(\d{5,})-(\d{20})-(\d{20})\.parquet")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_DAY_MILLIS = 86_400_000
_EPOCH = date(1970, 1, 1).toordinal()


class TopicFacts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which topic a folder is of."""

    cluster: str
    """The cluster's own id."""
    topic: str
    """Its name there."""
    begins: list[int]
    """Per partition the first offset that was kept when it was first archived."""
    ends: list[int]
    """Per partition the end that was archived at the end of a run: a check, not where to go on."""


class ArchivedFile(NamedTuple):
    """A file and what its name says: from offset ``begin`` up to ``end``, of one day."""

    path: Path
    day: str
    partition: int
    begin: int
    end: int


class Gap(NamedTuple):
    """Offsets of a partition that retention took before they were archived."""

    partition: int
    begin: int
    end: int


class ArchivedTopic:
    """One topic of an archive, as its files were when it was opened.

    Args:
        folder: where it lies.
        facts: which topic it is.
        files: of each partition that has any, in the order of their offsets.
    """

    def __init__(
        self, folder: Path, facts: TopicFacts, files: Mapping[int, Sequence[ArchivedFile]]
    ) -> None:
        self.folder = folder
        self.facts = facts
        self._files = files

    @property
    def partitions(self) -> int:
        """How many the topic had when it was last archived."""
        return len(self.facts.begins)

    def bounds(self) -> dict[int, tuple[int, int]]:
        """Of each partition the first offset that is archived and the end."""
        return {number: self._bounds(number) for number in range(self.partitions)}

    def files(self, partition: int, begin: int = 0, end: int | None = None) -> list[ArchivedFile]:
        """The files that hold some of these offsets, in their order."""
        return [
            file
            for file in self._files.get(partition, ())
            if file.end > begin and (end is None or file.begin < end)
        ]

    def files_from_day(self, partition: int, millis: int) -> list[ArchivedFile]:
        """The files of the UTC day of a Kafka timestamp and of later ones, by their offsets."""
        day = day_of(millis)
        return [file for file in self._files.get(partition, ()) if file.day >= day]

    def gaps(self) -> list[Gap]:
        """What lies before a file, and belongs to none since the archive was begun."""
        found = list[Gap]()
        for number in sorted(self._files):
            reached = self.facts.begins[number]
            for file in self._files[number]:
                if reached < file.begin:
                    found.append(Gap(number, reached, file.begin))
                reached = file.end
        return found

    def check_whole(self, partition: int, begin: int, end: int) -> None:
        """Refuse offsets of which some are missing in the middle.

        Raises:
            UnreadableSource: retention took a part before it was archived.
        """
        for gap in self.gaps():
            if gap.partition == partition and gap.begin < end and gap.end > begin:
                raise UnreadableSource(
                    f"{self.facts.topic}[{partition}]: the archive lacks offsets {gap.begin} to"
                    f" {gap.end - 1}: retention took them before they were archived, or a file"
                    " was removed"
                )

    def _bounds(self, number: int) -> tuple[int, int]:
        begin, files = self.facts.begins[number], self._files.get(number)
        return begin, files[-1].end if files else begin


def folder_of(topic: str) -> str:
    """The folder of a topic, by the name that the contract gives it."""
    return topic.replace("_", "-")


def find_topic(archive: Path, name: str) -> ArchivedTopic | None:
    """A topic of an archive by its contract's name; None where it holds none.

    Raises:
        UnreadableSource: somebody has changed the folder.
    """
    folder = archive / name
    path = folder / _FACTS
    if not path.exists():
        if folder.exists() and any(folder.glob("*/*.parquet")):
            raise UnreadableSource(f"{path} is missing, so that nobody knows of which topic it is")
        return None
    try:
        facts = msgspec.json.decode(path.read_bytes(), type=TopicFacts)
    except (OSError, msgspec.MsgspecError) as error:
        raise UnreadableSource(f"{path} cannot be read: {error}") from error
    files = _files(folder)
    if len(facts.begins) != len(facts.ends) or any(n >= len(facts.begins) for n in files):
        raise UnreadableSource(f"{path} does not fit the files beside it")
    return ArchivedTopic(folder, facts, files)


def open_topic(archive: Path, name: str) -> ArchivedTopic:
    """A topic of an archive by its contract's name.

    Raises:
        UnreadableSource: it holds none, its last files are gone, or somebody has changed it.
    """
    found = find_topic(archive, name)
    if found is None:
        raise UnreadableSource(f"the archive {archive} has no topic {name}")
    for number, (_, end) in found.bounds().items():
        if end < found.facts.ends[number]:
            raise UnreadableSource(
                f"{found.folder}: partition {number} was archived up to offset"
                f" {found.facts.ends[number]}, and its files end at {end}: some were removed"
            )
    return found


def write_facts(folder: Path, facts: TopicFacts) -> None:
    """Say of which topic a folder is; it is made if need be."""
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / _FACTS, msgspec.json.format(msgspec.json.encode(facts)) + b"\n")


def path_of(folder: Path, day: str, partition: int, begin: int, end: int) -> Path:
    """Where a file of these offsets lies."""
    return folder / day / f"{partition:05}-{begin:020}-{end:020}.parquet"


def day_of(millis: int) -> str:
    """The UTC day of a Kafka timestamp; the first or last that there is where it is none."""
    try:
        return date.fromordinal(_EPOCH + millis // _DAY_MILLIS).isoformat()
    except (ValueError, OverflowError):
        return (date.min if millis < 0 else date.max).isoformat()


def _files(folder: Path) -> dict[int, list[ArchivedFile]]:
    found: dict[int, list[ArchivedFile]] = {}
    for path in folder.glob("*/*.parquet"):
        named = _NAME.fullmatch(path.name)
        if named is None or not _DAY.fullmatch(path.parent.name):
            raise UnreadableSource(f"{printable(str(path))}: is no file of an archive, by its name")
        number, begin, end = map(int, named.groups())
        found.setdefault(number, []).append(
            ArchivedFile(path, path.parent.name, number, begin, end)
        )
    for files in found.values():
        files.sort(key=lambda file: (file.begin, file.end))
        for earlier, later in pairwise(files):
            if later.begin < earlier.end:
                raise UnreadableSource(f"{later.path} and {earlier.path} hold the same offsets")
    return found
