"""The Parquet files of an archive: records of one partition, written and read by row groups."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from monitor.audit.archive_files import ArchivedFile
from monitor.audit.logs import LogRecord
from monitor.errors import UnreadableSource

_GROUP_RECORDS = 1 << 16
_GROUP_BYTES = 16 << 20
_BATCH_RECORDS = 1 << 11
"""As many as fit into a processor's cache: much faster than a row group at once."""
_ABOUT = b"monitor.archive"
_MILLISECOND = 1000

_HEADER = pa.struct([("key", pa.string()), ("value", pa.binary())])
_SCHEMA = pa.schema(
    [
        pa.field("offset", pa.int64(), nullable=False),
        pa.field("timestamp", pa.timestamp("ms", tz="UTC"), nullable=False),
        pa.field("key", pa.binary()),
        pa.field("value", pa.binary()),
        pa.field("headers", pa.list_(_HEADER), nullable=False),
    ]
)

Headers = tuple[tuple[str, bytes], ...]


class About(msgspec.Struct, frozen=True):
    """What a file says of itself; offsets without a record are markers or were compacted."""

    topic: str
    partition: int
    begin: int
    end: int
    records: int


class Rows(NamedTuple):
    """Records that were read together, column by column; ``millis`` are Kafka timestamps."""

    offsets: Sequence[int]
    millis: Sequence[int]
    keys: Sequence[bytes | None]
    values: Sequence[bytes | None]
    headers: Sequence[Headers] | None
    """None where they were not asked for."""

    def records(self) -> list[LogRecord]:
        """The records, one by one."""
        headers = self.headers or [()] * len(self.offsets)
        columns = zip(self.offsets, self.keys, self.values, headers, self.millis, strict=True)
        return [
            LogRecord(offset, key, value, some, millis * _MILLISECOND)
            for offset, key, value, some, millis in columns
        ]


