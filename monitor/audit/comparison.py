"""``monitor compare``: what live workers said in a range beside what comes out once more."""

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple, get_args

from msgspec import Struct
from msgspec.structs import replace

from monitor.audit.alert_id import AlertId
from monitor.audit.dossier import gather
from monitor.audit.late import late_of
from monitor.audit.logs import OpenLog
from monitor.audit.paths import Path, counts_of, numbers_of, paths
from monitor.audit.policies import published_policies
from monitor.audit.rerun import JournaledPoint
from monitor.audit.retracing import Retrace
from monitor.audit.said import Said, said_along, said_of
from monitor.audit.verdicts import BECAUSE_LATE, Cause, Known, Verdict, judge
from monitor.core.alert_records import AlertRecord
from monitor.core.instants import Instant, isoformat, parse_instant
from monitor.errors import NothingToExplain, UnknownPolicy, UnreadableSource


class Between(NamedTuple):
    """A range of instants; None: from ever, to the last point."""

    begin: Instant | None = None
    end: Instant | None = None

    def covers(self, record: AlertRecord) -> bool:
        """Whether a record was decided within it."""
        at = parse_instant(record.as_of)
        return (self.begin is None or at >= self.begin) and (self.end is None or at <= self.end)


class Comparison(Struct, frozen=True, kw_only=True):
    """All that a comparison says; ``verdicts`` are those that are not the same."""

    begin: str | None
    end: str | None
    program: str
    partitions: int
    points: int
    outcomes: dict[str, int]
    """Records by outcome: same, moved, different, missing, extra."""
    causes: dict[str, int]
    verdicts: tuple[Verdict, ...]

    @property
    def unexplained(self) -> int:
        """Differences that nothing explains."""
        return self.causes["unexplained"]


def compare(
    open_log: OpenLog, between: Between, program: str, complete_from: Instant | None = None
) -> Comparison:
    """Decide all partitions once more, one after the other, and compare.

    Raises:
        UnknownPolicy: a policy that was in use was never published.
        UnreadableSource: a topic cannot be read, or retention has taken a part of it.
    """
    with open_log("policies") as log:
        policies = published_policies(log)
    with open_log("evaluations") as log:
        numbers = {number for number, (begin, end) in log.bounds().items() if end > begin}
        counts = counts_of(log)
    points, outcomes, verdicts = Counter[int](), Counter[str](), list[Verdict]()
    for path in paths(counts):
        if numbers.isdisjoint(path.numbers):
            continue
        retrace = Retrace(open_log, path, policies, program, complete_from=complete_from)
        found = _Sellers(open_log, path, retrace, between)
        for verdict in found.verdicts(program):
            outcomes[verdict.outcome] += 1
            if verdict.outcome != "same":
                verdicts.append(verdict)
        # Several paths may lead through a partition.
        points |= found.points
    for verdict in _astray(open_log, counts, between, program):
        outcomes[verdict.outcome] += 1
        verdicts.append(verdict)
    verdicts = [_with_late_events(open_log, verdict) for verdict in verdicts]
    causes = Counter(str(verdict.cause) for verdict in verdicts)
    return Comparison(
        begin=None if between.begin is None else isoformat(between.begin),
        end=None if between.end is None else isoformat(between.end),
        program=program,
        partitions=len(numbers),
        points=points.total(),
        outcomes=dict(sorted(outcomes.items())),
        causes={cause: causes[cause] for cause in get_args(Cause)},
        verdicts=tuple(verdicts),
    )


def _with_late_events(open_log: OpenLog, verdict: Verdict) -> Verdict:
    """The same verdict, or that the record counts events which had not arrived by its cut."""
    if not verdict.is_unexplained or not verdict.where or verdict.outcome == "extra":
        return verdict
    try:
        dossier = gather(open_log, AlertId.parse(verdict.id), ())
    except (NothingToExplain, UnreadableSource, UnknownPolicy):
        return verdict
    late = late_of(open_log, dossier)
    if not late.would_explain(dossier.found.record):
        return verdict
    return replace(verdict, cause="late event", because=BECAUSE_LATE)


def _astray(
    open_log: OpenLog, counts: tuple[int, ...], between: Between, program: str
) -> Iterator[Verdict]:
    """On the records that lie where their seller never belonged.

    Where no partitions were added they are found with all others of their partition.
    """
    if len(counts) == 1:
        return
    with open_log("alerts") as log:
        for number in log.bounds():
            for one in said_of(log, number):
                is_astray = number not in numbers_of(one.record.seller.encode(), counts)
                if is_astray and between.covers(one.record):
                    yield judge(one.record, None, Known(program=program), one.where)


class _Sellers:
    """The sellers of one path, of which only what has no counterpart yet is in memory."""

    def __init__(self, open_log: OpenLog, path: Path, retrace: Retrace, between: Between) -> None:
        self._open_log, self._path = open_log, path
        self._retrace, self._between = retrace, between
        self.points = Counter[int]()
        """By partition the points of the range."""

    def verdicts(self, program: str) -> Iterator[Verdict]:
        """On every record of the range that was said, is due, or both."""
        due: dict[AlertId, AlertRecord] = {}
        unmatched: list[tuple[Said, bool]] = []
        between = self._between
        with self._open_log("alerts") as log:
            said = said_along(log, self._path)
            ahead = next(said, None)
            for step in self._retrace.steps(between.end):
                if between.begin is None or step.point.at >= between.begin:
                    self.points[step.point.number] += 1
                due |= {AlertId.of(record): record for record in step.records}
                while ahead is not None and ahead.record.as_of <= step.point.as_of:
                    again = due.pop(AlertId.of(ahead.record), None)
                    has_point = _is_of(ahead.record, step.point)
                    if again is None:
                        unmatched.append((ahead, has_point))
                    else:
                        yield from self._judged(ahead, again, program, has_point=has_point)
                    ahead = next(said, None)
            rest = [] if ahead is None else [ahead, *said]
        # A change may come out later than it was said, so that these are matched last.
        for one, has_point in [*unmatched, *((one, False) for one in rest)]:
            again = due.pop(AlertId.of(one.record), None)
            if not self._is_beyond(one.record):
                yield from self._judged(one, again, program, has_point=has_point)
        for again in due.values():
            yield from self._judged(None, again, program, has_point=True)

    def _is_beyond(self, record: AlertRecord) -> bool:
        """Whether it was decided after all that was decided once more: outside of the range."""
        return self._between.end is not None and parse_instant(record.as_of) > self._between.end

    def _judged(
        self, said: Said | None, again: AlertRecord | None, program: str, *, has_point: bool
    ) -> Iterator[Verdict]:
        record = None if said is None else said.record
        if not any(one is not None and self._between.covers(one) for one in (record, again)):
            return
        known = Known(
            program=program,
            has_point=has_point,
            policies=frozenset(self._retrace.named),
        )
        yield judge(record, again, known, "" if said is None else said.where)


def _is_of(record: AlertRecord, point: JournaledPoint) -> bool:
    return record.as_of == point.as_of and record.cut == point.cut
