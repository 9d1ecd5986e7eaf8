"""How near the open items of a seller came to their deadlines over a range of points. Pure."""

from collections.abc import Iterator, Mapping

from msgspec import Struct

from monitor.core.deadlines import ItemKey
from monitor.core.engine import Engine
from monitor.core.instants import SECOND, Instant, isoformat
from monitor.core.readings import Level


class ClosestItem(Struct, frozen=True, kw_only=True):
    """Of a kind of open items the one that came nearest to its deadline.

    ``open_to``: the first point at which it was known to be done, or the end of what was looked
    at; ``left_seconds``: how long before ``due_at`` that was, below 0 where it was overdue.
    """

    alert: str
    item: str
    due_at: str
    open_to: str
    left_seconds: int
    warn_before_seconds: int
    level: str


class DueTracks:
    """The open items of a seller whose deadlines its policies watch.

    Args:
        begin: the first instant of the range.
        seller: whose.
        marketplace: where; None: everywhere.
        kind: which; None: every one.
    """

    def __init__(
        self, begin: Instant, seller: str, marketplace: str | None, kind: str | None
    ) -> None:
        self._begin = begin
        self._seller, self._marketplace, self._kind = seller, marketplace, kind
        self._open: dict[str, tuple[dict[ItemKey, Instant], int]] = {}
        self._nearest: dict[str, ClosestItem] = {}

    def see(self, engine: Engine, at: Instant) -> None:
        """What is open at a point, of which what was open before it knows nothing new."""
        found = dict(self._found(engine))
        for alert, (items, warn_before) in self._open.items():
            still, _ = found.get(alert, ({}, 0))
            done = {key: due_at for key, due_at in items.items() if still.get(key) != due_at}
            self._note(alert, done, warn_before, at)
        self._open = found

    def close(self, end: Instant) -> list[ClosestItem]:
        """The nearest item of each kind up to an instant, by the name of the alert."""
        for alert, (items, warn_before) in self._open.items():
            self._note(alert, items, warn_before, end)
        return [one for _, one in sorted(self._nearest.items())]

    def _found(self, engine: Engine) -> Iterator[tuple[str, tuple[dict[ItemKey, Instant], int]]]:
        for marketplace in engine.digests():
            if self._marketplace not in (None, marketplace):
                continue
            account = engine.account(self._seller, marketplace)
            for kind, rule in account.market.rules.deadlines.items():
                if self._kind in (None, kind):
                    items = dict(account.deadlines.of(kind, account.market.floor))
                    yield f"{self._seller}/{marketplace}/{kind}", (items, rule.warn_before)

    def _note(
        self, alert: str, items: Mapping[ItemKey, Instant], warn_before: int, at: Instant
    ) -> None:
        """Items that were open up to an instant."""
        if at < self._begin:
            return
        for (order, inner), due_at in items.items():
            left_seconds, known = (due_at - at) // SECOND, self._nearest.get(alert)
            if known is None or left_seconds < known.left_seconds:
                self._nearest[alert] = ClosestItem(
                    alert=alert,
                    item=inner or order,
                    due_at=isoformat(due_at),
                    open_to=isoformat(at),
                    left_seconds=left_seconds,
                    warn_before_seconds=warn_before // SECOND,
                    level=_level(due_at - at, warn_before).value,
                )


def _level(left: int, warn_before: int) -> Level:
    if left < 0:
        return Level.BREACHED
    return Level.APPROACHING if left <= warn_before else Level.OK
