"""Where one alert stands, and the pure step by which it moves from one point to the next.

Nothing but the instants of evaluation points, and what is seen at them, decides; a point at
which nothing new is seen and no wake has come leaves everything as it is. So points at which
nothing had changed may be left out of a replay.
"""

from collections.abc import Mapping
from typing import Literal, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from monitor.core.instants import Instant
from monitor.core.readings import OPEN, Level

Reason = Literal["events", "time", "policy", "stale", "caught_up", "reminder"]

RANK: Mapping[Level, int] = {
    Level.NO_DATA: 0,
    Level.OK: 0,
    Level.APPROACHING: 1,
    Level.BREACHED: 2,
}
"""How bad a level is; what is unknown has no place among them."""

QUIET = frozenset({Level.OK, Level.NO_DATA})


class Standing(Struct, frozen=True, array_like=True, gc=False):
    """Where an alert stands after a point.

    ``level`` is what was said last, ``seq`` and ``episode`` count as in its record. It heads
    for a worse level (``rises``) or a better one since ``pending_at``, because of ``pending``;
    empty: it heads nowhere. ``said_at`` is when it spoke last, and ``told`` of how many items.
    ``known`` is the level before it became unknown, ``decided_at`` the point that last changed
    any of this.
    """

    level: Level
    seq: int
    episode: int
    pending: Reason | Literal[""] = ""
    pending_at: Instant = 0
    rises: bool = False
    said_at: Instant = 0
    told: int = 0
    known: Level = Level.OK
    decided_at: Instant = 0


NEVER = Standing(Level.OK, 0, 0)
"""An alert of which nothing was ever said."""


class Pace(NamedTuple):
    """How long a worse level lasts before it opens, a better one before it closes.

    ``repeat_every``: how long after its last word an open alert speaks again (None: never).
    """

    hold: int = 0
    recovery_hold: int = 0
    repeat_every: int | None = None


class Seen(NamedTuple):
    """What a point shows of a series, or of the open items of a kind.

    ``level`` is its level without any memory, ``calm`` the level that it may fall to: that
    which a few more defects would not make worse. ``level`` is UNKNOWN while its data cannot
    be trusted. ``reason``: what moved it. ``complete_to``: what time alone made worse is not
    believed where it began later (None: believed at once). ``doubtful``: though an event moved
    it, it may be time that made it worse. ``waiting``: how many items there are to tell of;
    None where a reminder is due whether or not there are more. ``turned_at``: when the last of
    them came to be told of.
    """

    level: Level
    calm: Level
    reason: Reason = "events"
    complete_to: Instant | None = None
    doubtful: bool = False
    waiting: int | None = None
    turned_at: Instant | None = None


class CaughtUp(NamedTuple):
    """Of the first point after a partition was read to its end.

    ``ruled_anew``: marketplaces under another policy than when levels were decided last.
    """

    ruled_anew: tuple[str, ...] = ()

    def shows(self, seen: Seen, marketplace: str) -> Seen:
        """What is seen, with the reason for which it is only seen now."""
        is_ruled_anew = marketplace in self.ruled_anew and not seen.doubtful
        return seen._replace(reason="policy" if is_ruled_anew else "caught_up")


class Word(NamedTuple):
    """A record to be written: from, to, and why now."""

    from_: Level
    to: Level
    reason: Reason


def step(was: Standing, seen: Seen, pace: Pace, now: Instant) -> tuple[Standing, Word | None]:
    """Where an alert stands after a point, and what is to be said, if anything.

    Args:
        was: where it stood before.
        seen: what the point shows.
        pace: of its rule.
        now: the point.
    """
    if Level.UNKNOWN in (seen.level, was.level):
        return _stale_step(was, seen, now)
    to = _heading(was.level, seen)
    if to is None:
        if _repeats(was, seen, pace, now):
            return _said(was, Word(was.level, was.level, "reminder"), seen, now)
        return _settled(was, now), None
    heads = _pending(was, to, _cause(was, to, seen), now)
    if seen.reason == "policy" or _is_due(heads, seen, pace, now):
        # Nothing else would have brought it about now, whatever it was heading for before.
        reason = "policy" if seen.reason == "policy" else heads.pending or seen.reason
        from_ = Level.UNKNOWN if reason == "caught_up" and was.level in QUIET else was.level
        return _said(was, Word(from_, to, reason), seen, now)
    return heads, None


