"""What alerts see of an engine: a reading, or the items that wait, and the rule for it."""

from typing import TypeGuard, get_args

from monitor.core.engine import Engine
from monitor.core.readings import OPEN, Level, Reading, Waiting
from monitor.core.report import due_of, has_turned, reading_of, waiting_of
from monitor.core.rules import ItemKind, WindowDays
from monitor.core.standing import QUIET, Pace, Seen

KINDS: frozenset[str] = frozenset(get_args(ItemKind))
SUBJECTS_MAX = 20

_AT_ONCE = Pace()


def is_kind(name: str) -> TypeGuard[ItemKind]:
    """Whether an alert's name is that of a kind of open items."""
    return name in KINDS


def sight_of(engine: Engine, alert: str) -> Reading | Waiting | None:
    """What an alert is about, as it is now; None where the policy knows no such series."""
    seller, marketplace, name = alert.split("/", 2)
    account = engine.account(seller, marketplace)
    if is_kind(name):
        return waiting_of(account, name, "time", engine.now)
    metric, window, *category = name.split("/", 2)
    days: WindowDays = "all" if window == "all" else int(window)
    return reading_of(account, metric, days, category[0] if category else None)


def seen_of(engine: Engine, sight: Reading | Waiting) -> Seen:
    """What a point shows of it."""
    account = engine.account(sight.seller, sight.marketplace)
    market, complete_to = account.market, None
    if market.rules.heartbeat_within is not None:
        complete_to = account.feeds.complete_to(market.kept_from)
    if isinstance(sight, Waiting):
        turned_at = sight.turned_at
        is_new = complete_to is not None and turned_at is not None and turned_at > complete_to
        return Seen(
            sight.level,
            sight.level,
            sight.moved_by,
            complete_to,
            doubtful=is_new,
            waiting=sight.soon + sight.overdue,
            turned_at=turned_at,
        )
    doubtful = (
        complete_to is not None
        and sight.alarm in OPEN
        and has_turned(account, sight.metric, complete_to, engine.now)
    )
    return Seen(sight.alarm, sight.calm, sight.moved_by, complete_to, doubtful)


def pace_of(engine: Engine, sight: Reading | Waiting) -> Pace:
    """How fast its alert opens, closes and repeats itself."""
    market = engine.account(sight.seller, sight.marketplace).market
    if isinstance(sight, Waiting):
        deadline = market.rules.deadlines.get(sight.kind)
        return _AT_ONCE if deadline is None else Pace(repeat_every=deadline.repeat_every)
    rule = market.rule(sight.metric)
    if rule is None:
        return _AT_ONCE
    return Pace(rule.alert.hold, rule.alert.recovery_hold, rule.alert.repeat_every)


def subjects_of(engine: Engine, sight: Reading | Waiting) -> tuple[list[str], int]:
    """The ids behind it of which the first are named, and how many there are."""
    if isinstance(sight, Reading):
        return engine.offenders(sight, SUBJECTS_MAX)
    if sight.level in QUIET or sight.level is Level.UNKNOWN:
        return [], 0
    account = engine.account(sight.seller, sight.marketplace)
    due = due_of(account, sight.kind, engine.now)
    return due[:SUBJECTS_MAX], len(due)
