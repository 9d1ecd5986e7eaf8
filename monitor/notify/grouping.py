"""Which records are told of together: those of one seller within a wait, and summaries. Pure."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, Protocol

from monitor.core.alert_records import AlertRecord
from monitor.core.instants import HOUR, Instant, parse_instant
from monitor.core.standing import Reason

GroupKey = tuple[str, ...]


class Origin(Protocol):
    """Where records came from; hears of each that was dealt with."""

    def settle_one(self) -> None:
        """One of its records was dealt with."""


_RECORDS_HELD_MAX = 10_000
_OF_A_PARTITION: frozenset[Reason] = frozenset({"caught_up", "stale", "policy"})
"""What befalls many sellers at once: a storm of notifications, if each had its own."""
_LATE = ("late",)
_SUMMARIES: frozenset[GroupKey] = frozenset({("caught_up",), _LATE})


class Grouping(NamedTuple):
    """How records are grouped.

    ``wait_seconds``: how long a group takes in more after its first record. ``late_hours``:
    what was decided longer ago when it is read belongs to one summary.
    """

    wait_seconds: float = 5.0
    late_hours: float = 24.0


@dataclass(slots=True, eq=False)
class Group:
    """Records of one partition that are told of together; of each alert the latest."""

    partition: int
    key: GroupKey
    due_seconds: float
    records: dict[str, AlertRecord] = field(default_factory=dict)
    origins: list[Origin] = field(default_factory=list)
    """Where each record came from, one entry each, also of those passed over."""
    passed_over: int = 0
    """How many records made way for a later one of their alert."""

    @property
    def occasion(self) -> Literal["change", "summary"]:
        """What befell a whole partition is a change where it befell one seller only."""
        if self.key in _SUMMARIES:
            return "summary"
        accounts = {(one.seller, one.marketplace) for one in self.records.values()}
        return "change" if len(accounts) == 1 else "summary"

    def add(self, record: AlertRecord, origin: Origin) -> None:
        """Take in a record."""
        self.origins.append(origin)
        known = self.records.get(record.alert)
        if known is None:
            self.records[record.alert] = record
            return
        self.passed_over += 1
        if _is_later(record, known):
            self.records[record.alert] = record


class Groups:
    """Groups in the order in which their first records came.

    A group is closed once its wait is over: what comes later belongs to the next, so that a
    receiver that was down hears all that happened, in order.

    Args:
        grouping: how records are grouped.
        records_max: with so many records held all groups are due at once.
    """

    def __init__(self, grouping: Grouping, records_max: int = _RECORDS_HELD_MAX) -> None:
        self._grouping = grouping
        self._records_max = records_max
        self._order: deque[Group] = deque()
        self._open: dict[tuple[int, GroupKey], Group] = {}
        self.held = 0
        """How many records are in groups."""

    @property
    def is_full(self) -> bool:
        """Whether no more records should be read for now."""
        return self.held >= self._records_max

    def add(
        self, record: AlertRecord, partition: int, origin: Origin, now_seconds: float, at: Instant
    ) -> None:
        """Put a record into its group.

        Args:
            record: an alert record.
            partition: whence it was read.
            origin: comes back with its group.
            now_seconds: the present, of any clock that is never set back.
            at: the present instant.
        """
        key = self._key_of(record, at)
        group = self._open.get((partition, key))
        if group is None or group.due_seconds <= now_seconds:
            due_seconds = now_seconds + self._grouping.wait_seconds
            group = Group(partition, key, due_seconds)
            self._order.append(group)
            self._open[partition, key] = group
        group.add(record, origin)
        self.held += 1

    def due(self, now_seconds: float) -> Group | None:
        """The first group, if its wait is over; it takes in nothing more."""
        if not self._order or (self._order[0].due_seconds > now_seconds and not self.is_full):
            return None
        group = self._order[0]
        self._close(group)
        return group

    def due_at_seconds(self) -> float | None:
        """When the first group will be due."""
        return self._order[0].due_seconds if self._order else None

    def settle(self, group: Group) -> None:
        """Let go of a group that was dealt with, and tell the origins of its records.

        Without effect where all were dropped meanwhile.
        """
        if group not in self._order:
            return
        self._order.remove(group)
        self._close(group)
        self.held -= len(group.origins)
        for origin in group.origins:
            origin.settle_one()

    def drop(self) -> None:
        """Forget all."""
        self._order.clear()
        self._open.clear()
        self.held = 0

    def first_records(self) -> Iterable[AlertRecord]:
        """Those of the first group."""
        return self._order[0].records.values() if self._order else ()

    def _close(self, group: Group) -> None:
        if self._open.get((group.partition, group.key)) is group:
            del self._open[group.partition, group.key]

    def _key_of(self, record: AlertRecord, at: Instant) -> GroupKey:
        if at - parse_instant(record.as_of) > self._grouping.late_hours * HOUR:
            return _LATE
        if record.reason in _OF_A_PARTITION:
            return (record.reason,)
        return (record.seller, record.marketplace)


def _is_later(record: AlertRecord, known: AlertRecord) -> bool:
    """Whether a record of an alert comes after another; numbers begin anew with the ledger."""
    if record.seq > known.seq:
        return True
    return parse_instant(record.as_of) > parse_instant(known.as_of)
