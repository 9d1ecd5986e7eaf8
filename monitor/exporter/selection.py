"""Which sellers get series of their own: those nearest their limits, as far as there is room."""

from collections.abc import Iterable
from dataclasses import dataclass

from monitor.core.readings import URGENCY, OpenItems, Reading
from monitor.snapshot import Snapshot

SERIES_PER_READING = 5
SERIES_PER_ITEMS = 3

_FAR = 1e12
"""More than any headroom, so that a level outweighs it; one float sorts faster than a tuple."""


@dataclass(frozen=True, slots=True)
class Selection:
    """The readings and items that are shown, and those that are only summed."""

    readings: tuple[Reading, ...]
    open_items: tuple[OpenItems, ...]
    other_readings: tuple[Reading, ...] = ()
    other_items: tuple[OpenItems, ...] = ()


def select(snapshot: Snapshot, room: int) -> Selection:
    """All sellers where ``room`` series are enough, else those nearest their limits.

    A seller is shown with all its series or with none. Sellers are ranked by their worst
    level, then by their least headroom. The sums over the rest come out of the same room.
    """
    readings, items = snapshot.readings, snapshot.open_items
    if SERIES_PER_READING * len(readings) + SERIES_PER_ITEMS * len(items) <= room:
        return Selection(readings, items)
    shown = _nearest(readings, items, room - _series_of_sums(readings, items))
    return Selection(
        tuple(reading for reading in readings if reading.seller in shown),
        tuple(item for item in items if item.seller in shown),
        tuple(reading for reading in readings if reading.seller not in shown),
        tuple(item for item in items if item.seller not in shown),
    )


def _nearest(readings: Iterable[Reading], items: Iterable[OpenItems], room: int) -> set[str]:
    sizes: dict[str, int] = {}
    ranks: dict[str, float] = {}
    for reading in readings:
        seller = reading.seller
        sizes[seller] = sizes.get(seller, 0) + SERIES_PER_READING
        rank = _rank(reading)
        if rank < ranks.get(seller, _FAR * len(URGENCY)):
            ranks[seller] = rank
    for item in items:
        sizes[item.seller] = sizes.get(item.seller, 0) + SERIES_PER_ITEMS
    shown: set[str] = set()
    for seller in sorted(sizes, key=lambda seller: ranks.get(seller, _FAR * len(URGENCY))):
        room -= sizes[seller]
        if room < 0:
            break
        shown.add(seller)
    return shown


def _rank(reading: Reading) -> float:
    headroom = 0 if reading.headroom is None else reading.headroom
    return URGENCY[reading.level] * _FAR + headroom


def _series_of_sums(readings: Iterable[Reading], items: Iterable[OpenItems]) -> int:
    """At most so many series take the sums over the sellers left out."""
    groups = {
        (reading.marketplace, reading.metric, reading.window_days, reading.category)
        for reading in readings
    }
    kinds = {(item.marketplace, item.kind) for item in items}
    return 2 * len(groups) + 2 * len(kinds)
