"""What becomes of events: of a batch at once, of all of a ledger in the end."""

from dataclasses import dataclass
from enum import IntEnum

from monitor.core.events import Event


class Outcome(IntEnum):
    """What became of a valid event."""

    COUNTED = 0
    REDUNDANT = 1
    LATE = 2
    TOO_LARGE = 3


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of a batch: facts changed, nothing new, too old, or kept for later.

    ``too_large`` are those that their subject had no room for.
    """

    counted: int
    redundant: int
    late: int
    held: int
    too_large: tuple[Event, ...] = ()


@dataclass(frozen=True, slots=True)
class Balance:
    """All events of the ledger by what they are worth now; held ones are not in it.

    Unlike the sum of ``Applied`` it does not depend on the order of reading, except for the
    split between counted and redundant.
    """

    counted: int
    redundant: int
    late: int
