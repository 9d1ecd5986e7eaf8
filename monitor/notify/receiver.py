"""What a receiver is to the delivery: something that takes one notification at a time."""

from collections.abc import Sequence
from typing import Protocol

from monitor.notify.notification import Item, Notification
from monitor.notify.text import Text


class Receiver(Protocol):
    """Somebody who is told.

    Delivery calls one method at a time, retries, keeps the rate, and remembers what was
    delivered; a receiver does a single attempt and knows nothing of earlier ones.
    """

    @property
    def name(self) -> str:
        """As the settings call it; no secret."""

    @property
    def resend_seconds(self) -> float | None:
        """How often ``resend`` wants to be called while alerts are open; None: never."""

    async def deliver(self, notification: Notification, text: Text) -> None:
        """Deliver once.

        Raises:
            NotifyError: it was not taken. ``permanent``: nor will it ever be.
        """

    async def resend(self, items: Sequence[Item]) -> None:
        """Say again what is open, and for five minutes what has closed.

        Raises:
            NotifyError: it was not taken.
        """

    async def close(self) -> None:
        """Let go of connections."""
