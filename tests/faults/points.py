"""What the sources give at the journaled points, beside what workers said."""

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import zip_longest

from aiokafka import ConsumerRecord

from monitor import __version__
from monitor.audit.rerun import JournaledPoint, Rerun, point_of
from monitor.core.alert_records import decode_record
from monitor.core.events import SOURCE_TOPICS, Event, SourceTopic, decode
from monitor.core.instants import Instant, parse_instant
from monitor.core.position import CAUGHT_UP
from tests.faults.evidence import Sources
from tests.faults.fleet import PARTITIONS, rulebook
from tests.faults.outbox import Outbox


def rerun_faults(
    outbox: Outbox, sources: Sources, records: Iterable[ConsumerRecord]
) -> Iterable[str]:
    """Partitions whose rerun says anything else than is on the alerts topic, and where first.

    Alerts may have been read later than points: those of later points are left out.
    """
    points: dict[int, dict[bytes, JournaledPoint]] = defaultdict(dict)
    for record in sorted(records, key=lambda one: (one.partition, one.offset)):
        caught_up = (CAUGHT_UP, b"true") in record.headers
        if record.key != str(record.partition).encode():
            yield f"a point of partition {record.partition} has the key {record.key!r}"
        known = points[record.partition].setdefault(
            record.value, point_of(record.value, dict(record.headers))
        )
        if known.caught_up != caught_up:
            yield f"{record.value!r} is there with and without its header"
    for number in range(PARTITIONS):
        journaled = list(points[number].values())
        last_at = max((point.at for point in journaled), default=0)
        said = [value for value in outbox.values.get(number, []) if _decided_at(value) <= last_at]
        again = _rerun(number, sources, journaled)
        for n, (one, other) in enumerate(zip_longest(said, again), start=1):
            if one != other:
                yield f"record {n} of partition {number} is {one!r}, the rerun says {other!r}"
                break


def _decided_at(value: bytes) -> Instant:
    return parse_instant(decode_record(value).as_of)


def _rerun(number: int, sources: Sources, points: Sequence[JournaledPoint]) -> list[bytes]:
    events: dict[SourceTopic, list[tuple[int, Event]]] = {topic: [] for topic in SOURCE_TOPICS}
    for valid in sources.valid:
        if valid.partition == number:
            event = decode(json.dumps(valid.value).encode())
            events[valid.topic].append((valid.offset, event))
    if not points:
        return []
    rerun, said = Rerun(rulebook(), __version__, points[0]), list[bytes]()
    begins = dict.fromkeys(SOURCE_TOPICS, 0)
    for point in points:
        new: dict[SourceTopic, list[list[Event]]] = {}
        for topic in SOURCE_TOPICS:
            begin = end = begins[topic]
            while end < len(events[topic]) and events[topic][end][0] < point.cut[topic][1]:
                end += 1
            new[topic] = [[event for _, event in events[topic][begin:end]]]
            begins[topic] = end
        said += [record.encode() for record in rerun.at(point, new)]
    return said
