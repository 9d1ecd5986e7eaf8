"""Topics as an audit reads them: partition by partition, each record with its offset."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol

from monitor.core.instants import Instant


class LogRecord(NamedTuple):
    """A record and where it lies in its partition."""

    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()
    recorded_at: Instant = 0
    """The record's Kafka timestamp."""


class Log(Protocol):
    """One topic, wherever it is kept."""

    @property
    def topic(self) -> str:
        """Its name."""

    def bounds(self) -> Mapping[int, tuple[int, int]]:
        """Of each partition the first offset that is kept and the end offset.

        Raises:
            UnreadableSource: it cannot be asked.
        """

    def read(
        self, partition: int, begin: int, end: int, key: bytes | None = None
    ) -> Iterator[Sequence[LogRecord]]:
        """The records of a partition from ``begin`` up to ``end``, in their order, in runs.

        With a ``key`` only those under it, which may be found much faster.

        Raises:
            UnreadableSource: it cannot be read to its end.
        """


OpenLog = Callable[[str], AbstractContextManager[Log]]
"""Opens a topic by the name that the contract gives it (``alerts``, ``dead_letters`` …)."""


def every_record(log: Log, partition: int) -> Iterator[LogRecord]:
    """All records that are kept of a partition, as of now.

    Raises:
        UnreadableSource: it cannot be read to its end.
    """
    begin, end = log.bounds()[partition]
    for run in log.read(partition, begin, end):
        yield from run
