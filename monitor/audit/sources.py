"""Where an audit reads its records from: files or topics, in chunks, each with its origin."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from monitor.audit.spans import Found
from monitor.core.events import Event


class Chunk(Protocol):
    """Some records read together; what is said of one of them is made only on demand."""

    @property
    def values(self) -> Sequence[bytes]:
        """The records' values, as they travel (a record without a value: empty bytes)."""

    @property
    def weight(self) -> int:
        """How much of the source's ``total`` this chunk was."""

    def origin(self, index: int) -> str:
        """Where a record comes from, for people: ``orders.jsonl:12``, ``orders[3]@4711``."""

    def check(self, index: int, event: Event) -> None:
        """Check an event against what carried it: key, partition, timestamp.

        Raises:
            InvalidEvent: they do not belong together.
        """


class Source(Protocol):
    """Records to audit, in no particular order."""

    @property
    def total(self) -> int:
        """The sum of all chunks' weights as far as known beforehand, in ``unit``."""

    @property
    def unit(self) -> str:
        """What weights count: ``bytes`` or ``records``."""

    def chunks(self) -> Iterator[Chunk]:
        """All records, each once.

        Raises:
            UnreadableSource: the source cannot be read to its end.
        """

    def of_seller(self, seller: str) -> "Source":
        """The same without records that cannot be a seller's, as far as the source can tell.

        Raises:
            UnreadableSource: it cannot be read.
        """


class PartitionedSource(Source, Protocol):
    """Records of topics, which can be read in parts."""

    @property
    def scope(self) -> Mapping[str, str]:
        """What it is of, for people: topics and range."""

    def find(self) -> Found:
        """What there is to read; the same whenever it is asked for.

        Raises:
            UnreadableSource: a part of what is asked for is not there.
        """

    def limited_to(self, found: Found) -> "PartitionedSource":
        """A source of what was found, or of a part of it; it can be sent to another process."""
