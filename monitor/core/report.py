"""What an account says at an instant: readings, open items, and the evidence behind them."""

from collections.abc import Iterable, Iterator

from msgspec import Struct

from monitor.core.facts import Message, Order, Return, Subject, Violation, Vote
from monitor.core.instants import Day, Instant
from monitor.core.ledger import Account
from monitor.core.market import SeriesKey
from monitor.core.metrics.metric import HIT, OUT, Metric, SubjectKind
from monitor.core.readings import MovedBy, OpenItems, Reading, Waiting
from monitor.core.rules import ItemKind, MetricRule, WindowDays
from monitor.core.shown import Shown


class Evidence(Struct, frozen=True, kw_only=True):
    """One subject behind a reading, and in words why it counts as it does.

    ``order`` is the order that a return belongs to or a message names.
    """

    subject_kind: SubjectKind
    subject_id: str
    order: str | None
    day: Day
    in_numerator: bool
    reasons: tuple[str, ...]


class OpenItem(Struct, frozen=True, kw_only=True):
    """One open item: an order to ship, or a message, return or claim to answer.

    ``order`` is the one that it belongs to, None for a message that names none. ``soon``: it is
    not overdue, and the policy warns of it by now.
    """

    kind: ItemKind
    id: str
    order: str | None
    due_at: Instant
    overdue: bool
    soon: bool


def shown_of(account: Account) -> Shown:
    """What the series of an account show now."""
    market = account.market
    return Shown(
        account.seller,
        market,
        tuple(account.tallies.window_sums()),
        account.tallies.keys(),
        market.uncovered,
        account.feeds.silent,
    )


def readings_of(
    account: Account, keys: Iterable[SeriesKey], moved_by: MovedBy = "events"
) -> Iterator[Reading]:
    """One reading per window of each series."""
    return shown_of(account).readings(keys, moved_by)


def reading_of(
    account: Account, metric: str, window: WindowDays, category: str | None
) -> Reading | None:
    """The present reading of one series; None where the policy has no such series."""
    index = account.market.index_of.get(metric)
    key = None if index is None else (index, category)
    if key is None or key not in account.market.slots:
        return None
    found = (one for one in readings_of(account, [key], "time") if one.window_days == window)
    return next(found, None)


def waiting_of(account: Account, kind: ItemKind, moved_by: MovedBy, now: Instant) -> Waiting | None:
    """What waits of a kind, or that nothing does; None where no deadline of it is watched."""
    rule = account.market.rules.deadlines.get(kind)
    if rule is None:
        return None
    dues = account.deadlines.dues(kind, rule.warn_before)
    overdue = sum(now > due_at for due_at in dues)
    soon = sum(now >= due_at - rule.warn_before for due_at in dues) - overdue
    turns = [at for due_at in dues for at in (due_at - rule.warn_before, due_at + 1)]
    return Waiting(
        seller=account.seller,
        marketplace=account.market.name,
        kind=kind,
        open=len(dues),
        soon=soon,
        overdue=overdue,
        first_due_at=min(dues, default=None),
        turns_at=min((at for at in turns if at > now), default=None),
        turned_at=max((at for at in turns if at <= now), default=None),
        moved_by=moved_by,
        known=not account.feeds.silent,
    )


def due_of(account: Account, kind: ItemKind, now: Instant) -> list[str]:
    """The ids of the items of a kind that are due soon or overdue, the newest (due last) first."""
    due = [one.id for one in items_of(account, kind, now) if one.overdue or one.soon]
    return due[::-1]


def items_of(account: Account, kind: ItemKind, now: Instant) -> list[OpenItem]:
    """Each open item of a kind, the first due first, then by id."""
    rule = account.market.rules.deadlines.get(kind)
    found = sorted(
        (due_at, inner or order, order, inner)
        for (order, inner), due_at in account.deadlines.of(kind, account.market.floor)
    )
    return [
        OpenItem(
            kind=kind,
            id=name,
            order=account.deadlines.order_of(kind, (order, inner)),
            due_at=due_at,
            overdue=now > due_at,
            soon=rule is not None and due_at - rule.warn_before <= now <= due_at,
        )
        for due_at, name, order, inner in found
    ]


