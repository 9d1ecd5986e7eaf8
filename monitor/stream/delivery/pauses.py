"""The time that delivery goes by: the present instant, and waiting."""

import asyncio
from typing import Protocol

from monitor.core.instants import Instant
from monitor.stream.clock import Clock


class Time(Protocol):
    """What delivery takes for the present, and how it waits."""

    def now(self) -> Instant:
        """The present instant, by which records are late and mute times end."""

    def seconds(self) -> float:
        """Seconds that pass, of a clock that is never set back."""

    async def pause(self, seconds: float | None, woken: asyncio.Event) -> None:
        """Wait so long (None: for ever), or until woken."""


class LoopTime:
    """The worker's clock for instants, the event loop's for waiting."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def now(self) -> Instant:
        """The present instant."""
        return self._clock.now()

    def seconds(self) -> float:
        """Seconds of the event loop."""
        return asyncio.get_running_loop().time()

    async def pause(self, seconds: float | None, woken: asyncio.Event) -> None:
        """Wait so long, or until woken."""
        try:
            async with asyncio.timeout(seconds):
                await woken.wait()
        except TimeoutError:
            return
