"""How long records took from their decision to their delivery, as a few counts. Pure."""

from bisect import bisect_left
from itertools import accumulate

from monitor.snapshot import Distribution

BOUNDS_SECONDS = (1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 21_600.0, 86_400.0)
"""From the second of an evaluation point to the day after which records are told in a summary."""


class Delays:
    """The delays of one receiver since the start."""

    def __init__(self) -> None:
        self._counts = [0] * (len(BOUNDS_SECONDS) + 1)
        self._total = 0.0

    def note(self, seconds: float) -> None:
        """One record was delivered so long after its decision."""
        self._counts[bisect_left(BOUNDS_SECONDS, seconds)] += 1
        self._total += seconds

    def distribution(self) -> Distribution:
        """All of them until now."""
        return Distribution(BOUNDS_SECONDS, tuple(accumulate(self._counts)), self._total)
