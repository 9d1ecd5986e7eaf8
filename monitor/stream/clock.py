"""Clocks of the live worker. Nothing else below the command line reads the time of day."""

import asyncio
import time
from typing import Protocol

from monitor.core.instants import SECOND, Instant


class Clock(Protocol):
    """What the worker takes for the present."""

    def now(self) -> Instant:
        """The present instant."""

    async def next_point(self, after: Instant) -> Instant:
        """Wait for a whole second later than ``after``; the latest that has come."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> Instant:
        """The present instant, to the microsecond."""
        return time.time_ns() // 1000

    async def next_point(self, after: Instant) -> Instant:
        """Wait for the next whole second; where the machine's clock is set back, longer."""
        while (point := whole_second(self.now())) <= after:  # noqa: ASYNC110 - time itself
            await asyncio.sleep((after + SECOND - self.now()) / SECOND)
        return point


class EventClock:
    """A clock that stands still until it is set: the demo's, whose time is that of its events.

    Args:
        now: the instant at which it stands first.
    """

    def __init__(self, now: Instant) -> None:
        self._now = now
        self._moved = asyncio.Event()

    def now(self) -> Instant:
        """The instant it was set to."""
        return self._now

    def set(self, now: Instant) -> None:
        """Move the clock; an earlier instant is ignored."""
        if now > self._now:
            self._now = now
            self._moved.set()

    async def next_point(self, after: Instant) -> Instant:
        """Wait until the clock is set to a later whole second."""
        while (point := whole_second(self._now)) <= after:
            self._moved.clear()
            await self._moved.wait()
        return point


def whole_second(instant: Instant) -> Instant:
    """The point of the one-second grid at or before an instant."""
    return instant - instant % SECOND
