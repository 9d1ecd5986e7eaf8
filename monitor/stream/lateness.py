"""Whether a partition is so far behind that what it knows is no longer the present. Pure."""

from collections.abc import Mapping

from monitor.core.events import SourceTopic
from monitor.core.position import Offsets

BEHIND_SECONDS = 15.0
"""Records that lay there for so long should have been applied."""
BEHIND_RECORDS = 50_000
"""So many records of one topic that wait are a backlog, however young they are."""


SILENT_SECONDS = 15.0
"""A topic of which the broker has told nothing for so long, not even that nothing came."""


class Lateness:
    """Follows one partition from look to look.

    A worker at its full speed always has some records before it; what tells that it is stuck, or
    was cut off, or that months of history came at once, is that they do not go away.
    """

    def __init__(self) -> None:
        self._marks: dict[SourceTopic, tuple[int, float]] = {}
        self._answers: dict[SourceTopic, tuple[int | None, float]] = {}

    def is_late(
        self, positions: Offsets, ends: Mapping[SourceTopic, int | None], now_seconds: float
    ) -> bool:
        """Whether it is too far behind by now.

        Args:
            positions: per topic the next offset to apply.
            ends: the end offsets last seen; None: none was.
            now_seconds: the present, of any clock that is never set back.
        """
        late = False
        for topic, position in positions.items():
            # Each topic is looked at: its mark moves on.
            late = self._waits(topic, position, ends.get(topic) or 0, now_seconds) or late
        return late

    def silent(
        self,
        positions: Offsets,
        ends: Mapping[SourceTopic, int | None],
        answers: Mapping[SourceTopic, int | None],
        now_seconds: float,
    ) -> list[SourceTopic]:
        """The topics of which nobody knows any more whether anything waits there.

        Where records are known to wait nothing is asked for, so that nothing is told either:
        those are for ``is_late``.

        Args:
            positions: per topic the next offset to apply.
            ends: the end offsets last seen; None: none was.
            answers: of each topic something that differs from one answer to the next.
            now_seconds: the present, of any clock that is never set back.
        """
        silent: list[SourceTopic] = []
        for topic, answer in answers.items():
            known, since_seconds = self._answers.get(topic, (answer, now_seconds))
            if known != answer or positions[topic] < (ends.get(topic) or 0):
                since_seconds = now_seconds
            self._answers[topic] = (answer, since_seconds)
            if now_seconds - since_seconds >= SILENT_SECONDS:
                silent.append(topic)
        return silent

    def _waits(self, topic: SourceTopic, position: int, end: int, now_seconds: float) -> bool:
        if position >= end:
            self._marks.pop(topic, None)
            return False
        marked, since_seconds = self._marks.get(topic, (position, now_seconds))
        if position >= marked:
            self._marks[topic] = (end, now_seconds)
            return end - position >= BEHIND_RECORDS
        return now_seconds - since_seconds >= BEHIND_SECONDS or end - position >= BEHIND_RECORDS
