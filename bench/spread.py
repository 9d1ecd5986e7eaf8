"""Medians and their spread."""

import statistics
from collections.abc import Sequence

Spread = dict[str, float]
"""``median``, ``min`` and ``max`` of some rounds."""


def spread(figures: Sequence[float], digits: int = 0) -> Spread:
    """Median, minimum and maximum, rounded."""
    return {
        "median": round(statistics.median(figures), digits),
        "min": round(min(figures), digits),
        "max": round(max(figures), digits),
    }


def single(figure: float, digits: int = 0) -> Spread:
    """A figure that is measured once."""
    return spread([figure], digits)


def ratios(over: Sequence[float], under: Sequence[float], digits: int = 2) -> Spread:
    """The ratios of figures that were measured in turn, round by round."""
    return spread([one / other for one, other in zip(over, under, strict=True)], digits)