def open_items_of(account: Account, now: Instant) -> Iterator[OpenItems]:
    """Open and overdue items of each kind of which there are any."""
    floor = account.market.floor
    for kind in account.deadlines.kinds():
        dues = [due_at for _, due_at in account.deadlines.of(kind, floor)]
        if dues:
            yield OpenItems(
                seller=account.seller,
                marketplace=account.market.name,
                kind=kind,
                open=len(dues),
                overdue=sum(now > due_at for due_at in dues),
                first_due_at=min(dues),
            )


def evidence_of(
    account: Account, metric: str, window: WindowDays, category: str | None, now: Instant
) -> list[Evidence]:
    """Each subject that a reading counts, newest day first, then by id."""
    calendar = account.market.calendar
    definition, rule = _metric(account, metric)
    found = [
        Evidence(
            subject_kind=definition.subject,
            subject_id=subject.id,
            order=getattr(subject, "order", None),
            day=day,
            in_numerator=bool(verdict & HIT),
            reasons=definition.reasons(subject, rule, now, calendar),
        )
        for subject, verdict, day in _counted(account, metric, window, category, now)
    ]
    return sorted(found, key=lambda one: (-one.day, one.subject_id, one.order or ""))


def offenders_of(
    account: Account, metric: str, window: WindowDays, category: str | None
) -> Iterator[tuple[Day, str]]:
    """Counting day and id of each subject on the bad side of a reading.

    They are taken from what the series hold, not judged again: a page at 3 a.m. may ask for
    those of many series at once.
    """
    market = account.market
    index = market.index_of[metric]
    left, last = market.span(metric, window)
    day_of = next((plan.day_of for plan in market.order_metrics if plan.position == index), None)
    for subject in account.tallies.bad_side(index):
        if isinstance(subject, Order) and day_of is not None:
            day = subject.days[day_of]
            if category is not None and subject.category != category:
                continue
        else:
            day = subject.day
        if day is not None and left < day <= last:
            yield day, subject.id


def has_turned(account: Account, metric: str, since: Instant, now: Instant) -> bool:
    """Whether since an instant time alone turned a subject on the bad side of a metric."""
    definition, rule = _metric(account, metric)
    if definition.turns_at is None:
        return False
    bad_side = account.tallies.bad_side(account.market.index_of[metric])
    found = (definition.turns_at(subject, rule) for subject in bad_side)
    return any(at is not None and since < at <= now for at in found)


def _metric(account: Account, metric: str) -> tuple[Metric, MetricRule]:
    index = account.market.index_of[metric]
    return account.market.metrics[index], account.market.rules.metrics[index]


def _counted(
    account: Account, metric: str, window: WindowDays, category: str | None, now: Instant
) -> Iterator[tuple[Subject, int, Day]]:
    """Each subject within a window, with its verdict and counting day."""
    definition, rule = _metric(account, metric)
    left, last = account.market.span(metric, window)
    for subject in account.subjects():
        if not isinstance(subject, _TYPE_OF[definition.subject]):
            continue
        verdict, day = _judged(account, subject, definition, rule, now)
        if verdict == OUT or day is None or not left < day <= last:
            continue
        if category is None or getattr(subject, "category", None) == category:
            yield subject, verdict, day


_TYPE_OF: dict[SubjectKind, type[Subject]] = {
    SubjectKind.ORDER: Order,
    SubjectKind.RETURN: Return,
    SubjectKind.MESSAGE: Message,
    SubjectKind.VOTE: Vote,
    SubjectKind.VIOLATION: Violation,
}


def _judged(
    account: Account, subject: Subject, metric: Metric, rule: MetricRule, now: Instant
) -> tuple[int, Day | None]:
    """Verdict and counting day of a subject under one metric."""
    if not isinstance(subject, Order):
        return (metric.judge(subject, rule, now), subject.day)
    plan = next(plan for plan in account.market.order_metrics if plan.rule is rule)
    if subject.placed_at is None:
        return OUT, None
    return account.market.judge_order(plan, subject, now), subject.days[plan.day_of]
