"""What time alone takes out of the windows of an account: its oldest days leave them."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from monitor.core.ledger import Account
from monitor.core.readings import Reading

ROLL_OFF_DAYS = 7


class RollOff(NamedTuple):
    """What leaves the window of a reading within `ROLL_OFF_DAYS`, of both its counts.

    It is known, no forecast: a subject counts on one fixed day, and leaves with that day.
    """

    reading: Reading
    numerator: int
    denominator: int | None


def roll_offs_of(account: Account, readings: Iterable[Reading]) -> Iterator[RollOff]:
    """What leaves each of some readings of an account; none of those it no longer has."""
    market = account.market
    leaving = account.tallies.leaving(ROLL_OFF_DAYS)
    for reading in readings:
        index = market.index_of.get(reading.metric)
        series = None if index is None else market.series_of.get((index, reading.category))
        if series is None:
            continue
        for window, place, _ in series.windows:
            if window == reading.window_days:
                said = series.says(leaving[place])
                yield RollOff(reading, said.numerator, said.denominator)
