"""Which sellers get series of their own: those nearest their limits, as far as there is room."""

from collections.abc import Iterable
from dataclasses import dataclass

from monitor.core.readings import OPEN, URGENCY, OpenItems, Reading
from monitor.core.rolling_off import RollOff
from monitor.snapshot import Snapshot

SERIES_PER_READING = 5
SERIES_MORE_AT_RISK = 3
"""Orders to recover, and what rolls off of both counts."""
SERIES_PER_ITEMS = 3

_FAR = 1e12
"""More than any headroom, so that a level outweighs it; one float sorts faster than a tuple."""
_LAST = _FAR * len(URGENCY)


@dataclass(frozen=True, slots=True)
class Bounds:
    """Which sellers may have series of their own.

    Those of ``sellers`` come first, whatever their levels. Of the others only the
    ``worst_sellers`` follow; None: all of them, or none where ``sellers`` are named. All
    families of a page have at most ``series_max`` series together, whoever is named.
    """

    series_max: int = 50_000
    sellers: frozenset[str] = frozenset()
    worst_sellers: int | None = None

    @property
    def others_max(self) -> int | None:
        """How many may follow those that are named; None: all."""
        return 0 if self.worst_sellers is None and self.sellers else self.worst_sellers


EVERY_SELLER = Bounds()


@dataclass(frozen=True, slots=True)
class Selection:
    """The readings and items that are shown, and those that are only summed."""

    readings: tuple[Reading, ...]
    open_items: tuple[OpenItems, ...]
    roll_offs: tuple[RollOff, ...]
    other_readings: tuple[Reading, ...] = ()
    other_items: tuple[OpenItems, ...] = ()


def select(snapshot: Snapshot, room: int, bounds: Bounds) -> Selection:
    """All sellers where ``bounds`` and ``room`` let them, else those nearest their limits.

    A seller is shown with all its series or with none. Sellers are ranked by their worst
    level, then by their least headroom. The sums over the rest come out of the same room.
    """
    everything = Selection(snapshot.readings, snapshot.open_items, snapshot.roll_offs)
    if bounds.others_max is None and _most_series(snapshot) <= room:
        return everything
    sizes = _sizes(snapshot)
    if bounds.others_max is None and sum(sizes.values()) <= room:
        return everything
    shown = _shown(snapshot, sizes, room - _series_of_sums(snapshot), bounds)
    return Selection(
        tuple(reading for reading in snapshot.readings if reading.seller in shown),
        tuple(item for item in snapshot.open_items if item.seller in shown),
        tuple(one for one in snapshot.roll_offs if one.reading.seller in shown),
        tuple(reading for reading in snapshot.readings if reading.seller not in shown),
        tuple(item for item in snapshot.open_items if item.seller not in shown),
    )


def _most_series(snapshot: Snapshot) -> int:
    """More than there can be, without looking at any reading."""
    of_readings = (SERIES_PER_READING + SERIES_MORE_AT_RISK) * len(snapshot.readings)
    return of_readings + SERIES_PER_ITEMS * len(snapshot.open_items)


def _sizes(snapshot: Snapshot) -> dict[str, int]:
    """How many series each seller has at most."""
    sizes: dict[str, int] = {}
    for reading in snapshot.readings:
        series = SERIES_PER_READING
        if reading.level in OPEN:
            series += SERIES_MORE_AT_RISK
        sizes[reading.seller] = sizes.get(reading.seller, 0) + series
    for item in snapshot.open_items:
        sizes[item.seller] = sizes.get(item.seller, 0) + SERIES_PER_ITEMS
    return sizes


def _shown(snapshot: Snapshot, sizes: dict[str, int], room: int, bounds: Bounds) -> set[str]:
    ranks = _ranks(snapshot.readings)
    ranked = sorted(sizes, key=lambda seller: (ranks.get(seller, _LAST), seller))
    named = [seller for seller in ranked if seller in bounds.sellers]
    others = [seller for seller in ranked if seller not in bounds.sellers]
    shown: set[str] = set()
    for seller in named + others[: bounds.others_max]:
        room -= sizes[seller]
        if room < 0:
            break
        shown.add(seller)
    return shown


def _ranks(readings: Iterable[Reading]) -> dict[str, float]:
    """How near each seller is to its limits: less is nearer."""
    ranks: dict[str, float] = {}
    for reading in readings:
        headroom = 0 if reading.headroom is None else reading.headroom
        rank = URGENCY[reading.level] * _FAR + headroom
        if rank < ranks.get(reading.seller, _LAST):
            ranks[reading.seller] = rank
    return ranks


def _series_of_sums(snapshot: Snapshot) -> int:
    """At most so many series take the sums over the sellers left out."""
    groups = {
        (reading.marketplace, reading.metric, reading.window_days, reading.category)
        for reading in snapshot.readings
    }
    kinds = {(item.marketplace, item.kind) for item in snapshot.open_items}
    return 2 * len(groups) + 2 * len(kinds)
