"""Everything behind one alert record, gathered from the topics."""

from collections.abc import Collection, Iterator
from typing import NamedTuple

from monitor.audit.alert_id import AlertId
from monitor.audit.logs import Log, OpenLog
from monitor.audit.paths import Path, counts_of, path_of
from monitor.audit.policies import PublishedPolicies, published_policies
from monitor.audit.search import FoundPoint, FoundRecord, find_point, find_record
from monitor.audit.verification import partition_of
from monitor.core.alert_records import AlertRecord
from monitor.core.events import SOURCE_TOPICS, Event, SourceTopic, check_recorded, decode
from monitor.core.instants import instant_of, parse_instant
from monitor.errors import InvalidEvent, NothingToExplain, UnreadableSource
from monitor.policy import Policy


class Dossier(NamedTuple):
    """A record, where it lies, and what it was decided from.

    ``path``: the seller's partitions, as far as the journal tells of added ones.
    ``published``: all policies that ever were in use. ``events``: the account's valid ones that
    had arrived and happened by then. ``truncated``: the partitions of which retention has taken
    a part, ``topic[partition] begins at offset``.
    """

    found: FoundRecord
    point: FoundPoint | None
    policy: Policy
    published: PublishedPolicies
    events: list[Event]
    truncated: list[str]
    path: Path


def gather(open_log: OpenLog, alert_id: AlertId, earlier_partitions: Collection[int]) -> Dossier:
    """The dossier of a record.

    Args:
        open_log: opens the topics.
        alert_id: names the record.
        earlier_partitions: how many partitions the topics once had, each number, where the
            journal does not tell: it was begun by an earlier version, or has lost its beginning.

    Raises:
        NothingToExplain: there is no such record, or no policy was in force.
        UnknownPolicy: its policy is not known.
        UnreadableSource: a topic cannot be read, or ends before the record's cut.
    """
    with open_log("evaluations") as log:
        path = path_of(alert_id.seller.encode(), counts_of(log))
    with open_log("alerts") as log:
        found = find_record(log, alert_id, {*earlier_partitions, *path.counts})
    record = found.record
    former = {*earlier_partitions, *path.before(found.placed.partition)}
    if not record.policy:
        raise NothingToExplain(f"{alert_id}: no policy was in force, so that nothing was counted")
    with open_log("policies") as log:
        published = published_policies(log)
    policy = published.policy(record.policy)
    with open_log("evaluations") as log:
        point = find_point(log, record)
    events, truncated = list[Event](), list[str]()
    for topic in SOURCE_TOPICS:
        with open_log(topic) as log:
            parts = _parts(log, record, topic, former)
            truncated += [f"{log.topic}[{n}] begins at offset {low}" for n, low, _ in parts if low]
            for part in parts:
                events += _events(log, part, record)
    return Dossier(found, point, policy, published, events, truncated, path)


def later_events(open_log: OpenLog, record: AlertRecord) -> list[Event]:
    """The account's valid events that had happened by a record's instant and came after its cut.

    Raises:
        UnreadableSource: a topic cannot be read.
    """
    events = list[Event]()
    for topic in SOURCE_TOPICS:
        number, begin = record.cut[topic]
        with open_log(topic) as log:
            end = log.bounds().get(number, (0, begin))[1]
            events += _events(log, _Part(number, begin, end), record)
    return events


class _Part(NamedTuple):
    """Offsets of a partition, from ``begin`` up to ``end``."""

    number: int
    begin: int
    end: int


def _parts(
    log: Log, record: AlertRecord, topic: SourceTopic, earlier_partitions: Collection[int]
) -> list[_Part]:
    """Where the events of the seller lie: up to the cut, and in its former partitions."""
    bounds, (number, end) = log.bounds(), record.cut[topic]
    if end > bounds.get(number, (0, 0))[1]:
        raise UnreadableSource(
            f"{log.topic}[{number}] ends at {bounds.get(number, (0, 0))[1]}, but the alert was"
            f" decided when it was read up to {end}: records are missing"
        )
    key = record.seller.encode()
    former = {partition_of(key, count) for count in earlier_partitions} - {number}
    parts = [_Part(number, min(bounds[number][0], end), end)]
    return parts + [_Part(one, *bounds[one]) for one in sorted(former & bounds.keys())]


def _events(log: Log, part: _Part, record: AlertRecord) -> Iterator[Event]:
    """The valid events of the record's account that had happened by then."""
    key, as_of = record.seller.encode(), parse_instant(record.as_of)
    for run in log.read(part.number, part.begin, part.end, key):
        for one in run:
            try:
                event = decode(one.value or b"")
                check_recorded(event, one.key, one.recorded_at)
            except InvalidEvent:
                continue
            if event.marketplace == record.marketplace and instant_of(event.at) <= as_of:
                yield event
