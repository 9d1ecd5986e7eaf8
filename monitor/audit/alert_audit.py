"""``monitor audit ALERT_ID``: one alert record decided once more, with all that is behind it."""

from collections.abc import Collection
from typing import Any, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from monitor.audit.alert_id import AlertId
from monitor.audit.dossier import Dossier, gather
from monitor.audit.figures import Figures, engine_at, recomputed
from monitor.audit.late import Late, late_of
from monitor.audit.logs import OpenLog
from monitor.audit.range_audit import Plotted, plotted_of
from monitor.audit.retracing import Retrace
from monitor.audit.tracks import Tracks
from monitor.audit.verdicts import Known, Verdict, fields_of, judge
from monitor.core.alert_records import AlertRecord, DeadlineRecord, MetricRecord
from monitor.core.calendar import date_of
from monitor.core.engine import Engine
from monitor.core.instants import DAY, Instant, isoformat, parse_instant
from monitor.core.readings import high_is_bad
from monitor.core.report import OpenItem, items_of
from monitor.core.sight import sight_of
from monitor.errors import UnknownPolicy, UnreadableSource
from monitor.policy import rulebook_of

_PLOTTED_DAYS_MAX = 90


class Behind(Struct, frozen=True, kw_only=True):
    """One order (message, return …) behind the figures, and why it counts as it does."""

    kind: str
    id: str
    order: str | None
    day: str
    in_numerator: bool
    reasons: tuple[str, ...]


class AlertAudit(Struct, frozen=True, kw_only=True):
    """All that the audit of one record says."""

    id: str
    where: str
    program: str
    record: dict[str, Any]
    verdict: Verdict
    figures: Figures
    """Once more, from the events up to the cut and the policy alone."""
    level: str | None
    """That of these figures, without what the alert had said before."""
    policy_name: str
    point_offset: int | None
    decided_again: str
    """Whether the change itself was decided once more, or why it could not be."""
    behind: tuple[Behind, ...]
    late: Late
    plots: tuple[Plotted, ...]

    @property
    def is_same(self) -> bool:
        """Whether the record follows from the topics."""
        return self.verdict.outcome == "same"


def audit_alert(
    open_log: OpenLog,
    alert_id: AlertId,
    earlier_partitions: Collection[int],
    program: str,
    complete_from: Instant | None = None,
) -> AlertAudit:
    """Decide one record once more.

    Raises:
        NothingToExplain: there is no such record, or no policy was in force.
        UnknownPolicy: its policy is not known.
        UnreadableSource: a topic cannot be read, or ends before the record's cut.
    """
    dossier = gather(open_log, alert_id, earlier_partitions)
    record, rulebook = dossier.found.record, rulebook_of([dossier.policy])
    engine = engine_at(record, dossier.events, rulebook)
    figures, late = recomputed(record, engine), late_of(open_log, dossier)
    retraced = _retraced(open_log, dossier, program, complete_from)
    again = retraced.record if retraced.was_possible else _with_figures(record, figures)
    known = Known(
        program=program,
        has_point=dossier.point is not None,
        policies=frozenset(retraced.policies),
        said_with_late_events=late.would_explain(record) and figures != late.figures,
    )
    sight = sight_of(engine, record.alert)
    placed = dossier.found.placed
    where = f"alerts[{placed.partition}]@{placed.offset}"
    return AlertAudit(
        id=str(alert_id),
        where=where,
        program=program,
        record=dict(fields_of(record)),
        verdict=judge(record, again, known, where),
        figures=figures,
        level=None if sight is None else sight.level.value,
        policy_name=dossier.policy.name,
        point_offset=None if dossier.point is None else dossier.point.offset,
        decided_again=retraced.how,
        behind=tuple(_behind(record, engine)),
        late=late,
        plots=retraced.plots,
    )


def _with_figures(record: AlertRecord, figures: Figures) -> AlertRecord | None:
    """The record with the figures that come out once more; None where there is no such series."""
    if not figures:
        return record if record.reason == "policy" else None
    return replace(record, **figures)


class _Retraced(NamedTuple):
    """The record from the seller's whole past, its series for a plot, and how that went."""

    how: str
    was_possible: bool = False
    record: AlertRecord | None = None
    plots: tuple[Plotted, ...] = ()
    policies: tuple[str, ...] = ()


def _retraced(
    open_log: OpenLog,
    dossier: Dossier,
    program: str,
    complete_from: Instant | None,
) -> _Retraced:
    record = dossier.found.record
    if dossier.point is None:
        return _Retraced("no: its point is not in the journal")
    retrace = Retrace(
        open_log,
        dossier.path,
        dossier.published,
        program,
        seller=record.seller,
        complete_from=complete_from,
    )
    again, tracks = list[AlertRecord](), _tracks_before(record)
    try:
        for step in retrace.steps(parse_instant(record.as_of)):
            tracks.see(step.rerun.readings, step.point.at)
            again += [one for one in step.records if one.alert == record.alert]
    except (UnreadableSource, UnknownPolicy) as error:
        return _Retraced(f"no: {error}")
    same = next((one for one in again if one.seq == record.seq), None)
    plots = tuple(plot for plot in plotted_of(tracks, again) if plot.alert == record.alert)
    return _Retraced(
        "yes, from the seller's whole past",
        was_possible=True,
        record=same,
        plots=plots,
        policies=tuple(sorted(retrace.named)),
    )


def _tracks_before(record: AlertRecord) -> Tracks:
    """The series of a record over one window before it."""
    decided_at, metric, days = parse_instant(record.as_of), None, _PLOTTED_DAYS_MAX
    if isinstance(record, MetricRecord):
        metric = record.metric
        if isinstance(record.window_days, int):
            days = record.window_days
    return Tracks(decided_at - days * DAY, record.seller, record.marketplace, metric)


def _waiting(item: OpenItem) -> Behind:
    state = "overdue" if item.overdue else "due soon" if item.soon else "not due soon"
    return Behind(
        kind=item.kind,
        id=item.id,
        order=item.order,
        day=isoformat(item.due_at)[:10],
        in_numerator=item.overdue or item.soon,
        reasons=(f"{state}: due {isoformat(item.due_at)}",),
    )


def _behind(record: AlertRecord, engine: Engine) -> list[Behind]:
    """The subjects behind the figures: of a metric the bad ones first, of items the first due."""
    account = engine.account(record.seller, record.marketplace)
    if isinstance(record, DeadlineRecord):
        return [_waiting(item) for item in items_of(account, record.kind, engine.now)]
    evidence = engine.evidence(
        record.seller, record.marketplace, record.metric, record.window_days, record.category
    )
    rule = account.market.rule(record.metric)
    # The record names only the first few of the bad ones.
    bad = rule is None or high_is_bad(rule.limit)
    found = [
        Behind(
            kind=one.subject_kind.value,
            id=one.subject_id,
            order=one.order,
            day=str(date_of(one.day)),
            in_numerator=one.in_numerator,
            reasons=one.reasons,
        )
        for one in evidence
    ]
    return sorted(found, key=lambda one: one.in_numerator != bad)
