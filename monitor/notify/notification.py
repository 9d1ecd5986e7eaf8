"""What one message to a receiver is about: the alert records that it tells of, worst first."""

from dataclasses import dataclass
from hashlib import sha256
from typing import Literal, NamedTuple

from monitor.core.alert_records import AlertRecord
from monitor.core.rules import Severity

Occasion = Literal["change", "summary", "test"]


class Item(NamedTuple):
    """A record, and what a text and a route need besides it.

    ``severity``: by the policy in force when it was decided. ``volume_min``: below so many
    counted orders a text speaks in counts. ``previous``: what the receiver was told of this
    alert last; None: nothing.
    """

    record: AlertRecord
    severity: Severity
    runbook: str = ""
    volume_min: int = 0
    previous: AlertRecord | None = None


@dataclass(frozen=True, slots=True)
class Notification:
    """Records that are told of together.

    A ``change`` is of one seller in one marketplace. A ``summary`` is what is open after a
    partition has caught up, of any number of sellers. A ``test`` is marked as such and is about
    nobody.
    """

    items: tuple[Item, ...]
    """Not empty; of each alert one, the worst first."""
    occasion: Occasion = "change"

    @property
    def key(self) -> str:
        """Names this notification: the same for the same records, also after a crash."""
        named = sorted(f"{one.record.alert} {one.record.seq}" for one in self.items)
        return sha256("\n".join([self.occasion, *named]).encode()).hexdigest()[:32]
