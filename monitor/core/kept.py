"""What the ledger topic keeps beside the subjects, and what all that it keeps has in common."""

from msgspec import Struct

from monitor.core.events import Event
from monitor.core.instants import Instant
from monitor.core.standing import Standing


class Kept(Struct, kw_only=True, eq=False, gc=False):
    """Something that the ledger keeps under its id; equal only to itself.

    ``epoch`` is that of its latest version in the ledger, 0 while there is none.
    """

    id: str
    epoch: int = 0


class Held(Kept, kw_only=True, eq=False, gc=False):
    """An event whose instant is still to come; its id is a digest of the event.

    ``feed``: where it came from.
    """

    event: Event
    feed: str = ""


class Heartbeat(Kept, kw_only=True, eq=False, gc=False):
    """Up to when a feed of an account is known to be complete; its id is the feed's name."""

    latest_at: Instant | None = None
    events: int = 0
    redundant: int = 0


class AlertState(Kept, kw_only=True, eq=False, gc=False):
    """An alert; its id is ``metric/window_days[/category]``, or a kind of items.

    ``before`` is where it stood before the point that led to ``present``; ``record`` the bytes
    of its last record, ``number`` that record's place in the chain.
    """

    present: Standing
    before: Standing
    number: int = 0
    record: bytes = b""
