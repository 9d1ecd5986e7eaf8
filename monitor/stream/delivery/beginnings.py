"""Where a receiver that is new begins: at the end of the alerts, with what is open by then."""

import logging
from collections.abc import Sequence

import msgspec

from monitor.cluster import Cluster
from monitor.core.alert_records import AlertRecord, decode_record
from monitor.core.instants import Instant, isoformat
from monitor.core.readings import OPEN
from monitor.notify.told import row_after
from monitor.stream.delivery.deliveries_topic import DeliveriesTopic
from monitor.stream.ledger_reader import LedgerReader, ledger_reader

logger = logging.getLogger(__name__)


async def begin_new_receivers(
    cluster: Cluster,
    alerts: tuple[str, int],
    topic: DeliveriesTopic,
    receivers: Sequence[str],
    now: Instant,
) -> None:
    """Note for each new receiver where the alerts end now, and what it has to hear of the past.

    Args:
        cluster: where the topics are.
        alerts: the alerts topic and how many partitions it has.
        topic: where it is noted.
        receivers: all that there are.
        now: the present.

    Raises:
        ClusterError: a topic cannot be read.
    """
    name, partitions = alerts
    told_of: dict[str, int] = {}
    async with ledger_reader(cluster, name) as reader:
        for number in range(partitions):
            begun = await topic.beginnings(number)
            new = [receiver for receiver in receivers if receiver not in begun]
            if not new:
                continue
            still_open, end = await _open_alerts(reader, number)
            rows = {one.alert: row_after(None, one, "new", isoformat(now)) for one in still_open}
            for receiver in new:
                # The beginning comes last: without it all of this is done once more.
                if rows:
                    await topic.write(number, receiver, rows)
                await topic.begin(number, receiver, end)
                told_of[receiver] = told_of.get(receiver, 0) + len(rows)
    for receiver, count in sorted(told_of.items()):
        logger.info(
            "receiver %s is new: it hears of %d open alerts, and of all from now on",
            *(receiver, count),
        )


async def _open_alerts(reader: LedgerReader, number: int) -> tuple[list[AlertRecord], int]:
    """The last records of the alerts of a partition that are open, and the offset after them."""
    begin, end = await reader.bounds(number)
    found: dict[str, AlertRecord] = {}
    async for records, _ in reader.read(number, begin, end):
        for one in records:
            try:
                record = decode_record(one.value or b"")
            except msgspec.MsgspecError:
                # Whoever delivers says so of what comes from now on.
                continue
            if record.to in OPEN:
                found[record.alert] = record
            else:
                found.pop(record.alert, None)
    return list(found.values()), end
