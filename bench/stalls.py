"""Watches the event loop of a worker's process from within: how long it stood still, and where."""

import asyncio
import gc
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import FrameType
from typing import Any

BEAT_SECONDS = 0.005
_TOLD_MS = 20.0
_FRAMES = 4
_MONITOR = f"{Path(__file__).resolve().parent.parent / 'monitor'}/"
_MAIN_THREAD = threading.main_thread().ident

Stall = dict[str, Any]
"""``at`` (of its end, in seconds since 1970), ``ms``, of these ``cpu_ms`` of this thread's own work
and ``gc_ms`` of garbage collection, and ``where``: the functions it was seen in most."""


class LoopWatch:
    """Beats on the loop; a beat that comes late is a stall.

    Args:
        traced: whether another thread looks where the loop stands while a beat is late.
    """

    def __init__(self, *, traced: bool) -> None:
        self._last = time.monotonic()
        self._cpu = time.thread_time()
        self._worst = 0.0
        self._stalls: list[Stall] = []
        self._seen: Counter[str] = Counter()
        self._gc_began = 0.0
        self._gc_seconds = 0.0
        gc.callbacks.append(self._collecting)
        if traced:
            threading.Thread(target=self._look, daemon=True).start()

    async def beat(self) -> None:
        """Wait for one beat, and note by how much it was late."""
        await asyncio.sleep(BEAT_SECONDS)
        now, cpu = time.monotonic(), time.thread_time()
        late = now - self._last - BEAT_SECONDS
        if 1000 * late >= _TOLD_MS:
            self._stalls.append(
                {
                    "at": time.time(),
                    "ms": round(1000 * late, 1),
                    "cpu_ms": round(1000 * (cpu - self._cpu), 1),
                    "gc_ms": round(1000 * self._gc_seconds, 1),
                    "where": next((place for place, _ in self._seen.most_common(1)), ""),
                }
            )
        self._worst = max(self._worst, late)
        self._seen.clear()
        self._gc_seconds = 0.0
        self._last, self._cpu = time.monotonic(), time.thread_time()

    def take(self) -> tuple[float, list[Stall]]:
        """The longest stall since this was last called, in milliseconds, and all long ones."""
        taken = round(1000 * self._worst, 1), self._stalls
        self._worst, self._stalls = 0.0, []
        return taken

    def _collecting(self, phase: str, _info: Mapping[str, int]) -> None:
        if phase == "start":
            self._gc_began = time.monotonic()
        else:
            self._gc_seconds += time.monotonic() - self._gc_began

    def _look(self) -> None:
        assert _MAIN_THREAD is not None
        while True:
            time.sleep(BEAT_SECONDS)
            if time.monotonic() - self._last > 3 * BEAT_SECONDS:
                frame = sys._current_frames().get(_MAIN_THREAD)  # noqa: SLF001 - the only way
                self._seen[" < ".join(_places(frame))] += 1


def _places(frame: FrameType | None) -> Iterator[str]:
    """The innermost functions of the program's own, and what they have called."""
    found = 0
    while frame is not None and found < _FRAMES:
        code = frame.f_code
        if code.co_filename.startswith(_MONITOR):
            found += 1
            yield f"{code.co_filename.removeprefix(_MONITOR)}:{code.co_name}"
        elif not found:
            yield code.co_qualname
        frame = frame.f_back
