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

    def takes(self, key: bytes) -> bool:
        """Whether what lies in its partitions under a key is its own.

        Where none were added all is: others' records there are faults of somebody's.
        """
        return len(self.counts) == 1 or self.is_of(key)

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

    Told by the first point of the partition 0, and of the first one that was added each time.
    Numbers under which no worker ever started are left out.

    Raises:
        UnreadableSource: the journal cannot be read, or says that there were more than there are.
    """
    present, found, number = len(journal.bounds()), list[int](), 0
    while number < present:
        count = _count_at_first(journal, number)
        if count > present:
            raise UnreadableSource(
                f"{journal.topic} says that there were {count} partitions, but it has {present}"
            )
        if count <= number:
            # Nothing was decided there, or its beginning is gone.
            break
        found.append(count)
        number = count
    return (*(count for count in found if count != present), present)


def _count_at_first(journal: Log, number: int) -> int:
    """How many partitions there were at the first point that is kept; 0: it does not say."""
    first = next(every_record(journal, number), None)
    return 0 if first is None else point_at(journal, number, first).partitions