class FileWriter:
    """Writes one file; a context, after which it is complete unless an error ended it.

    Args:
        path: where; what is there already is replaced.
    """

    def __init__(self, path: Path) -> None:
        self.records = 0
        self.value_bytes = 0
        self._waiting: list[LogRecord] = []
        self._waiting_bytes = 0
        self._writer = pq.ParquetWriter(
            path,
            _SCHEMA,
            compression="zstd",
            # Sellers come again and again, values do not.
            use_dictionary=["key"],
            write_page_checksum=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._writer.close()

    def add(self, record: LogRecord) -> None:
        """Write a record, sooner or later."""
        self._waiting.append(record)
        size = len(record.value or b"") + sum(len(value or b"") for _, value in record.headers)
        self._waiting_bytes += size
        self.value_bytes += size
        self.records += 1
        if len(self._waiting) >= _GROUP_RECORDS or self._waiting_bytes >= _GROUP_BYTES:
            self._flush()

    def finish(self, topic: str, file: ArchivedFile) -> None:
        """Write what is left, and what the file holds."""
        self._flush()
        about = About(topic, file.partition, file.begin, file.end, self.records)
        self._writer.add_key_value_metadata({_ABOUT: msgspec.json.encode(about)})

    def _flush(self) -> None:
        if not self._waiting:
            return
        rows = self._waiting
        columns = [
            [one.offset for one in rows],
            [one.recorded_at // _MILLISECOND for one in rows],
            [one.key for one in rows],
            [one.value for one in rows],
            [[{"key": key, "value": value} for key, value in one.headers] for one in rows],
        ]
        arrays = [pa.array(some, field.type) for some, field in zip(columns, _SCHEMA, strict=True)]
        self._writer.write_table(pa.Table.from_arrays(arrays, schema=_SCHEMA), len(rows))
        self._waiting, self._waiting_bytes = [], 0


class FileReader:
    """Reads one file.

    Raises:
        UnreadableSource: it is not what its name says, or damaged.
    """

    def __init__(self, file: ArchivedFile, topic: str) -> None:
        self._file = file
        with _explained(file.path):
            self._parquet = pq.ParquetFile(
                file.path, memory_map=True, page_checksum_verification=True
            )
        kept = self._parquet.metadata.metadata or {}
        try:
            about = msgspec.json.decode(kept.get(_ABOUT, b""), type=About)
        except msgspec.MsgspecError as error:
            raise UnreadableSource(f"{file.path}: does not say what it holds: {error}") from error
        said = (about.topic, about.partition, about.begin, about.end, about.records)
        due = (topic, file.partition, file.begin, file.end, self._parquet.metadata.num_rows)
        if said != due or not self._parquet.schema_arrow.equals(_SCHEMA):
            raise UnreadableSource(
                f"{file.path}: is another file: it says {about.topic}[{about.partition}] offsets"
                f" {about.begin} to {about.end - 1}"
            )

    def rows(
        self, begin: int, end: int, key: bytes | None = None, *, with_headers: bool
    ) -> Iterator[Rows]:
        """The records from an offset up to another, or of these those under a key, in their order.

        Raises:
            UnreadableSource: the file is damaged.
        """
        columns = ["offset", "timestamp", "key", "value", *(["headers"] if with_headers else [])]
        for number, low, high in self._groups("offset"):
            if low < end and high >= begin:
                for batch in self._batches(number, columns):
                    found = batch if key is None else _under(batch, key)
                    yield from _within(found, begin, end)

    def first_at(self, millis: int) -> int | None:
        """The first offset of a record with this timestamp or a later one, if any."""
        for number, _, latest in self._groups("timestamp"):
            if latest < millis:
                continue
            for batch in self._batches(number, ["offset", "timestamp"]):
                offsets, times = _integers(batch["offset"]), _integers(batch["timestamp"])
                for offset, at in zip(offsets, times, strict=True):
                    if at >= millis:
                        return offset
        return None

    def last(self) -> LogRecord | None:
        """The last record; None where there is none.

        Raises:
            UnreadableSource: the file is damaged.
        """
        begin, end = self._file.begin, self._file.end
        last = max((high for _, _, high in self._groups("offset")), default=begin)
        found = [one for rows in self.rows(last, end, with_headers=True) for one in rows.records()]
        return found[-1] if found else None

    def _batches(self, group: int, columns: list[str]) -> Iterator[Any]:
        """A row group, some records at a time."""
        with _explained(self._file.path):
            batches = self._parquet.iter_batches(
                _BATCH_RECORDS, row_groups=[group], columns=columns, use_threads=False
            )
        while True:
            with _explained(self._file.path):
                batch = next(batches, None)
            if batch is None:
                return
            yield batch

    def _groups(self, column: str) -> Iterator[tuple[int, int, int]]:
        """Each row group's number and the least and greatest value of a column of integers."""
        place = _SCHEMA.get_field_index(column)
        for number in range(self._parquet.num_row_groups):
            kept = self._parquet.metadata.row_group(number).column(place).statistics
            if kept is None or not kept.has_min_max:
                raise UnreadableSource(f"{self._file.path}: row group {number} has no statistics")
            yield number, kept.min_raw, kept.max_raw


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Damage of a file as a sentence."""
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        raise UnreadableSource(f"{path}: cannot be read: {error}") from error


def _under(batch: Any, key: bytes) -> Any:
    """The part of a batch that has a key."""
    return batch.filter(pc.equal(batch["key"], pa.scalar(key, pa.binary())))


def _within(batch: Any, begin: int, end: int) -> Iterator[Rows]:
    """The part of a batch that lies between two offsets."""
    offsets = _integers(batch["offset"])
    if offsets and (offsets[0] < begin or offsets[-1] >= end):
        first = next((n for n, one in enumerate(offsets) if one >= begin), len(offsets))
        last = next((n for n, one in enumerate(offsets) if one >= end), len(offsets))
        batch, offsets = batch.slice(first, last - first), offsets[first:last]
    if not offsets:
        return
    headers = _headers(batch["headers"]) if "headers" in batch.schema.names else None
    millis, keys = _integers(batch["timestamp"]), batch["key"].to_pylist()
    yield Rows(offsets, millis, keys, batch["value"].to_pylist(), headers)


def _integers(array: Any) -> list[int]:
    """Integers without nulls, also what is stored as such."""
    numbers: list[int] = array.cast(pa.int64()).to_pylist()
    return numbers


def _headers(array: Any) -> list[Headers]:
    if not len(array.flatten()):
        return [()] * len(array)
    return [tuple((one["key"], one["value"]) for one in some) for some in array.to_pylist()]
