"""``monitor verify``: the hash chains of a whole alert log, and what is wrong with them."""

from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import TextIO

import msgspec
from aiokafka.partitioner import murmur2
from msgspec import Struct

from monitor.audit.chain import Chain, Fault, FaultKind, Mark
from monitor.audit.logs import Log, LogRecord, every_record
from monitor.printable import printable


class PartitionChain(Struct, frozen=True, kw_only=True):
    """What is known of one partition; ``n`` and ``sha256`` are its last record's.

    ``first_n``: the first number that is kept, 0 where there is none. ``offset`` is that of the
    last record.
    """

    partition: int
    begins_at: int
    records: int
    repeats: int
    first_n: int
    n: int
    sha256: str
    offset: int


class LocatedFault(Struct, frozen=True, kw_only=True):
    """A fault and its place, ``topic[partition]@offset``."""

    kind: FaultKind
    at: str
    partition: int
    offset: int
    detail: str


class Verification(Struct, frozen=True, kw_only=True):
    """What a log's chains say of it. ``compared_with``: the date of the signed head, if any."""

    topic: str
    intact: bool
    compared_with: str | None
    partitions: list[PartitionChain]
    faults: list[LocatedFault]
    more_faults: int


def verify(
    log: Log,
    earlier_partitions: Collection[int] = (),
    marks: Mapping[int, Mark] | None = None,
    compared_with: str | None = None,
) -> Verification:
    """Check all chains of a log.

    Args:
        log: the alert log.
        earlier_partitions: how many partitions it once had, each number.
        marks: what a signed head says, by partition.
        compared_with: its date.

    Raises:
        UnreadableSource: the log cannot be read to its end.
    """
    bounds, marks = log.bounds(), marks or {}
    counts = (len(bounds), *earlier_partitions)
    partitions, faults, more = [], list[LocatedFault](), 0
    for number, (begin, end) in sorted(bounds.items()):
        chain = Chain(begin, marks.get(number))
        for record in every_record(log, number):
            linked = chain.take(record.offset, record.value)
            if linked is not None and (said := _misplaced(record, linked.seller, number, counts)):
                chain.fault(FaultKind.FOREIGN, record.offset, said)
        chain.finish(end)
        partitions.append(_summary(chain, number, begin))
        faults += [_located(log.topic, number, fault) for fault in chain.faults]
        more += chain.more_faults
    for number in sorted(marks.keys() - bounds.keys()):
        detail = f"the signed head names record {marks[number].n}, but there is no such partition"
        faults.append(_located(log.topic, number, Fault(FaultKind.CUT, 0, detail)))
    return Verification(
        topic=log.topic,
        intact=not faults,
        compared_with=compared_with,
        partitions=partitions,
        faults=faults,
        more_faults=more,
    )


def write_json(verification: Verification, out: TextIO) -> None:
    """One JSON object."""
    out.write(msgspec.json.format(msgspec.json.encode(verification)).decode() + "\n")


def write_text(verification: Verification, out: TextIO) -> None:
    """A line per partition, a line per fault, and a last line that says whether all is well."""
    topic = verification.topic
    for one in verification.partitions:
        numbers = f"records {one.first_n} to {one.n}" if one.n else "no records"
        repeats = f", {one.repeats} of them twice" if one.repeats else ""
        out.write(f"{topic}[{one.partition}]: {numbers}{repeats}\n")
    for fault in verification.faults:
        out.write(f"{fault.at}: {fault.kind}: {fault.detail}\n")
    if verification.more_faults:
        out.write(f"and {verification.more_faults} more faults\n")
    against = verification.compared_with
    beside = "without a signed head: a cut tail does not show"
    if against is not None:
        beside = f"against the head of {against}"
    verdict = "intact" if verification.intact else "NOT INTACT"
    out.write(f"{topic}: {verdict}, {beside}\n")


FORMATS = {"text": write_text, "json": write_json}


def _misplaced(record: LogRecord, seller: str, number: int, counts: tuple[int, ...]) -> str:
    """What is wrong with the place of a record; empty: nothing."""
    key = seller.encode()
    if record.key != key:
        shown = "no key" if record.key is None else f"key {record.key[:80]!r}"
        return f"has {shown}, but is of seller {printable(seller)}"
    due = [partition_of(key, count) for count in counts]
    if number in due:
        return ""
    return (
        f"is of seller {printable(seller)}, whose partition is {due[0]} (where"
        " partitions were added, say how many there were: --earlier-partitions)"
    )


def partition_of(key: bytes, count: int) -> int:
    """The partition of a key among so many, by Kafka's default partitioner."""
    return _digest(key) % count


@lru_cache(maxsize=100_000)
def _digest(key: bytes) -> int:
    """What Kafka's default partitioner divides."""
    return int(murmur2(key)) & 0x7FFFFFFF


def _summary(chain: Chain, number: int, begin: int) -> PartitionChain:
    return PartitionChain(
        partition=number,
        begins_at=begin,
        records=chain.records,
        repeats=chain.repeats,
        first_n=chain.first_n,
        n=chain.last.n,
        sha256=chain.last.sha256,
        offset=chain.last_offset,
    )


def _located(topic: str, number: int, fault: Fault) -> LocatedFault:
    return LocatedFault(
        kind=fault.kind,
        at=f"{topic}[{number}]@{fault.offset}",
        partition=number,
        offset=fault.offset,
        detail=fault.detail,
    )
