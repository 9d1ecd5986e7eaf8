"""``monitor audit --range``: every verdict of a seller, and that no other alert was due."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from monitor.audit.alert_id import AlertId
from monitor.audit.due_tracks import ClosestItem, DueTracks
from monitor.audit.logs import OpenLog
from monitor.audit.paths import counts_of, path_of
from monitor.audit.policies import published_policies
from monitor.audit.retracing import Retrace, Step
from monitor.audit.said import Said, said_along
from monitor.audit.tracks import Closest, Sample, Tracks
from monitor.audit.verdicts import Known, Verdict, judge
from monitor.core.alert_records import AlertRecord, Cut, DeadlineRecord
from monitor.core.engine import Engine
from monitor.core.events import SOURCE_TOPICS
from monitor.core.instants import Instant, isoformat, parse_instant
from monitor.errors import NothingToExplain, UnreadableSource
from monitor.printable import printable


class Asked(NamedTuple):
    """What a range audit is of; what is None is left open."""

    seller: str
    begin: Instant
    end: Instant
    marketplace: str | None = None
    metric: str | None = None
    """Or a kind of open items."""
    complete_from: Instant | None = None
    """From when on workers took history to be complete."""

    def wants(self, record: AlertRecord) -> bool:
        """Whether a record is of the series asked for."""
        metric = record.kind if isinstance(record, DeadlineRecord) else record.metric
        return (
            record.seller == self.seller
            and self.marketplace in (None, record.marketplace)
            and self.metric in (None, metric)
        )

    def covers(self, record: AlertRecord) -> bool:
        """Whether it was decided within the range."""
        return self.begin <= parse_instant(record.as_of) <= self.end


class Balance(Struct, frozen=True):
    """What became of the seller's records up to the last point of the range."""

    read: int
    counted: int
    redundant: int
    late: int
    invalid: int

    @property
    def adds_up(self) -> bool:
        """Whether nothing is unaccounted for."""
        return self.read == self.counted + self.redundant + self.late + self.invalid


class Plotted(Struct, frozen=True):
    """A series over the range: what changed when, for a plot."""

    alert: str
    samples: tuple[Sample, ...]
    changes: tuple[tuple[str, str], ...]
    """The instants at which its alert spoke once more, and the levels that it said."""


def plotted_of(tracks: Tracks, records: Iterable[AlertRecord]) -> Iterator[Plotted]:
    """The series of tracks, with what their alerts said once more in the meantime."""
    changes = defaultdict[str, list[tuple[str, str]]](list)
    for record in records:
        changes[record.alert].append((record.as_of, record.to.value))
    for alert, track in tracks:
        begin = track.samples[0].at
        said = [one for one in changes[alert] if parse_instant(one[0]) >= begin]
        yield Plotted(alert, tuple(track.samples), tuple(said))


class Stirred:
    """Whether a step of a retrace may have changed which items of the seller are open."""

    def __init__(self) -> None:
        self._engine: Engine | None = None
        self._counted = 0

    def by(self, step: Step) -> bool:
        """Whether it began anew, counted an event, looked at a series, or said anything."""
        engine, counted = step.rerun.engine, step.rerun.counts.counted
        is_same = engine is self._engine and counted == self._counted
        self._engine, self._counted = engine, counted
        return not is_same or bool(step.rerun.readings or step.records)


class RangeAudit(Struct, frozen=True, kw_only=True):
    """All that a range audit says."""

    seller: str
    begin: str
    end: str
    program: str
    partition: int
    """The seller's last one."""
    read_to: dict[str, int]
    """Per source topic the offset up to which was read."""
    policies: tuple[str, ...]
    decided_to: str
    """The last point up to the end of the range; empty: there is none."""
    points: int
    """Points in the range at which anything of the partition had changed."""
    verdicts: tuple[Verdict, ...]
    closest: tuple[Closest, ...]
    closest_items: tuple[ClosestItem, ...]
    balance: Balance
    plots: tuple[Plotted, ...]

    @property
    def is_same(self) -> bool:
        """Whether every alert that was said was due, and none else was."""
        return all(verdict.outcome == "same" for verdict in self.verdicts)


