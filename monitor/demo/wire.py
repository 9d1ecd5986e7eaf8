"""Simulated events as a file in the wire format, sorted by instant."""

import gzip
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from heapq import heappop, heappush
from itertools import count
from math import inf
from pathlib import Path
from random import Random
from typing import BinaryIO, cast

import msgspec

from monitor.demo.shops import shops
from monitor.demo.simulation import DAY, HOUR, INSTANTS, ShopLife, Wire

_EPOCH_DAY = date(1970, 1, 1)
_LINES_AT_ONCE = 2000
# What a shop's local day leads to begins up to this long before the same day of UTC.
_LOCAL_LEAD = 14 * HOUR


@dataclass(frozen=True, slots=True)
class SimulationPlan:
    """What to simulate; the same plan gives the same bytes, a longer one the same and more.

    ``noise`` is the share of events that are sent again, sent late, contradicted by a later
    repeat, or followed by a line that is no event (a quarter of it each).
    """

    seed: int = 7
    sellers: int = 6
    days: int | None = 365
    """None: without end."""
    orders_per_day: float = 12.0
    start_day: date = date(2025, 1, 1)
    noise: float = 0.0


def write_events(
    destination: BinaryIO, plan: SimulationPlan, progress: Callable[[int], None] | None = None
) -> int:
    """Write all events, one JSON object a line; how many lines there are.

    ``progress`` is called with the number of days done. The plan must have an end.
    """
    written, lines = 0, list[bytes]()
    for _, line in lines_of(plan, progress or _ignore):
        lines.append(line)
        if len(lines) == _LINES_AT_ONCE:
            written += len(lines)
            destination.write(b"".join(lines))
            lines.clear()
    destination.write(b"".join(lines))
    return written + len(lines)


@contextmanager
def open_destination(name: str) -> Iterator[BinaryIO]:
    """A file to write to, compressed where its name ends in ``.gz``; ``-`` is standard output."""
    if name == "-":
        yield sys.stdout.buffer
    elif name.endswith(".gz"):
        # No time stamp within, so that the same plan gives the same bytes.
        with (
            Path(name).open("wb") as file,
            gzip.GzipFile("", "wb", compresslevel=4, fileobj=file, mtime=0) as packed,
        ):
            yield cast("BinaryIO", packed)
    else:
        with Path(name).open("wb") as file:
            yield file


def lines_of(plan: SimulationPlan, progress: Callable[[int], None]) -> Iterator[tuple[int, bytes]]:
    """Lines, each with the second since 1970 at which it is sent, in that order.

    Simulated are only the days up to the one that is asked for; pending are the lines of the
    weeks after it.
    """
    lives = [ShopLife(shop, plan.seed, plan.orders_per_day) for shop in shops(plan.sellers)]
    noise = _Noise(plan)
    pending: list[tuple[int, int, bytes]] = []
    serial = 0
    first_day = (plan.start_day - _EPOCH_DAY).days
    ends = inf if plan.days is None else (first_day + plan.days) * DAY
    for day in count() if plan.days is None else range(plan.days):
        today = plan.start_day + timedelta(days=day)
        midnight = (first_day + day) * DAY
        for life in lives:
            for event in life.day(day, midnight, today.weekday(), today.timetuple().tm_yday):
                for sent, line in noise.lines(event):
                    if sent < ends:
                        serial += 1
                        heappush(pending, (sent, serial, line))
        while pending and pending[0][0] < midnight + DAY - _LOCAL_LEAD:
            yield _first(pending)
        progress(day + 1)
    while pending:
        yield _first(pending)


def _first(pending: list[tuple[int, int, bytes]]) -> tuple[int, bytes]:
    sent, _, line = heappop(pending)
    return sent, line


class _Noise:
    """What becomes of an event on its way: sent once, as a rule."""

    def __init__(self, plan: SimulationPlan) -> None:
        self._share = plan.noise
        self._random = Random(f"{plan.seed}/noise")  # noqa: S311 - a simulation
        self._encode = msgspec.json.Encoder().encode

    def lines(self, event: Wire) -> Iterator[tuple[int, bytes]]:
        """Each line that is sent, and when."""
        at: int = event["at"]
        line = self._line(event)
        if not self._share or self._random.random() >= self._share:
            yield at, line
            return
        delay = self._random.choice((60, HOUR, DAY, 5 * DAY))
        kind = self._random.randrange(4)
        if kind == 0:
            yield at, line
        yield (at if kind else at + delay), line
        if kind == 1:
            yield at + delay, self._line(event | {"at": at + delay // 2})
        elif kind == 2:
            yield at + delay, line[: len(line) // 2] + b"\n"

    def _line(self, event: Wire) -> bytes:
        written = {
            name: _rfc3339(value) if name in INSTANTS else value for name, value in event.items()
        }
        return self._encode(written) + b"\n"


def _rfc3339(at: int) -> str:
    minutes, second = divmod(at % DAY, 60)
    hour, minute = divmod(minutes, 60)
    return f"{_date_text(at // DAY)}T{hour:02d}:{minute:02d}:{second:02d}Z"


@lru_cache(maxsize=4096)
def _date_text(day: int) -> str:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=day)).date().isoformat()


def _ignore(days: int) -> None:
    """Nobody watches."""
