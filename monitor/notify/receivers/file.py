"""A file of JSON lines, one for each notification, on the disk before it counts as delivered."""

import asyncio
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from monitor.errors import NotifyError
from monitor.notify.document import document_of
from monitor.notify.notification import Item, Notification
from monitor.notify.text import Text

_MODE_OF_NEW_FILES = 0o640


class File:
    """Appends to a file, which may be moved away meanwhile and is then begun anew."""

    resend_seconds: float | None = None

    def __init__(self, name: str, path: Path) -> None:
        self.name = name
        self._path = path

    async def deliver(self, notification: Notification, text: Text) -> None:
        """Append once; see Receiver. Never permanent: a full disk may be emptied."""
        line = document_of(notification, text) + b"\n"
        try:
            await asyncio.to_thread(_append, self._path, line)
        except OSError as error:
            raise NotifyError(error.strerror or type(error).__name__, permanent=False) from None

    async def resend(self, items: Sequence[Item]) -> None:
        """Nothing: what was written stays."""

    async def close(self) -> None:
        """Nothing is kept open."""


def _append(path: Path, line: bytes) -> None:
    """Append a whole line, or nothing.

    Raises:
        OSError: it is not on the disk.
    """
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
    handle = os.open(path, flags, _MODE_OF_NEW_FILES)
    try:
        begun_at = os.fstat(handle).st_size
        # A crash may have left a line without its end.
        is_torn = begun_at > 0 and os.pread(handle, 1, begun_at - 1) != b"\n"
        try:
            _write(handle, (b"\n" if is_torn else b"") + line)
            os.fsync(handle)
        except OSError:
            # What is no file has no length to go back to.
            with suppress(OSError):
                os.ftruncate(handle, begun_at)
            raise
    finally:
        os.close(handle)


def _write(handle: int, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(handle, rest) :]
