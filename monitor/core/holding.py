"""Events whose instant is still to come: held until then, and kept in the ledger meanwhile."""

from collections.abc import Iterator
from hashlib import sha256
from heapq import heappop, heappush
from itertools import count

import msgspec

from monitor.core.events import Event, Heartbeat
from monitor.core.instants import Instant, instant_of
from monitor.core.journal import Journal
from monitor.core.kept import Held
from monitor.core.ledger_keys import Key
from monitor.core.records import held_of


class Holding:
    """The held events of an engine, first due first.

    Args:
        journal: notes them, for who keeps it. With one, an event is held once however often it
            came: the ledger knows it by its digest.
    """

    def __init__(self, journal: Journal | None) -> None:
        self._journal = journal
        self._due: list[tuple[Instant, int, Held]] = []
        self._by_id: dict[str, Held] = {}
        self._serial = count()

    def first_at(self) -> Instant | None:
        """When the next one is due."""
        return self._due[0][0] if self._due else None

    def hold(self, event: Event, feed: str) -> None:
        """Keep an event for later; ``feed``: where it came from."""
        self._hold(Held(id=digest_of(event, feed), event=event, feed=feed))

    def restore(self, key: Key, value: bytes) -> None:
        """Take back one that the ledger holds.

        Raises:
            LedgerError: a newer program wrote it, or it is no record.
        """
        assert self._journal is not None
        known = self._by_id.get(key.id)
        if known is None:
            self._hold(held_of(key, value))
        else:
            self._journal.found(known, key.epoch)

    def due(self, now: Instant) -> Iterator[tuple[Instant, Held]]:
        """Let go of those whose instant has come, one by one.

        Each is dropped from the ledger once the caller, who has merged it, asks for the next.
        """
        while self._due and self._due[0][0] <= now:
            at, _, held = heappop(self._due)
            yield at, held
            if self._journal is not None:
                del self._by_id[held.id]
                self._journal.drop(held, prefix_of(held.event))

    def _hold(self, held: Held) -> None:
        if self._journal is not None:
            if held.id in self._by_id:
                return
            self._by_id[held.id] = held
            # A restored one too: a former owner may yet release it, and remove what it wrote.
            self._journal.note(held, prefix_of(held.event))
        heappush(self._due, (instant_of(held.event.at), next(self._serial), held))


def prefix_of(event: Event) -> str:
    """The account of an event, as keys of the ledger begin."""
    return f"{event.seller}/{event.marketplace}/"


def digest_of(event: Event, feed: str) -> str:
    """What tells one event from another, whatever its record was, but for its feed."""
    vouches = feed.encode() if isinstance(event, Heartbeat) else b""
    return sha256(msgspec.json.encode(event) + vouches).hexdigest()[:32]
