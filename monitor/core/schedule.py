"""The instants at which time alone changes a subject."""

from collections.abc import Iterator
from heapq import heappop, heappush
from itertools import count
from typing import Generic, TypeVar

from monitor.core.facts import Subject
from monitor.core.instants import Instant

Owner = TypeVar("Owner")


class Schedule(Generic[Owner]):
    """Subjects to look at again, of all accounts of an engine."""

    def __init__(self) -> None:
        self._heap: list[tuple[Instant, int, Owner, Subject]] = []
        self._serial = count()

    def wake(self, at: Instant, account: Owner, subject: Subject) -> None:
        """Look at a subject again at an instant, unless it is to be earlier already."""
        if subject.wake_at is None or at < subject.wake_at:
            subject.wake_at = at
            heappush(self._heap, (at, next(self._serial), account, subject))

    def due(self, now: Instant) -> Iterator[tuple[Owner, Subject]]:
        """Take the subjects due by an instant."""
        heap = self._heap
        while heap and heap[0][0] <= now:
            at, _, account, subject = heappop(heap)
            if subject.wake_at == at:
                subject.wake_at = None
                yield account, subject
