"""What a receiver was told in a trial: a file of lines, and what is wrong with it."""

import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from monitor.notify.notification import Item, Notification
from monitor.notify.text import Text

_OPEN = ("approaching", "breached")


class FileReceiver:
    """Appends what it is told to a file."""

    name = "file"
    resend_seconds: float | None = None

    def __init__(self, path: Path) -> None:
        self._path = path

    async def deliver(self, notification: Notification, text: Text) -> None:
        lines = [f"{item.record.alert} {item.record.seq}\n" for item in notification.items]
        with self._path.open("a") as file:
            file.write("".join(lines))
            file.flush()
            os.fsync(file.fileno())

    async def resend(self, items: Sequence[Item]) -> None:
        """Never asked to."""

    async def close(self) -> None:
        """Nothing."""


def told_by(path: Path) -> list[tuple[str, int]]:
    """Alerts and numbers of the records that were told, in their order."""
    lines: list[str] = []
    with suppress(FileNotFoundError):
        lines = path.read_text().splitlines()
    return [(alert, int(seq)) for alert, _, seq in (line.rpartition(" ") for line in lines)]


def unheard(
    told: Iterable[tuple[str, int]], alerts: Mapping[str, Sequence[Mapping[str, Any]]]
) -> Iterable[str]:
    """Alerts of which the receiver knows no better than before their last record.

    What opened and closed before it heard of either is not told; what it heard is closed.
    """
    last: dict[str, int] = {}
    for alert, seq in told:
        last[alert] = max(seq, last.get(alert, 0))
    for alert, history in sorted(alerts.items()):
        end = history[-1]
        heard = last.get(alert, 0)
        must_hear = end["to"] in _OPEN or heard >= end["episode"]
        if must_hear and heard < end["seq"]:
            yield f"{alert}: of {end['seq']} records the last one heard was {heard}"
