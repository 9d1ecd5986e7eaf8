"""What an account hears: of its feeds, each source topic, which vouch for themselves; of facts."""

from collections.abc import Iterator

from monitor.core.instants import Instant
from monitor.core.kept import Heartbeat
from monitor.core.merging import take_heartbeat
from monitor.core.readings import MovedBy


class Feeds:
    """The latest heartbeat of each feed that ever sent one.

    ``beaten``: whether a heartbeat came since somebody last looked. ``silent``: whether one of
    them has been silent for too long.
    """

    __slots__ = ("_of", "_was_silent", "beaten", "silent")

    def __init__(self) -> None:
        self._of: dict[str, Heartbeat] = {}
        self.beaten = False
        self.silent = False
        self._was_silent = False

    def __iter__(self) -> Iterator[Heartbeat]:
        """The heartbeats, one of each feed."""
        return iter(self._of.values())

    def of(self, feed: str) -> Heartbeat:
        """The latest heartbeat of a feed."""
        heartbeat = self._of.get(feed)
        if heartbeat is None:
            heartbeat = self._of[feed] = Heartbeat(id=feed)
        return heartbeat

    def hear(self, feed: str, at: Instant) -> bool:
        """Take in a heartbeat; False where a later one was known."""
        heartbeat = self.of(feed)
        heartbeat.events += 1
        if not take_heartbeat(heartbeat, at):
            heartbeat.redundant += 1
            return False
        self.beaten = True
        return True

    def take_return(self) -> bool:
        """Whether a feed that was silent when this was last called is heard again."""
        was_silent, self._was_silent = self._was_silent, self.silent
        return was_silent and not self.silent

    def complete_to(self, kept_from: Instant) -> Instant | None:
        """Up to when all are complete that have sent a heartbeat since an instant; None: none has.

        What is past retention counts nowhere, a heartbeat neither.
        """
        found = (heartbeat.latest_at for heartbeat in self._of.values())
        return min((at for at in found if at is not None and at >= kept_from), default=None)


class News:
    """What moved the series of an account since somebody last asked.

    ``heard``: whether an event changed a fact; ``ruled``: whether the policy changed. So it
    follows from the facts and the instants, in whatever order they came.
    """

    __slots__ = ("heard", "ruled")

    def __init__(self) -> None:
        self.heard = False
        self.ruled = False

    def take(self, *, returned: bool) -> MovedBy:
        """What it was; from then on nothing. ``returned``: a silent feed is heard again."""
        heard, ruled = self.heard, self.ruled
        self.heard = self.ruled = False
        if ruled:
            return "policy"
        if returned:
            return "caught_up"
        return "events" if heard else "time"