def wake_at(stands: Standing, seen: Seen, pace: Pace, now: Instant) -> Instant | None:
    """The next instant after a point at which time alone may move an alert."""
    at = None
    if stands.pending:
        at = stands.pending_at + _hold(stands, pace)
    elif pace.repeat_every is not None and stands.level in OPEN and _has_more(stands, seen):
        at = stands.said_at + pace.repeat_every
    return at if at is not None and at > now else None


def ended(was: Standing, now: Instant) -> tuple[Standing, Word]:
    """The end of an alert whose series no longer exists."""
    none = Seen(Level.NO_DATA, Level.NO_DATA, "policy")
    return _said(was, Word(was.level, Level.NO_DATA, "policy"), none, now)


def _stale_step(was: Standing, seen: Seen, now: Instant) -> tuple[Standing, Word | None]:
    """Into the unknown, where anything was open, and out of it: to what is there by then."""
    if seen.level is not Level.UNKNOWN:
        return _known_again(was, seen, now)
    if was.level in OPEN:
        return _said(was, Word(was.level, Level.UNKNOWN, "stale"), seen, now)
    return _settled(was, now), None


def _known_again(was: Standing, seen: Seen, now: Instant) -> tuple[Standing, Word]:
    """Out of the unknown: to what is there by then, as far as it may be believed."""
    to = _heading(was.known, seen) or was.known
    is_worse = RANK[to] > RANK[was.known]
    if not is_worse or seen.complete_to is None or seen.complete_to >= now:
        return _said(was, Word(Level.UNKNOWN, to, "caught_up"), seen, now)
    stands, word = _said(was, Word(Level.UNKNOWN, was.known, "caught_up"), seen, now)
    return _pending(stands, to, "caught_up", now), word


def _heading(level: Level, seen: Seen) -> Level | None:
    """The level that an alert heads for; None: it stays."""
    if RANK[seen.level] > RANK[level]:
        return seen.level
    if RANK[seen.calm] < RANK[level]:
        return seen.calm
    return None


def _cause(was: Standing, to: Level, seen: Seen) -> Reason:
    is_doubtful = seen.doubtful and RANK[to] > RANK[was.level]
    return "time" if is_doubtful and seen.reason == "events" else seen.reason


def _pending(was: Standing, to: Level, reason: Reason, now: Instant) -> Standing:
    rises = RANK[to] > RANK[was.level]
    if was.pending and was.rises == rises:
        return was
    return replace(was, pending=reason, pending_at=now, rises=rises, decided_at=now)


def _hold(stands: Standing, pace: Pace) -> int:
    return pace.hold if stands.rises else pace.recovery_hold


def _is_due(pending: Standing, seen: Seen, pace: Pace, now: Instant) -> bool:
    """Whether it has headed there for long enough, and may be believed."""
    if now < pending.pending_at + _hold(pending, pace):
        return False
    # Somebody told of an event; that time passed may only mean that nobody tells anything.
    told = pending.pending in ("events", "policy")
    complete_to = seen.complete_to
    if told or not pending.rises or complete_to is None:
        return True
    return complete_to >= pending.pending_at


def _repeats(was: Standing, seen: Seen, pace: Pace, now: Instant) -> bool:
    if pace.repeat_every is None or was.level not in OPEN or not _has_more(was, seen):
        return False
    return now >= was.said_at + pace.repeat_every


def _has_more(stands: Standing, seen: Seen) -> bool:
    """Whether there is more to tell than was told, or other items than those told of."""
    if seen.waiting is None or seen.waiting > stands.told:
        return True
    return seen.turned_at is not None and seen.turned_at > stands.said_at


def _settled(was: Standing, now: Instant) -> Standing:
    """Heading nowhere any more."""
    if not was.pending:
        return was
    return replace(was, pending="", pending_at=0, rises=False, decided_at=now)


def _said(was: Standing, word: Word, seen: Seen, now: Instant) -> tuple[Standing, Word]:
    """What stands after a word."""
    seq = was.seq + 1
    opens = was.level in QUIET
    stands = Standing(
        level=word.to,
        seq=seq,
        episode=seq if opens else was.episode,
        said_at=now,
        told=seen.waiting or 0,
        known=was.level if word.to is Level.UNKNOWN else Level.OK,
        decided_at=now,
    )
    return stands, word
