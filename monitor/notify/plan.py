"""What delivery has to know: to whom, how, and who says what. Pure."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from monitor.core.instants import Instant
from monitor.notify.grouping import Grouping
from monitor.notify.notification import Item, Notification
from monitor.notify.outage import FAILING_AFTER_SECONDS
from monitor.notify.receiver import Receiver
from monitor.notify.routing import Decision
from monitor.notify.sorting import Judge
from monitor.notify.text import Text


class Followed(Protocol):
    """What decisions rest on and somebody else may change, such as the silences."""

    async def read(self) -> None:
        """Take in all that there is; before anything is decided."""

    async def run(self) -> None:
        """Take in what is new, until cancelled."""


class Addressee(NamedTuple):
    """A receiver, and how many notifications a minute it takes (None: as many as come)."""

    receiver: Receiver
    rate_per_minute: float | None = None


@dataclass(frozen=True, slots=True)
class Desk:
    """What is decided of records before they go out: how urgent, whose, in which words."""

    judge: Judge
    rule: Callable[[Item, str, Instant], Decision]
    """Decides on an item for the receiver of that name, at an instant."""
    compose: Callable[[Notification, str], Text]
    """A notification in words, for the receiver of that name."""


@dataclass(frozen=True, slots=True)
class DeliveryPlan:
    """Who is told of alerts, and how they are grouped."""

    addressees: tuple[Addressee, ...]
    desk: Desk
    grouping: Grouping = field(default_factory=Grouping)
    failing_after_seconds: float = FAILING_AFTER_SECONDS
    followed: tuple[Followed, ...] = ()
    """What the desk looks at, to be read before and followed while anything is delivered."""
