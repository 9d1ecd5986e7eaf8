"""The alerts of a partition: where each stands, and the records of what they say.

A record is the evidence of one change (contract, alerts.md); the same change always has the
same bytes. What is decided at a point depends on the facts and the points, never on the order
in which events came: records of one point are in the order of their alerts.
"""

from collections.abc import Collection, Generator, Iterable, Iterator, Sequence
from hashlib import sha256
from heapq import heappop, heappush
from typing import NamedTuple

from msgspec.structs import replace

from monitor.core.alert_records import (
    AlertRecord,
    Cut,
    Decided,
    Link,
    alert_of,
    decode_record,
    ending_of,
    record_of,
)
from monitor.core.deadlines import NEVER_DUE
from monitor.core.engine import Engine
from monitor.core.instants import Instant
from monitor.core.journal import Journal
from monitor.core.kept import AlertState
from monitor.core.ledger import Account
from monitor.core.ledger_keys import Key
from monitor.core.readings import OPEN, Level, Reading, Waiting
from monitor.core.records import alert_state_of
from monitor.core.report import waiting_of
from monitor.core.rules import ItemKind
from monitor.core.sight import pace_of, seen_of, sight_of, subjects_of
from monitor.core.standing import NEVER, QUIET, CaughtUp, Standing, Word, ended, step, wake_at

_READINGS_A_SLICE = 500


class _Said(NamedTuple):
    """What an alert has to say: ``sight`` is None where its series no longer exists."""

    alert: str
    stands: Standing
    word: Word
    sight: Reading | Waiting | None


