"""Which accounts nobody knows enough of: a feed of theirs has sent no heartbeat for too long.

Feeds are watched where the policy says how long a heartbeat may take, from the first one on.
"""

from collections.abc import Iterator
from heapq import heappop, heappush
from itertools import count

from monitor.core.instants import Instant
from monitor.core.ledger import Account


class Silence:
    """Tells accounts whether a feed of theirs is silent, as time passes."""

    def __init__(self) -> None:
        self._due: list[tuple[Instant, int, Account]] = []
        self._due_at: dict[Account, Instant] = {}
        self._serial = count()

    def look(self, account: Account, now: Instant) -> None:
        """Bring an account in step with its heartbeats; again when the next one is overdue."""
        market = account.market
        within, complete_to = (
            market.rules.heartbeat_within,
            account.feeds.complete_to(market.kept_from),
        )
        if within is None or complete_to is None:
            _note(account, silent=False)
            return
        overdue_at = complete_to + within + 1
        _note(account, silent=now >= overdue_at)
        if now < overdue_at and overdue_at < self._due_at.get(account, overdue_at + 1):
            self._due_at[account] = overdue_at
            heappush(self._due, (overdue_at, next(self._serial), account))

    def first_at(self) -> Instant | None:
        """The first instant at which a heartbeat may be overdue."""
        return self._due[0][0] if self._due else None

    def pass_time(self, now: Instant) -> Iterator[Account]:
        """Look at the accounts of which a heartbeat was due by an instant."""
        while self._due and self._due[0][0] <= now:
            due_at, _, account = heappop(self._due)
            if self._due_at.get(account) == due_at:
                del self._due_at[account]
                self.look(account, now)
                yield account


def _note(account: Account, *, silent: bool) -> None:
    """While a feed is silent nobody knows what is open; before and after all is looked at."""
    if silent != account.feeds.silent:
        account.feeds.silent = silent
        account.touch_all()
