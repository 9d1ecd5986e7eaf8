"""What of the notification in hand has been taken, where it is delivered in several parts."""

from dataclasses import dataclass, field

from monitor.errors import NotifyError


@dataclass(slots=True)
class Taken:
    """Parts of one notification that need no further attempt.

    Without it, a receiver that limits its rate would be sent the first parts over and over.
    Lost in a crash: then they are sent once more.
    """

    key: str = ""
    parts: set[str] = field(default_factory=set)
    refused: dict[str, NotifyError] = field(default_factory=dict)
    """The parts that will never be taken, and why."""

    def begin(self, key: str) -> None:
        """Begin, or go on with, the notification of a key."""
        if key != self.key:
            self.key = key
            self.parts.clear()
            self.refused.clear()

    def needs(self, part: str) -> bool:
        """Whether a part is still to be delivered."""
        return part not in self.parts and part not in self.refused

    def end(self, what: str) -> None:
        """The notification is over: forget it, and raise if any part was refused.

        ``what`` is what a part is called, in the plural.

        Raises:
            NotifyError: permanent, with the first reason.
        """
        refused, total = self.refused, len(self.parts) + len(self.refused)
        self.key, self.parts, self.refused = "", set(), {}
        if refused:
            reason = next(iter(refused.values()))
            raise NotifyError(f"{reason} ({len(refused)} of {total} {what})", permanent=True)