class AlertBook:
    """The alerts of one partition.

    Args:
        program: version that decides, named in every record.
        journal: notes each change of an alert, for who keeps it.
    """

    def __init__(self, program: str, journal: Journal | None = None) -> None:
        self._program = program
        self._journal = journal
        self._states: dict[str, AlertState] = {}
        self._names: dict[tuple[str, str], set[str]] = {}
        self._wakes: list[tuple[Instant, str]] = []
        self._wake_at: dict[str, Instant] = {}
        self.chain = Link(0, "")
        """Number and digest of the last record."""
        self.idle = True
        """Whether the last point found nothing to look at."""
        self.evaluated_at: Instant = 0
        """The last point of which the ledger knows; 0: of none."""

    def restore(self, key: Key, value: bytes, *, superseded: bool) -> None:
        """Take back what the ledger holds of an alert; of its versions the highest epoch's.

        ``chain`` and ``evaluated_at`` are those of the ledger by then.

        ``superseded``: it was written when somebody else already owned the partition. Its
        writer never published that decision, so what it was before stands.

        Raises:
            LedgerError: a newer program wrote it, or it is no record.
        """
        assert self._journal is not None
        found = alert_state_of(key, value)
        # Past the chain's number, or its point: its writer died before all of the write was safe.
        is_ahead = found.number > self.chain.n or found.present.decided_at > self.evaluated_at
        was_never_out = superseded or is_ahead
        if was_never_out:
            if found.present.seq != found.before.seq:
                found.number = 0
            found.present = found.before
        alert = f"{key.seller}/{key.marketplace}/{key.id}"
        self._names.setdefault((key.seller, key.marketplace), set()).add(key.id)
        known = self._states.setdefault(alert, found)
        if found.epoch > known.epoch:
            known.present, known.before = found.present, found.before
            known.number, known.record = found.number, found.record
        self._journal.found(known, found.epoch)
        if was_never_out:
            # Under the next epoch, so that nobody has to find out again.
            self._journal.note(known, f"{key.seller}/{key.marketplace}/")

    def unpublished(self, published: int) -> list[bytes]:
        """Restored records that come after a number in the chain, in its order."""
        waiting = [state for state in self._states.values() if state.number > published]
        return [state.record for state in sorted(waiting, key=lambda state: state.number)]

    def next_at(self) -> Instant | None:
        """The first instant to come at which time alone may move an alert."""
        return self._wakes[0][0] if self._wakes else None

    def names(self, seller: str, marketplace: str) -> Collection[str]:
        """The alerts of an account that ever spoke, or were about to, without the account."""
        return self._names.get((seller, marketplace), ())

    def step(
        self,
        engine: Engine,
        readings: Sequence[Reading],
        cut: Cut,
        *,
        caught_up: CaughtUp | None = None,
    ) -> list[AlertRecord]:
        """All of ``deciding`` at once."""
        slices = self.deciding(engine, readings, cut, caught_up=caught_up)
        while True:
            try:
                next(slices)
            except StopIteration as end:
                records: list[AlertRecord] = end.value
                return records

    def deciding(
        self,
        engine: Engine,
        readings: Sequence[Reading],
        cut: Cut,
        *,
        caught_up: CaughtUp | None = None,
    ) -> Generator[None, None, list[AlertRecord]]:
        """Records of what alerts have to say at the engine's instant; in slices of some ms.

        Args:
            engine: what to ask for open items, orders behind a reading, and rules.
            readings: those that may have changed; calm ones that never alerted may be left out.
            cut: the offsets up to which the engine has read.
            caught_up: of the first point after the partition was read to its end, for which
                ``readings`` are all there are.
        """
        now, said = engine.now, list[_Said]()
        looked: set[str] = set()
        is_first = caught_up is not None
        every = engine.take_policy_change() or is_first
        for begin in range(0, len(readings), _READINGS_A_SLICE):
            for reading in readings[begin : begin + _READINGS_A_SLICE]:
                alert = alert_of(reading)
                if reading.alarm in OPEN or alert in self._states:
                    self._look(engine, alert, reading, said, looked, caught_up=caught_up)
            yield
        for waiting in self._waiting(engine, every=is_first):
            self._look(engine, alert_of(waiting), waiting, said, looked, caught_up=caught_up)
        woken = [*self._take_due(now), *(self._states if every else ())]
        for alert in dict.fromkeys(woken):
            if alert not in looked:
                sight = sight_of(engine, alert)
                if sight is None:
                    self._end(alert, now, said)
                else:
                    self._look(engine, alert, sight, said, looked, caught_up=caught_up)
        self.idle = not (readings or looked or every)
        yield
        decided = Decided(now, cut, self._program)
        return [self._decide(engine, one, decided) for one in sorted(said, key=_alert)]

    def _waiting(self, engine: Engine, *, every: bool) -> Iterator[Waiting]:
        """What waits of the kinds of items that have moved (or of all) and are not calm."""
        for account, kinds, cause in engine.items_moved(every=every):
            for kind in kinds:
                if every or not self._is_calm(account, kind, engine.now):
                    waiting = waiting_of(account, kind, cause, engine.now)
                    if waiting is not None:
                        yield waiting

    def _is_calm(self, account: Account, kind: ItemKind, now: Instant) -> bool:
        """Whether nothing of a kind is due soon, nor was anybody told that it is.

        Then there is nothing to look at but when that may change. With thousands of sellers
        nearly all that moves is calm.
        """
        calm_to = account.deadlines.calm_to(kind)
        if now >= calm_to or account.feeds.silent:
            return False
        alert = f"{account.prefix}{kind}"
        state = self._states.get(alert)
        if state is not None and (state.present.level not in QUIET or state.present.pending):
            return False
        if calm_to != NEVER_DUE and calm_to < self._wake_at.get(alert, NEVER_DUE):
            self._wake(alert, calm_to)
        return True

    def _look(
        self,
        engine: Engine,
        alert: str,
        sight: Reading | Waiting,
        said: list[_Said],
        looked: set[str],
        *,
        caught_up: CaughtUp | None,
    ) -> None:
        """Step one alert, and note when time alone may move it next."""
        looked.add(alert)
        now, state = engine.now, self._states.get(alert)
        was = NEVER if state is None else state.present
        seen, pace = seen_of(engine, sight), pace_of(engine, sight)
        if caught_up is not None:
            seen = caught_up.shows(seen, sight.marketplace)
        stands, word = step(was, seen, pace, now)
        if word is not None:
            said.append(_Said(alert, stands, word, sight))
        elif stands is not was:
            self._keep(alert, stands)
        wakes = [wake_at(stands, seen, pace, now)]
        if isinstance(sight, Waiting):
            wakes.append(sight.turns_at)
        self._wake(alert, min((at for at in wakes if at is not None), default=None))

    def _end(self, alert: str, now: Instant, said: list[_Said]) -> None:
        """Close an alert whose series no longer exists."""
        state = self._states.get(alert)
        if state is None:
            return
        if state.present.level in OPEN or state.present.level is Level.UNKNOWN:
            stands, word = ended(state.present, now)
            said.append(_Said(alert, stands, word, None))
        elif state.present.pending:
            self._keep(alert, replace(state.present, pending="", pending_at=0, decided_at=now))

    def _decide(self, engine: Engine, one: _Said, decided: Decided) -> AlertRecord:
        """Number what an alert says, and remember it as its last word."""
        marketplace = one.alert.split("/", 2)[1]
        policy = engine.digest(marketplace)
        if one.sight is None:
            last = decode_record(self._states[one.alert].record)
            record = ending_of(last, one.word, policy, decided)
        else:
            record = record_of(one.sight, one.word, subjects_of(engine, one.sight), policy, decided)
        link = Link(self.chain.n + 1, self.chain.previous)
        record = replace(record, seq=one.stands.seq, episode=one.stands.episode, chain=link)
        state = self._keep(one.alert, one.stands)
        state.record, state.number = record.encode(), link.n
        self.chain = Link(link.n, sha256(state.record).hexdigest())
        return record

    def _keep(self, alert: str, stands: Standing) -> AlertState:
        """Remember where an alert stands after this point."""
        seller, marketplace, name = alert.split("/", 2)
        state = self._states.get(alert)
        if state is None:
            state = self._states[alert] = AlertState(id=name, present=NEVER, before=NEVER)
            self._names.setdefault((seller, marketplace), set()).add(name)
        state.before, state.present = state.present, stands
        if self._journal is not None:
            self._journal.note(state, f"{seller}/{marketplace}/")
        return state

    def _wake(self, alert: str, at: Instant | None) -> None:
        if at is None:
            self._wake_at.pop(alert, None)
        elif self._wake_at.get(alert) != at:
            self._wake_at[alert] = at
            heappush(self._wakes, (at, alert))

    def _take_due(self, now: Instant) -> Iterable[str]:
        """The alerts whose wake has come; what lies in the heap for another is passed over."""
        while self._wakes and self._wakes[0][0] <= now:
            at, alert = heappop(self._wakes)
            if self._wake_at.get(alert) == at:
                del self._wake_at[alert]
                yield alert


def _alert(one: _Said) -> str:
    return one.alert
