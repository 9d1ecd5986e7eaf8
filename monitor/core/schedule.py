"""The instants at which time alone changes a subject."""

from collections.abc import Iterator
from heapq import heappop, heappush
from typing import Generic, TypeVar

from monitor.core.facts import Subject
from monitor.core.instants import SECOND, Instant

Owner = TypeVar("Owner")

_MINUTE = 60 * SECOND


class Schedule(Generic[Owner]):
    """Subjects to look at again, of all accounts of an engine.

    They lie in one list per minute, since a heap of a million subjects costs more to keep in
    order than they cost to count. The entry that matters is the one whose minute is that of
    the subject's ``wake_at``; others are passed over.
    """

    def __init__(self) -> None:
        self._minutes: list[int] = []
        self._waiting: dict[int, list[tuple[Owner, Subject]]] = {}

    def wake(self, at: Instant, account: Owner, subject: Subject) -> None:
        """Look at a subject again at an instant, unless it is to be earlier already."""
        if subject.wake_at is not None and at >= subject.wake_at:
            return
        subject.wake_at = at
        minute = at // _MINUTE
        waiting = self._waiting.get(minute)
        if waiting is None:
            waiting = self._waiting[minute] = []
            heappush(self._minutes, minute)
        waiting.append((account, subject))

    def first_at(self) -> Instant | None:
        """The first instant at which a subject is due."""
        while self._minutes:
            minute = self._minutes[0]
            found = (subject.wake_at for _, subject in self._waiting[minute])
            first = min(
                (at for at in found if at is not None and at // _MINUTE == minute), default=None
            )
            if first is not None:
                return first
            heappop(self._minutes)
            del self._waiting[minute]
        return None

    def due(self, now: Instant) -> Iterator[tuple[Owner, Subject, Instant]]:
        """Take the subjects due by an instant, and when each was; any may be scheduled again."""
        this_minute = now // _MINUTE
        while self._minutes and self._minutes[0] <= this_minute:
            minute = self._minutes[0]
            yield from self._due_within(minute, now)
            if self._waiting[minute]:
                return
            heappop(self._minutes)
            del self._waiting[minute]

    def _due_within(self, minute: int, now: Instant) -> Iterator[tuple[Owner, Subject, Instant]]:
        waiting = self._waiting[minute]
        later = []
        try:
            while waiting:
                account, subject = waiting.pop()
                wake_at = subject.wake_at
                if wake_at is None or wake_at // _MINUTE != minute:
                    continue
                if wake_at <= now:
                    subject.wake_at = None
                    yield account, subject, wake_at
                else:
                    later.append((account, subject))
        finally:
            waiting.extend(later)
