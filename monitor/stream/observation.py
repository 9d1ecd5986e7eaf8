"""Takes a snapshot of the partitions of a worker, in slices of a few milliseconds."""

from collections.abc import Collection, Generator, Iterable, Iterator
from itertools import islice

from monitor.core.readings import OpenItems, Reading
from monitor.stream.partition import Partition

_READINGS_A_SLICE = 2000
_ITEMS_A_SLICE = 5000


def observing(
    partitions: Collection[Partition],
) -> Generator[None, None, tuple[tuple[Reading, ...], tuple[OpenItems, ...]]]:
    """The readings and open items of these partitions; yields between slices.

    The readings are those of the evaluation before the first slice. Open items are counted
    as their account comes by: its counts fit together, those of two accounts are of instants
    some milliseconds apart.
    """
    of_all = [partition.readings() for partition in partitions]
    readings = yield from _gathered(of_all)
    items: list[OpenItems] = []
    weight = 0
    for partition in partitions:
        for found in partition.engine.open_items_by_account():
            items += found
            weight += 1 + sum(one.open for one in found)
            if weight >= _ITEMS_A_SLICE:
                weight = 0
                yield
    return tuple(readings), tuple(items)


def _gathered(of_all: Iterable[Iterator[Reading]]) -> Generator[None, None, list[Reading]]:
    readings: list[Reading] = []
    for remaining in of_all:
        while some := list(islice(remaining, _READINGS_A_SLICE)):
            readings += some
            yield
    return readings
