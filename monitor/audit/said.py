"""What the alert log of a partition says, each record once."""

from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from monitor.audit.logs import Log, every_record
from monitor.core.alert_records import AlertRecord, decode_record
from monitor.core.instants import parse_instant
from monitor.errors import InvalidInstant


class Said(NamedTuple):
    """A record of the alert log, and where it lies."""

    record: AlertRecord
    where: str


def said_of(log: Log, number: int) -> Iterator[Said]:
    """The records of a partition, each once, in their order.

    What is no alert record is passed over: ``monitor verify`` names it.
    """
    n = 0
    for one in every_record(log, number):
        try:
            record = decode_record(one.value or b"")
            parse_instant(record.as_of)
        except (msgspec.MsgspecError, UnicodeDecodeError, InvalidInstant):
            continue
        if record.chain.n > n:
            n = record.chain.n
            yield Said(record, f"{log.topic}[{number}]@{one.offset}")
