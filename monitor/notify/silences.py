"""Silences: what somebody wants not to hear of for a while, with author, reason and end. Pure."""

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase

import msgspec
from msgspec import Struct

from monitor.core.alert_records import AlertRecord, MetricRecord
from monitor.core.instants import DAY, HOUR, Instant, isoformat, parse_instant
from monitor.errors import InvalidInstant

ANY = "*"
_VERSION = 1
_DURATION = re.compile(r"(?:([0-9]{1,4})d)?(?:([0-9]{1,5})h)?(?:([0-9]{1,6})m)?")


class Silence(Struct, frozen=True, kw_only=True):
    """What is silenced, from ``begins_at`` until ``ends_at``, or until somebody ended it.

    ``seller``, ``marketplace`` and ``metric`` (or kind of open items) are exact names or
    patterns with ``*`` and ``?``; all three have to fit.
    """

    id: str
    author: str
    reason: str
    begins_at: Instant
    ends_at: Instant
    seller: str = ANY
    marketplace: str = ANY
    metric: str = ANY
    expired_at: Instant | None = None

    @property
    def over_at(self) -> Instant:
        """When it is over: at its end, or when it was ended before."""
        return self.ends_at if self.expired_at is None else min(self.ends_at, self.expired_at)

    def is_active(self, at: Instant) -> bool:
        """Whether it silences anything at an instant."""
        return self.begins_at <= at < self.over_at

    def covers(self, record: AlertRecord) -> bool:
        """Whether a record is what it speaks of."""
        return (
            alike(self.seller, record.seller)
            and alike(self.marketplace, record.marketplace)
            and alike(self.metric, subject_of(record))
        )

    def encode(self) -> bytes:
        """Its bytes on the ``silences`` topic: JSON, keys sorted, instants in RFC 3339."""
        wire = _Wire(
            id=self.id,
            author=self.author,
            reason=self.reason,
            begins_at=isoformat(self.begins_at),
            ends_at=isoformat(self.ends_at),
            seller=self.seller,
            marketplace=self.marketplace,
            metric=self.metric,
            expired_at=None if self.expired_at is None else isoformat(self.expired_at),
        )
        return msgspec.json.encode(wire, order="sorted")


class _Wire(Struct, frozen=True, kw_only=True):
    id: str
    author: str
    reason: str
    begins_at: str
    ends_at: str
    seller: str
    marketplace: str
    metric: str
    expired_at: str | None
    v: int = _VERSION


def decode_silence(value: bytes) -> Silence:
    """A silence from its bytes.

    Raises:
        ValueError: it is none, or a newer program wrote it.
    """
    wire = msgspec.json.decode(value, type=_Wire)
    if wire.v != _VERSION:
        raise ValueError(f"a silence of version {wire.v}, which this program does not know")
    try:
        return Silence(
            id=wire.id,
            author=wire.author,
            reason=wire.reason,
            begins_at=parse_instant(wire.begins_at),
            ends_at=parse_instant(wire.ends_at),
            seller=wire.seller,
            marketplace=wire.marketplace,
            metric=wire.metric,
            expired_at=None if wire.expired_at is None else parse_instant(wire.expired_at),
        )
    except InvalidInstant as error:
        raise ValueError(f"no silence: {error}") from error


def silencing(silences: Iterable[Silence], record: AlertRecord, at: Instant) -> Silence | None:
    """Of the silences that hide a record at an instant the one that lasts longest."""
    active = (one for one in silences if one.is_active(at) and one.covers(record))
    return max(active, key=lambda one: (one.over_at, one.id), default=None)


def parse_duration(text: str) -> int:
    """Microseconds of a duration such as ``8h``, ``1h30m`` or ``2d``.

    Raises:
        ValueError: it is none, or lasts no time.
    """
    match = _DURATION.fullmatch(text)
    units = (DAY, HOUR, HOUR // 60)
    micros = (
        sum(int(part or 0) * unit for part, unit in zip(match.groups(), units, strict=True))
        if match
        else 0
    )
    if not micros:
        raise ValueError(f"{text!r} is no duration such as 30m, 8h, 1h30m or 2d")
    return micros


def subject_of(record: AlertRecord) -> str:
    """What patterns for metrics are held against: the metric, or the kind of open items."""
    return record.metric if isinstance(record, MetricRecord) else record.kind


def alike(pattern: str, text: str) -> bool:
    """Whether a text is what a pattern says, or fits its ``*`` and ``?``; case counts."""
    return pattern in (ANY, text) or fnmatchcase(text, pattern)
