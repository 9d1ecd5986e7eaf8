"""A topic in memory, as an audit reads it."""

from collections.abc import Iterator, Mapping, Sequence

from monitor.audit.logs import LogRecord


class MemoryLog:
    """Partitions of records whose offsets ascend, not always by one."""

    def __init__(self, partitions: Mapping[int, Sequence[LogRecord]], topic: str = "topic") -> None:
        self.topic = topic
        self._partitions = partitions

    def bounds(self) -> Mapping[int, tuple[int, int]]:
        """Of each partition the first offset and the end."""
        return {
            number: (records[0].offset, records[-1].offset + 1) if records else (0, 0)
            for number, records in self._partitions.items()
        }

    def read(
        self, partition: int, begin: int, end: int, key: bytes | None = None
    ) -> Iterator[Sequence[LogRecord]]:
        """The records, two at a time, and none where the broker keeps one waiting."""
        found = [one for one in self._partitions[partition] if begin <= one.offset < end]
        for start in range(0, len(found), 2):
            yield [one for one in found[start : start + 2] if key is None or one.key == key]
            yield []
