"""Starts the worker processes of the benchmarks and follows what they tell."""

import asyncio
import json
import resource
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

ROOT = Path(__file__).resolve().parent.parent
_PATIENCE_SECONDS = 300.0
_LINE_BYTES_MAX = 1 << 26

Told = dict[str, Any]
"""One line of a worker (bench/program.py)."""


class WorkerProcess:
    """A worker in a process of its own; as a context manager, started and ended.

    ``told`` are all its lines so far, ``readings`` what it tells last.
    """

    def __init__(
        self,
        address: str,
        prefix: str,
        run: str,
        policies: Sequence[Path],
        *,
        ahead: Path | None = None,
        traced: bool = False,
    ) -> None:
        clock = [] if ahead is None else ["--ahead", str(ahead)]
        watch = ["--traced"] if traced else []
        self._arguments = [address, prefix, run, *clock, *watch, "--policy", *map(str, policies)]
        self._process: Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self._news = asyncio.Condition()
        self.told: list[Told] = []
        self.readings: list[Any] = []
        self._has_ended = False

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def start(self) -> None:
        """Start it; who does not use it as a context manager ends it as well."""
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bench.program", *self._arguments,
            cwd=ROOT, stdout=PIPE, limit=_LINE_BYTES_MAX,
        )  # fmt: skip
        self._reading = asyncio.create_task(self._read(self._process))

    async def __aexit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.end(signal.SIGTERM)

    def send(self, number: signal.Signals) -> None:
        """Send a signal to it."""
        if self._process is not None:
            self._process.send_signal(number)

    async def end(self, number: signal.Signals) -> None:
        """Send a signal, if it still runs, and wait for the end."""
        if self._process is None or self._reading is None:
            return
        if self._process.returncode is None:
            self._process.send_signal(number)
        await self._process.wait()
        await self._reading

    async def until(self, holds: Callable[[Told], bool]) -> Told:
        """The first line, of those still to come or the last one, of which something holds."""
        async with asyncio.timeout(_PATIENCE_SECONDS), self._news:
            await self._news.wait_for(
                lambda: self._has_ended or (bool(self.told) and holds(self.told[-1]))
            )
            if self._has_ended:
                raise RuntimeError("the worker has ended")
            return self.told[-1]

    async def _read(self, process: Process) -> None:
        assert process.stdout is not None
        async for line in process.stdout:
            async with self._news:
                told = json.loads(line)
                if "readings" in told:
                    self.readings = told["readings"]
                else:
                    self.told.append(told)
                self._news.notify_all()
        async with self._news:
            self._has_ended = True
            self._news.notify_all()


def resident_bytes() -> int:
    """What this process holds of the machine's memory."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize()


def events_per_second(*workers: Sequence[Told]) -> float:
    """The rate from the first events until all are applied and what came of them is durable.

    Args:
        workers: what each has told, to where it had done all that is its own.
    """
    firsts = [next(one for one in told if one["events"]) for told in workers]
    finals = [told[-1]["events"] for told in workers]
    lasts = [
        next(one for one in told if one["durable_events"] == final)
        for told, final in zip(workers, finals, strict=True)
    ]
    done = sum(finals) - sum(first["events"] for first in firsts)
    seconds = max(last["at"] for last in lasts) - min(first["at"] for first in firsts)
    return float(done / seconds)
