"""In which partitions the records of a seller lie, one after the other, where some were added.

The first point after each start of a worker says how many partitions there were.
"""

from collections.abc import Collection, Iterator
from math import lcm
from typing import NamedTuple

from monitor.audit.logs import Log, every_record
from monitor.audit.search import point_at
from monitor.audit.verification import partition_of
from monitor.errors import UnreadableSource


class Stretch(NamedTuple):
    """A partition, and of how many in all it was one meanwhile."""

    number: int
    counts: tuple[int, ...]


class Path(NamedTuple):
    """The partitions of some sellers: of each number of partitions there ever was, theirs."""

    counts: tuple[int, ...]
    numbers: tuple[int, ...]

    @property
    def stretches(self) -> tuple[Stretch, ...]:
        """The partitions one after the other; one in which they stayed is one stretch."""
        found: list[Stretch] = []
        for count, number in zip(self.counts, self.numbers, strict=True):
            if found and found[-1].number == number:
                found[-1] = Stretch(number, (*found[-1].counts, count))
            else:
                found.append(Stretch(number, (count,)))
        return tuple(found)

    def is_of(self, key: bytes) -> bool:
        """Whether a seller's records lie along it."""
        return self.numbers == numbers_of(key, self.counts)

    def before(self, number: int) -> set[int]:
        """The numbers of partitions there were before that in which ``number`` was last on it."""
        places = [place for place, one in enumerate(self.numbers) if one == number]
        return set(self.counts[: max(places, default=len(self.counts))])


def numbers_of(key: bytes, counts: Collection[int]) -> tuple[int, ...]:
    """The partition of a key among each of these numbers of partitions."""
    return tuple(partition_of(key, count) for count in counts)


def path_of(key: bytes, counts: tuple[int, ...]) -> Path:
    """The path of one seller."""
    return Path(counts, numbers_of(key, counts))


def paths(counts: tuple[int, ...]) -> Iterator[Path]:
    """Every path that a seller can have."""
    every = {tuple(digest % count for count in counts) for digest in range(lcm(*counts))}
    return (Path(counts, numbers) for numbers in sorted(every))


def counts_of(journal: Log) -> tuple[int, ...]:
    """How many partitions there ever were, one number after the other; the last is the present.

    Raises:
        UnreadableSource: the journal cannot be read, or says that there were more than there are.
    """
    present, found = len(journal.bounds()), list[int]()
    # The partition 0 was there from the beginning.
    for record in every_record(journal, 0):
        if any(name == "caught_up" for name, _ in record.headers):
            count = point_at(journal, 0, record).partitions
            if count and count not in found:
                found.append(count)
    if max(found, default=0) > present:
        raise UnreadableSource(
            f"{journal.topic} says that there were {max(found)} partitions, but it has {present}"
        )
    return (*(count for count in found if count != present), present)
