"""Who is told of what, and when: routes, mute times and silences. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, NamedTuple

from monitor.core.instants import Instant
from monitor.core.rules import Severity
from monitor.core.standing import QUIET
from monitor.notify.mute_times import MuteTime
from monitor.notify.notification import Item
from monitor.notify.silences import Silence, alike, silencing, subject_of

_STRETCHES_MAX = 20
"""Mute times that follow one another; whoever mutes for ever is asked again after these."""


@dataclass(frozen=True, slots=True)
class Route:
    """Which alerts go to some receivers.

    Exact names or patterns, of which one has to fit; with none everything does. ``metrics``
    are also kinds of open items. Its mute times mute this route alone.
    """

    name: str
    receivers: frozenset[str]
    sellers: tuple[str, ...] = ()
    marketplaces: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    severities: frozenset[Severity] = frozenset()
    mute_times: tuple[MuteTime, ...] = ()

    def takes(self, item: Item) -> bool:
        """Whether an item goes this way.

        Who was told that an alert is open hears how it goes on, also where that is less severe.
        """
        record, previous = item.record, item.previous
        follows = previous is not None and previous.to not in QUIET
        return (
            (not self.severities or item.severity in self.severities or follows)
            and _fits(self.sellers, record.seller)
            and _fits(self.marketplaces, record.marketplace)
            and _fits(self.metrics, subject_of(record))
        )


@dataclass(frozen=True, slots=True)
class Routing:
    """All routes; without any each receiver gets everything."""

    routes: tuple[Route, ...] = ()

    def ways(self, item: Item, receiver: str) -> tuple[Route, ...]:
        """The routes by which an item comes to a receiver."""
        if not self.routes:
            return (Route("", frozenset({receiver})),)
        return tuple(
            route for route in self.routes if receiver in route.receivers and route.takes(item)
        )


class Decision(NamedTuple):
    """What becomes of an item for a receiver.

    ``muted`` and ``silenced`` are postponed: it is not told before ``until``, and may be
    decided otherwise any time. ``by`` is the name of the mute time or the id of the silence.
    """

    outcome: Literal["deliver", "unrouted", "muted", "silenced"]
    until: Instant | None = None
    by: str = ""


def decide(
    item: Item, receiver: str, at: Instant, routing: Routing, silences: Iterable[Silence]
) -> Decision:
    """What becomes of an item for a receiver at an instant.

    One way that is not muted is enough; of those that are, the first to be over counts.
    """
    ways = routing.ways(item, receiver)
    if not ways:
        return Decision("unrouted")
    if silence := silencing(silences, item.record, at):
        return Decision("silenced", silence.over_at, silence.id)
    muted = [_muted(route, at) for route in ways]
    if any(one is None for one in muted):
        return Decision("deliver")
    until, name = min(one for one in muted if one is not None)
    return Decision("muted", until, name)


def _muted(route: Route, at: Instant) -> tuple[Instant, str] | None:
    """Until when a route is muted, and by which mute time at last; None: it is not.

    A mute time that begins before another one ends goes on from there.
    """
    until, by = at, ""
    for _ in range(_STRETCHES_MAX):
        ends = [(mute.mutes_until(until), mute.name) for mute in route.mute_times]
        known = [(end, name) for end, name in ends if end is not None]
        if not known:
            break
        until, by = max(known)
    return (until, by) if by else None


def _fits(patterns: tuple[str, ...], text: str) -> bool:
    return not patterns or any(alike(pattern, text) for pattern in patterns)
