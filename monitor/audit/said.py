"""What the alert log of a partition says, each record once."""

from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from monitor.audit.logs import Log, every_record
from monitor.audit.paths import Path
from monitor.core.alert_records import AlertRecord, decode_record
from monitor.core.instants import parse_instant
from monitor.errors import InvalidInstant


class Said(NamedTuple):
    """A record of the alert log, and where it lies."""

    record: AlertRecord
    where: str


def said_along(log: Log, path: Path) -> Iterator[Said]:
    """The records of a path's sellers; of the only path of a partition all that lie there."""
    for number in dict.fromkeys(path.numbers):
        for one in said_of(log, number):
            if path.takes(one.record.seller.encode()):
                yield one


def said_of(log: Log, number: int) -> Iterator[Said]:
    """The records of a partition in their order; what was published again after a crash once.

    What is no alert record is passed over: ``monitor verify`` names it.
    """
    recent: dict[bytes, None] = {}
    for one in every_record(log, number):
        value = one.value or b""
        try:
            record = decode_record(value)
            parse_instant(record.as_of)
        except (msgspec.MsgspecError, UnicodeDecodeError, InvalidInstant):
            continue
        if value not in recent:
            recent[value] = None
            if len(recent) > _REPEATED_WITHIN:
                del recent[next(iter(recent))]
            yield Said(record, f"{log.topic}[{number}]@{one.offset}")


_REPEATED_WITHIN = 5000
"""Records: what a worker publishes again is what it had under way when it died."""
