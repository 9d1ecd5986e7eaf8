"""What the agent does with a batch: decode, check, dead letters, apply."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from aiokafka.partitioner import murmur2

from monitor.core.events import Event, SourceTopic, check_instant, check_key, decode
from monitor.core.instants import DAY, utc
from monitor.core.limits import TOO_LARGE
from monitor.errors import InvalidEvent, InvalidReason
from monitor.printable import printable
from monitor.stream.deadletters import DeadLetters, Origin
from monitor.stream.inflight import Batch
from monitor.stream.partition import Partition

logger = logging.getLogger(__name__)

_RECORDS_AT_ONCE = 2000
_KNOWN_KEYS_MAX = 1_000_000
_MILLISECOND = 1000
# The year 5138: whatever timestamps a producer invents, they have a date.
_PLAUSIBLE_AT = 10**17


def partition_of(key: bytes, partitions: int) -> int:
    """The partition that Kafka's default partitioner gives a key."""
    return int((murmur2(key) & 0x7FFFFFFF) % partitions)


def _in_time_for_all(records: Sequence[Any]) -> datetime:
    """The instant up to which an event is not too early for any of the records."""
    earliest_at = min((record.timestamp for record in records), default=0) * _MILLISECOND
    return utc(max(0, min(earliest_at, _PLAUSIBLE_AT)) + DAY)


class Intake:
    """Turns batches of records into applied events.

    Args:
        owned: finds the partition for a partition number; None where it is not ours (any
            more), whose batches are left alone.
        source_of: finds the source topic for a topic's name.
        dead_letters: where invalid records go.
        partitions: how many partitions each source topic has.
    """

    def __init__(
        self,
        owned: Callable[[int], Partition | None],
        source_of: Callable[[str], SourceTopic],
        dead_letters: DeadLetters,
        partitions: int,
    ) -> None:
        self._owned = owned
        self._source_of = source_of
        self._dead_letters = dead_letters
        self._partitions = partitions
        # By partition, the keys that were found to be in their place, and whose they are.
        self._senders: dict[int, dict[bytes, str]] = {}
        self._warned: set[tuple[str, InvalidReason]] = set()

    async def process(self, batch: Batch) -> None:
        """Apply a batch; it counts as processed once all that came of it is safe.

        Gives way to other tasks between runs of records.
        """
        partition = self._owned(batch.partition)
        if partition is None:
            return
        async with partition.busy:
            for first in range(0, len(batch.records) or 1, _RECORDS_AT_ONCE):
                records = batch.records[first : first + _RECORDS_AT_ONCE]
                is_last = first + _RECORDS_AT_ONCE >= len(batch.records)
                read_to = batch.end if is_last else records[-1].offset + 1
                await self._apply(partition, batch, records, read_to)
                await asyncio.sleep(0)
            write = await partition.save()
        if write is None:
            batch.processed = True
        else:
            write.add_done_callback(lambda done: _mark_processed(batch, done))

    async def _apply(
        self, partition: Partition, batch: Batch, records: Sequence[Any], read_to: int
    ) -> None:
        source = self._source_of(batch.topic)
        events, valid, refused = self._sort(records, batch.partition)
        # What is no event has to be safe before the ledger says that it was read.
        await self._refuse(batch, refused)
        too_large = partition.apply(source, events, read_to)
        if too_large:
            kept = {id(event): record for event, record in zip(events, valid, strict=True)}
            refused = [(kept[id(event)], TOO_LARGE) for event in too_large]
            await self._refuse(batch, refused)
        totals = partition.feeds[source].totals
        totals.events += len(records)
        totals.invalid += len(records) - len(events) + len(too_large)

    async def _refuse(self, batch: Batch, refused: list[tuple[Any, InvalidEvent]]) -> None:
        written = []
        for record, error in refused:
            origin = Origin(batch.topic, batch.partition, record.offset)
            self._warn(origin, error)
            written.append(await self._dead_letters.write(record, origin, error))
        await asyncio.gather(*written)

    def _sort(
        self, records: Any, number: int
    ) -> tuple[list[Event], list[Any], list[tuple[Any, InvalidEvent]]]:
        events: list[Event] = []
        valid: list[Any] = []
        refused: list[tuple[Any, InvalidEvent]] = []
        senders = self._senders.setdefault(number, {})
        in_time = _in_time_for_all(records)
        for record in records:
            try:
                event = decode(record.value or b"")
                if senders.get(record.key) != event.seller:
                    self._check_place(check_key(event, record.key), event.seller, number)
                if event.at > in_time:
                    check_instant(event, record.timestamp * _MILLISECOND)
            except InvalidEvent as error:
                refused.append((record, error))
            else:
                events.append(event)
                valid.append(record)
        return events, valid, refused

    def _check_place(self, key: bytes, seller: str, number: int) -> None:
        due = partition_of(key, self._partitions)
        if due != number:
            raise InvalidEvent(
                InvalidReason.WRONG_PARTITION, f"key {key!r} belongs into partition {due}"
            )
        senders = self._senders[number]
        if len(senders) >= _KNOWN_KEYS_MAX:
            senders.clear()
        senders[key] = seller

    def _warn(self, origin: Origin, error: InvalidEvent) -> None:
        """Say once per topic and reason what is wrong, and what to do about it."""
        if (origin.topic, error.reason) in self._warned:
            return
        self._warned.add((origin.topic, error.reason))
        logger.warning(
            "invalid record at %s[%d]@%d goes to the dead letters: %s.%s"
            " More of this kind on this topic are only counted.",
            *(origin.topic, origin.partition, origin.offset, printable(str(error))),
            _ADVICE.get(error.reason, ""),
        )


def _mark_processed(batch: Batch, write: "asyncio.Future[bool]") -> None:
    batch.processed = not write.cancelled() and write.exception() is None and write.result()


_ADVICE = {
    InvalidReason.WRONG_PARTITION: (
        " Its producer uses another partitioner than Kafka's default: with librdkafka"
        " (confluent-kafka and others) set partitioner=murmur2_random."
    ),
    InvalidReason.FOREIGN_KEY: " Its producer must set the record's key to the seller.",
}
