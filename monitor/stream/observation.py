"""Takes a snapshot of the partitions of a worker, in slices of a few milliseconds."""

from collections.abc import Collection, Generator, Iterator
from itertools import islice
from typing import NamedTuple

from monitor.core.readings import OPEN, OpenItems, Reading
from monitor.core.rolling_off import RollOff, roll_offs_of
from monitor.stream.partition import Partition

_READINGS_A_SLICE = 2000
_ITEMS_A_SLICE = 5000
_ROLL_OFFS_A_SLICE = 100


class Observed(NamedTuple):
    """What some partitions show; roll-offs of the readings at risk only."""

    readings: tuple[Reading, ...]
    open_items: tuple[OpenItems, ...]
    roll_offs: tuple[RollOff, ...]


def observing(
    partitions: Collection[Partition],
) -> Generator[None, None, Observed]:
    """The readings, open items and roll-offs of these partitions; yields between slices.

    The readings are those of the evaluation before the first slice. Open items and roll-offs
    are counted as their account comes by: its counts fit together, those of two accounts are
    of instants some milliseconds apart.
    """
    of_all = [partition.readings() for partition in partitions]
    readings: list[Reading] = []
    roll_offs: list[RollOff] = []
    at_risk: list[_AtRisk] = []
    for partition, remaining in zip(partitions, of_all, strict=True):
        by_account = yield from _gathered(remaining, readings)
        at_risk.append((partition, by_account))
    for partition, by_account in at_risk:
        yield from _rolled_off(partition, by_account, roll_offs)
    items: list[OpenItems] = []
    weight = 0
    for partition in partitions:
        for found in partition.engine.open_items_by_account():
            items += found
            weight += 1 + sum(one.open for one in found)
            if weight >= _ITEMS_A_SLICE:
                weight = 0
                yield
    return Observed(tuple(readings), tuple(items), tuple(roll_offs))


_ByAccount = dict[tuple[str, str], list[Reading]]
_AtRisk = tuple[Partition, _ByAccount]


def _gathered(
    remaining: Iterator[Reading], readings: list[Reading]
) -> Generator[None, None, _ByAccount]:
    """Append what remains to ``readings``; those at risk by their account."""
    at_risk: _ByAccount = {}
    while some := list(islice(remaining, _READINGS_A_SLICE)):
        readings += some
        for reading in some:
            if reading.level in OPEN:
                at_risk.setdefault((reading.seller, reading.marketplace), []).append(reading)
        yield
    return at_risk


def _rolled_off(
    partition: Partition, at_risk: _ByAccount, found: list[RollOff]
) -> Generator[None, None, None]:
    for number, (account, readings) in enumerate(at_risk.items(), 1):
        found += roll_offs_of(partition.engine.account(*account), readings)
        if number % _ROLL_OFFS_A_SLICE == 0:
            yield
