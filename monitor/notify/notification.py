"""What one message to a receiver is about: the alert records that it tells of, worst first."""

from dataclasses import dataclass
from hashlib import sha256
from typing import Literal, NamedTuple

from monitor.core.alert_records import AlertRecord
from monitor.core.rules import Severity

Occasion = Literal["change", "summary", "test", "delivery"]


class Item(NamedTuple):
    """A record, and what a text and a route need besides it.

    ``severity``: by the policy in force when it was decided. ``volume_min``: below so many
    counted orders a text speaks in counts. ``previous``: what the receiver was told of this
    alert last; None: nothing. ``warn_before``: how long before they are due open items are told
    of, in microseconds.
    """

    record: AlertRecord
    severity: Severity
    runbook: str = ""
    volume_min: int = 0
    previous: AlertRecord | None = None
    warn_before: int = 0


@dataclass(frozen=True, slots=True)
class Notification:
    """Records that are told of together.

    A ``change`` is of one seller in one marketplace. A ``summary`` is what is open after a
    partition has caught up, of any number of sellers. A ``test`` is marked as such and is about
    nobody. A ``delivery`` is about another receiver, which fails or is back: it has no items,
    and all there is to say is in its text.
    """

    items: tuple[Item, ...]
    """Of each alert one, the worst first; empty only of a ``delivery``."""
    occasion: Occasion = "change"
    about: str = ""
    """Of a ``delivery``: the name of the receiver that fails, or is back."""
    resolves: bool = False
    """Of a ``delivery``: whether that receiver is back."""

    @property
    def key(self) -> str:
        """Names this notification: the same for the same records, also after a crash."""
        named = sorted(f"{one.record.alert} {one.record.seq}" for one in self.items)
        # Of a delivery the same while it fails and when it is back, so that one closes the other.
        names = [self.occasion, *named, *([self.about] if self.about else [])]
        return sha256("\n".join(names).encode()).hexdigest()[:32]
