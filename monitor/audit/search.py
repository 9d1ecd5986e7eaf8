"""Finds one alert record in its log, the records that it is chained to, and its point."""

from collections.abc import Collection, Iterator
from hashlib import sha256
from typing import NamedTuple

import msgspec

from monitor.audit.alert_id import AlertId
from monitor.audit.chain import Linked
from monitor.audit.logs import Log, LogRecord, every_record
from monitor.audit.rerun import JournaledPoint, point_of
from monitor.audit.verification import partition_of
from monitor.core.alert_records import AlertRecord, decode_record
from monitor.core.instants import parse_instant
from monitor.errors import NothingToExplain, UnreadableSource

_NEARBY = 2000


class Placed(NamedTuple):
    """A record of the alert log and where it lies."""

    partition: int
    offset: int
    value: bytes
    seller: str
    previous: str
    """Digest of the record before it, as it names it."""

    @property
    def sha256(self) -> str:
        """Digest of its bytes, which the next record names."""
        return sha256(self.value).hexdigest()


class FoundRecord(NamedTuple):
    """One alert record and its neighbours in the chain, where these are kept."""

    record: AlertRecord
    placed: Placed
    previous: Placed | None
    following: Placed | None


class FoundPoint(NamedTuple):
    """The evaluation point of a record, and where it lies in its partition."""

    offset: int
    point: JournaledPoint


def find_record(log: Log, alert_id: AlertId, earlier_partitions: Collection[int]) -> FoundRecord:
    """The record of a name; where it is there twice, the first.

    Raises:
        NothingToExplain: the log has none of this name.
        UnreadableSource: it cannot be read to its end, or the record is of another version.
    """
    counts = (len(log.bounds()), *earlier_partitions)
    seller = alert_id.seller.encode()
    for number in sorted({partition_of(seller, count) for count in counts} & set(log.bounds())):
        found = _find(log, number, alert_id)
        if found is not None:
            return found
    begins = ", ".join(f"{n} at {begin}" for n, (begin, _) in sorted(log.bounds().items()))
    raise NothingToExplain(
        f"topic {log.topic} has no record {alert_id} (its partitions begin at these offsets:"
        f" {begins}; where partitions were added, say --earlier-partitions)"
    )


def _find(log: Log, number: int, alert_id: AlertId) -> FoundRecord | None:
    last: Placed | None = None
    last_n = 0
    records = _linked(log, number)
    for placed, linked in records:
        if (linked.alert, linked.seq) == alert_id:
            n = linked.chain.n
            # What was published again after a crash may lie in between.
            following = next((at for at, one in records if one.chain.n == n + 1), None)
            previous = last if last_n == n - 1 else None
            return FoundRecord(_decoded(placed), placed, previous, following)
        last, last_n = placed, linked.chain.n
    return None


def _linked(log: Log, number: int) -> Iterator[tuple[Placed, Linked]]:
    for record in every_record(log, number):
        try:
            value = record.value or b""
            linked = _LINKED.decode(value)
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
        found = Placed(number, record.offset, value, linked.seller, linked.chain.previous)
        yield found, linked


def _decoded(placed: Placed) -> AlertRecord:
    try:
        return decode_record(placed.value)
    except msgspec.ValidationError as error:
        raise UnreadableSource(f"offset {placed.offset}: no alert record: {error}") from None


def find_point(log: Log, record: AlertRecord) -> FoundPoint | None:
    """The point at which a record was decided; None where it is not kept.

    Points ascend in a partition, but for repeats after a crash: it is searched by halves.

    Raises:
        UnreadableSource: the log cannot be read.
    """
    number, _ = next(iter(record.cut.values()))
    begin, end = low, high = log.bounds().get(number, (0, 0))
    wanted_at = parse_instant(record.as_of)
    while high - low > _NEARBY:
        middle = (low + high) // 2
        first = next(_records(log, number, middle, high), None)
        if first is None or point_at(log, number, first).at >= wanted_at:
            high = middle
        else:
            low = middle
    for one in _records(log, number, max(begin, low - _NEARBY), min(end, high + _NEARBY)):
        point = point_at(log, number, one)
        if (point.as_of, dict(point.cut)) == (record.as_of, dict(record.cut)):
            return FoundPoint(one.offset, point)
    return None


def point_at(log: Log, number: int, record: LogRecord) -> JournaledPoint:
    """The point of an entry of the journal.

    Raises:
        UnreadableSource: it is none.
    """
    try:
        return point_of(record.value or b"", dict(record.headers))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        where = f"{log.topic}[{number}]@{record.offset}"
        raise UnreadableSource(f"{where}: is no evaluation point: {error}") from None


def _records(log: Log, number: int, begin: int, end: int) -> Iterator[LogRecord]:
    for run in log.read(number, begin, end):
        yield from run


_LINKED = msgspec.json.Decoder(Linked)
