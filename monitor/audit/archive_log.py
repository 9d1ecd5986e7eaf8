"""A topic of an archive, read like one of a cluster."""

from collections.abc import Iterator, Mapping, Sequence

from monitor.audit.archive_files import ArchivedTopic
from monitor.audit.archive_format import FileReader, Rows
from monitor.audit.logs import LogRecord


class ArchiveLog:
    """One topic, as its files were when it was opened."""

    def __init__(self, topic: ArchivedTopic) -> None:
        self.topic = topic.facts.topic
        self._archived = topic

    def bounds(self) -> Mapping[int, tuple[int, int]]:
        """Of each partition the first offset that is archived and the end offset."""
        return self._archived.bounds()

    def read(
        self, partition: int, begin: int, end: int, key: bytes | None = None
    ) -> Iterator[Sequence[LogRecord]]:
        """The records of a partition from ``begin`` up to ``end``, in their order, in runs.

        With a ``key`` only those under it: of the others nothing is made but their key.

        Raises:
            UnreadableSource: a file is damaged, or retention took a part of the range before
                it was archived.
        """
        for rows in read_rows(self._archived, partition, (begin, end), key, with_headers=True):
            yield rows.records()


def read_rows(
    topic: ArchivedTopic,
    partition: int,
    span: tuple[int, int],
    key: bytes | None = None,
    *,
    with_headers: bool,
) -> Iterator[Rows]:
    """The records of a partition between two offsets, or those under a key, column by column.

    Raises:
        UnreadableSource: as ``ArchiveLog.read``.
    """
    topic.check_whole(partition, *span)
    for file in topic.files(partition, *span):
        reader = FileReader(file, topic.facts.topic)
        yield from reader.rows(*span, key, with_headers=with_headers)
