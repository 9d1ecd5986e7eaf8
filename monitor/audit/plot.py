"""A plot of one series over time as SVG: its value, its limit and approach, marks for alerts. Pure.

Text comes in through the template that shows it; here are only numbers and instants.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from monitor.audit.tracks import Sample
from monitor.core.instants import Instant, isoformat

_Place = Callable[[float], float]

WIDTH, HEIGHT = 720, 220
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 12, 12, 28


class Mark(NamedTuple):
    """An alert record on the time axis."""

    at: Instant
    level: str
    label: str


class Line(NamedTuple):
    """A level drawn across the plot."""

    y: float
    label: str


class Dot(NamedTuple):
    """A mark at its place."""

    x: float
    y: float
    level: str
    label: str


class Plot(NamedTuple):
    """What a template draws, in pixels."""

    path: str
    limit: Line | None
    approach: Line | None
    dots: tuple[Dot, ...]
    ticks: tuple[tuple[float, str], ...]
    top: str
    bottom: str


def plotted(
    samples: Sequence[Sample],
    end: Instant,
    limit: float | None,
    approach: float | None,
    marks: Iterable[Mark],
) -> Plot | None:
    """The plot of a series whose last sample holds until ``end``; None of a series without a value.

    A value is numerator over denominator, or the numerator where there is none.
    """
    points = [(one.at, value) for one in samples if (value := _value(one)) is not None]
    if not points:
        return None
    begin, end = points[0][0], max(end, points[-1][0] + 1)
    shown = [value for _, value in points] + [one for one in (limit, approach) if one is not None]
    highest, lowest = max(shown), min(shown)
    lowest = 0.0 if lowest < highest / 2 else lowest - (highest - lowest) / 10
    highest = highest + (highest - lowest) / 10 or 1.0

    def x(at: float) -> float:
        return round(_LEFT + (at - begin) / (end - begin) * (WIDTH - _LEFT - _RIGHT), 1)

    def y(value: float) -> float:
        share = (value - lowest) / (highest - lowest)
        return round(HEIGHT - _BOTTOM - share * (HEIGHT - _TOP - _BOTTOM), 1)

    is_share = samples[0].denominator is not None

    def line(value: float | None) -> Line | None:
        return None if value is None else Line(y(value), _text(value, is_share=is_share))

    return Plot(
        path=_path(points, end, x, y),
        limit=line(limit),
        approach=line(approach),
        dots=tuple(
            Dot(x(mark.at), y(_value_at(points, mark.at)), mark.level, mark.label)
            for mark in marks
            if begin <= mark.at <= end
        ),
        ticks=tuple((x(at), isoformat(at)[:10]) for at in _ticks(begin, end)),
        top=_text(highest, is_share=is_share),
        bottom=_text(lowest, is_share=is_share),
    )


def _value(sample: Sample) -> float | None:
    if sample.denominator is None:
        return float(sample.numerator)
    return sample.numerator / sample.denominator if sample.denominator else None


def _value_at(points: Sequence[tuple[Instant, float]], at: Instant) -> float:
    return next((value for since, value in reversed(points) if since <= at), points[0][1])


def _path(points: Sequence[tuple[Instant, float]], end: Instant, x: _Place, y: _Place) -> str:
    """Steps: a value holds until the next."""
    steps = [f"M{x(points[0][0])},{y(points[0][1])}"]
    for at, value in points[1:]:
        steps.append(f"H{x(at)}V{y(value)}")
    return "".join([*steps, f"H{x(end)}"])


def _ticks(begin: Instant, end: Instant) -> list[Instant]:
    return [begin + (end - begin) * number // 4 for number in range(4)]


def _text(value: float, *, is_share: bool) -> str:
    return f"{value:.2%}" if is_share else f"{value:.4g}"
