"""Standard output: a notification as lines of text."""

import sys
from collections.abc import Sequence
from typing import TextIO

from monitor.errors import NotifyError
from monitor.notify.lines import lines_of
from monitor.notify.notification import Item, Notification
from monitor.notify.text import Text


class Console:
    """Writes to standard output, or to a stream that stands for it."""

    resend_seconds: float | None = None

    def __init__(self, name: str, stream: TextIO | None = None) -> None:
        self.name = name
        self._stream = stream

    async def deliver(self, notification: Notification, text: Text) -> None:  # noqa: ARG002
        """Write once; see Receiver."""
        stream = self._stream or sys.stdout
        said = "\n".join(lines_of(text)) + "\n"
        # A terminal of another encoding shows what it can.
        encoding = stream.encoding or "utf-8"
        try:
            stream.write(said.encode(encoding, "backslashreplace").decode(encoding))
            stream.flush()
        except OSError as error:
            raise NotifyError(error.strerror or type(error).__name__, permanent=False) from None

    async def resend(self, items: Sequence[Item]) -> None:
        """Nothing: what was said is said."""

    async def close(self) -> None:
        """Standard output is not ours to close."""
