"""What the ledger topic keeps beside the subjects, and what all that it keeps has in common."""

from msgspec import Struct

from monitor.core.events import Event
from monitor.core.instants import Instant
from monitor.core.readings import Level


class Kept(Struct, kw_only=True, eq=False, gc=False):
    """Something that the ledger keeps under its id; equal only to itself.

    ``epoch`` is that of its latest version in the ledger, 0 while there is none.
    """

    id: str
    epoch: int = 0


class Held(Kept, kw_only=True, eq=False, gc=False):
    """An event whose instant is still to come; its id is a digest of the event."""

    event: Event


class Heartbeat(Kept, kw_only=True, eq=False, gc=False):
    """Up to when the feeds of an account are known to be complete."""

    latest_at: Instant | None = None
    events: int = 0
    redundant: int = 0


class Decision(Struct, frozen=True, array_like=True, gc=False):
    """Where an alert stands: its level, and the changes counted so far."""

    level: Level
    seq: int
    episode: int


class AlertState(Kept, kw_only=True, eq=False, gc=False):
    """An alert; its id is ``metric/window_days[/category]``.

    ``before`` is the decision before ``present``; ``record`` the bytes of the record that said
    so, empty once they are known to be published; ``number`` its place in the chain.
    """

    present: Decision
    before: Decision
    number: int = 0
    record: bytes = b""
