"""What silences hide at present: records that wait on the ``deliveries`` topic for their end."""

from collections.abc import Sequence

import msgspec

from monitor.cluster import Cluster
from monitor.core.alert_records import AlertRecord, decode_record
from monitor.notify.told import Row
from monitor.stream.ledger_reader import ledger_reader


async def silenced_records(cluster: Cluster, topic: str, partitions: int) -> Sequence[AlertRecord]:
    """The latest record of each alert that a silence hides from some receiver.

    Raises:
        ClusterError: the topic cannot be read.
    """
    rows: dict[bytes, bytes | None] = {}
    async with ledger_reader(cluster, topic) as reader:
        for number in range(partitions):
            begin, end = await reader.bounds(number)
            async for records, _ in reader.read(number, begin, end):
                rows |= {record.key: record.value for record in records}
    found: dict[str, AlertRecord] = {}
    for value in rows.values():
        record = None if value is None else _silenced(value)
        if record is not None:
            found[record.alert] = record
    return tuple(found.values())


def _silenced(value: bytes) -> AlertRecord | None:
    """The record that waits in a row for the end of a silence."""
    try:
        row = msgspec.json.decode(value, type=Row)
        return decode_record(bytes(row.waiting)) if row.outcome == "silenced" else None
    except msgspec.MsgspecError:
        # A beginning, or the row of another version: whoever delivers says so.
        return None