def audit_range(open_log: OpenLog, asked: Asked, program: str) -> RangeAudit:
    """Decide once more all of a seller's alerts up to the end of a range.

    Raises:
        NothingToExplain: there is nothing of the seller, or no such series: that proves nothing.
        UnknownPolicy: a policy that records name was never published.
        UnreadableSource: a topic cannot be read, retention has taken a part of it, or nothing
            was decided in the range.
    """
    with open_log("evaluations") as log:
        path = path_of(asked.seller.encode(), counts_of(log))
    with open_log("alerts") as log:
        said = [one for one in said_along(log, path) if asked.wants(one.record)]
    with open_log("policies") as log:
        policies = published_policies(log)
    retrace = Retrace(
        open_log,
        path,
        policies,
        program,
        seller=asked.seller,
        complete_from=asked.complete_from,
    )
    about = (asked.begin, asked.seller, asked.marketplace, asked.metric)
    tracks, dues, stirred = Tracks(*about), DueTracks(*about), Stirred()
    again, last, points = list[AlertRecord](), None, dict[str, Cut]()
    decided = {record.as_of for record, _ in said}
    for step in retrace.steps(asked.end):
        tracks.see(step.rerun.readings, step.point.at)
        if stirred.by(step):
            dues.see(step.rerun.engine, step.point.at)
        again += [record for record in step.records if asked.wants(record)]
        if step.point.as_of in decided:
            points[step.point.as_of] = step.point.cut
        last = step
    known = Known(program=program, policies=frozenset(retrace.named))
    verdicts = tuple(_verdicts(asked, said, again, known, points))
    closest = tuple(track.closest() for _, track in tracks)
    seen_to = asked.end if retrace.is_beyond or last is None else last.point.at
    closest_items = tuple(dues.close(seen_to))
    if not verdicts:
        _check_proof(asked, retrace, last, (*closest, *closest_items))
    return RangeAudit(
        seller=asked.seller,
        begin=isoformat(asked.begin),
        end=isoformat(asked.end),
        program=program,
        partition=path.numbers[-1],
        read_to={} if last is None else {t: last.point.cut[t][1] for t in SOURCE_TOPICS},
        policies=tuple(sorted(retrace.named)),
        decided_to="" if last is None else last.point.as_of,
        points=tracks.points,
        verdicts=verdicts,
        closest=closest,
        closest_items=closest_items,
        balance=balance_of(retrace, last),
        plots=tuple(plotted_of(tracks, again)),
    )


def _check_proof(
    asked: Asked,
    retrace: Retrace,
    last: Step | None,
    closest: Sequence[Closest | ClosestItem],
) -> None:
    """Refuse to say that no alert was due where nothing was looked at."""
    if last is None or (last.point.at < asked.begin and not retrace.is_beyond):
        ends = "begins later" if last is None else f"ends at {last.point.as_of}"
        raise UnreadableSource(f"nothing was decided in this range: the journal {ends}")
    if not closest:
        asked_for = [asked.seller, asked.marketplace, asked.metric]
        named = ", ".join(printable(one) for one in asked_for if one is not None)
        raise NothingToExplain(f"no series of {named} counted anything up to the end of the range")


def balance_of(retrace: Retrace, last: Step | None) -> Balance:
    """What became of all that was read up to a step."""
    if last is None:
        return Balance(0, 0, 0, 0, 0)
    counts, taken = last.rerun.counts, retrace.taken
    return Balance(
        read=taken.read.total(),
        counted=counts.counted,
        redundant=counts.redundant,
        late=counts.late,
        invalid=taken.invalid + counts.too_large,
    )


def _verdicts(
    asked: Asked,
    said: list[Said],
    again: list[AlertRecord],
    known: Known,
    points: Mapping[str, Cut],
) -> Iterator[Verdict]:
    """In the order of the log; what was never said where it was due."""
    due = {AlertId.of(record): record for record in again}
    for record, where in said:
        other = due.pop(AlertId.of(record), None)
        if asked.covers(record) or (other is not None and asked.covers(other)):
            has_point = points.get(record.as_of) == record.cut
            yield judge(record, other, replace(known, has_point=has_point), where)
    for record in due.values():
        if asked.covers(record):
            yield judge(None, record, known)
