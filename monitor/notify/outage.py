"""A receiver that takes nothing: when the others are told of it, and in which words. Pure."""

from typing import Literal

from monitor.notify.text import Section, Text

FAILING_AFTER_SECONDS = 600.0


class Outage:
    """Whether a receiver takes what it is sent.

    Args:
        after_seconds: how long it may fail before that is told.
    """

    def __init__(self, after_seconds: float = FAILING_AFTER_SECONDS) -> None:
        self._after_seconds = after_seconds
        self._since_seconds: float | None = None
        self.why = ""
        """What went wrong last; no secret."""
        self.is_told = False
        """Whether it counts as failing."""

    def failed(self, now_seconds: float, why: str) -> None:
        """Note that it did not take something."""
        if self._since_seconds is None:
            self._since_seconds = now_seconds
        self.why = why

    def took(self) -> bool:
        """Note that it did take something; whether it counted as failing until then."""
        was_told, self.is_told = self.is_told, False
        self._since_seconds = None
        return was_told

    def tells(self, now_seconds: float) -> bool:
        """Whether it counts as failing from now on."""
        at = self.told_at_seconds()
        if at is None or now_seconds < at:
            return False
        self.is_told = True
        return True

    def told_at_seconds(self) -> float | None:
        """When it will count as failing, unless it takes something before."""
        if self._since_seconds is None or self.is_told:
            return None
        return self._since_seconds + self._after_seconds


def outage_text(receiver: str, state: Literal["failing", "back"], why: str = "") -> Text:
    """What the other receivers are told of one that fails, or that is back."""
    if state == "back":
        headline = f"Receiver {receiver} takes notifications again"
        section = Section(headline, "info", ("What waited for it is being delivered, in order.",))
        return Text(headline, (section,))
    headline = f"Receiver {receiver} takes no notifications"
    lines = (
        f"Last answer: {why}.",
        "What is meant for it waits on the alerts topic and is delivered once it is back.",
    )
    return Text(headline, (Section(headline, "critical", lines),))
