"""Programs that are not ours, run beside a test: started on a free port, awaited, ended."""

import asyncio
import shutil
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from tests.conftest import missing

_READY_SECONDS = 60


def need(program: str) -> None:
    """Skips the test where the program is not installed, or fails it in CI."""
    if shutil.which(program) is None:
        missing(f"{program} comes with `make test`")


def free_port() -> int:
    """A port of this machine that nothing listens on at this moment."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@asynccontextmanager
async def running(command: Sequence[str], ready_url: str, log: Path) -> AsyncIterator[None]:
    """The program, from the moment that ``ready_url`` answers 200 until the context ends.

    Args:
        command: the program and its arguments.
        ready_url: what it serves once it is ready.
        log: takes all that it writes; an AssertionError shows it where it ends too early.
    """
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(*command, stdout=output, stderr=output)
    try:

        async def is_ready() -> bool:
            said = await asyncio.to_thread(log.read_text)
            assert process.returncode is None, f"{command[0]} ended:\n{said}"
            return await _answers(ready_url)

        await until(is_ready, _READY_SECONDS)
        yield
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await process.wait()


async def until(holds: Callable[[], Awaitable[bool]], seconds: float = 60) -> None:
    """Waits for something that tells nobody when it happens."""
    async with asyncio.timeout(seconds):
        # Another program's state, which tells nobody that it has changed.
        while not await holds():  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def _answers(url: str) -> bool:
    try:
        async with aiohttp.ClientSession() as session, session.get(url) as response:
            return response.status == 200
    except aiohttp.ClientError:
        return False
