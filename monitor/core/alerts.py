"""Alert levels over time: which readings changed their level, as records for ``alerts``.

An alert remembers its level, its sequence number and its episode. A record is the evidence
of one change (contract, alerts.md); the same change always has the same bytes.
"""

from collections.abc import Iterable
from hashlib import sha256

from msgspec.structs import replace

from monitor.core.alert_records import (
    Cut,
    Link,
    MetricRecord,
    Reason,
    alert_of,
    decode_record,
    limit_text,
    value_text,
)
from monitor.core.engine import Engine
from monitor.core.instants import isoformat
from monitor.core.journal import Journal
from monitor.core.kept import AlertState, Decision
from monitor.core.readings import Level, Reading
from monitor.core.records import Key, alert_state_of

SUBJECTS_MAX = 20

_QUIET = frozenset({Level.OK, Level.NO_DATA})


class AlertBook:
    """The alerts of one partition: the last level of each, and what changed.

    Args:
        program: version that decides, named in every record.
        journal: notes each change of an alert, for who keeps it.
    """

    def __init__(self, program: str, journal: Journal | None = None) -> None:
        self._program = program
        self._journal = journal
        self._states: dict[str, AlertState] = {}
        self.chain = Link(0, "")
        """Number and digest of the last record."""

    def restore(self, key: Key, value: bytes, *, superseded: bool) -> None:
        """Take back what the ledger holds of an alert; of its versions the highest epoch's.

        ``chain`` is that of the ledger by then.

        ``superseded``: it was written when somebody else already owned the partition. Its
        writer never published that decision, so the one before it stands.

        Raises:
            LedgerError: a newer program wrote it, or it is no record.
        """
        assert self._journal is not None
        found = alert_state_of(key, value)
        # A number past the chain's: its writer died before all of the write was safe.
        was_never_out = superseded or found.number > self.chain.n
        if was_never_out:
            found.present, found.number = found.before, 0
        alert = f"{key.seller}/{key.marketplace}/{key.id}"
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

    def step(
        self,
        engine: Engine,
        readings: Iterable[Reading],
        cut: Cut,
        *,
        caught_up: bool = False,
    ) -> list[MetricRecord]:
        """Records for the readings whose level changed, at the engine's instant.

        Args:
            engine: what to ask for the orders behind a reading and the policy in force.
            readings: those that may have changed.
            cut: the offsets up to which the engine has read.
            caught_up: the first step after a start, which opens from ``unknown``.
        """
        records = []
        for reading in readings:
            alert = alert_of(reading)
            state = self._states.get(alert)
            level = Level.OK if state is None else state.present.level
            if reading.level == level or (reading.level in _QUIET and level in _QUIET):
                continue
            fresh = state is None or level in _QUIET
            from_ = Level.UNKNOWN if caught_up and fresh else level
            reason: Reason = "caught_up" if caught_up else reading.moved_by
            record = self._record(engine, reading, cut, from_, reason)
            records.append(self._decide(alert, record, fresh=fresh))
        return records

    def close_ended(
        self, engine: Engine, readings: Iterable[Reading], cut: Cut
    ) -> list[MetricRecord]:
        """Records that close the open alerts without a series; ``readings`` are all there are."""
        closed = []
        seen = {alert_of(reading) for reading in readings}
        for alert, state in self._states.items():
            if alert in seen or state.present.level in _QUIET:
                continue
            last = decode_record(state.record)
            assert isinstance(last, MetricRecord)
            record = replace(
                last,
                from_=state.present.level,
                to=Level.NO_DATA,
                reason="policy",
                numerator=0,
                denominator=None if last.denominator is None else 0,
                headroom=None,
                orders_to_recover=None,
                subjects=(),
                subjects_total=0,
                as_of=isoformat(engine.now),
                cut=cut,
                policy=engine.digest(last.marketplace),
                program=self._program,
            )
            closed.append(self._decide(alert, record, fresh=False))
        return closed

    def _decide(self, alert: str, record: MetricRecord, *, fresh: bool) -> MetricRecord:
        """Number a record, and remember it as the last of its alert."""
        seller, marketplace, name = alert.split("/", 2)
        state = self._states.get(alert)
        if state is None:
            never = Decision(Level.OK, 0, 0)
            state = self._states[alert] = AlertState(id=name, present=never, before=never)
        seq = state.present.seq + 1
        episode = seq if fresh else state.present.episode
        link = Link(self.chain.n + 1, self.chain.previous)
        record = replace(record, seq=seq, episode=episode, chain=link)
        state.record = record.encode()
        self.chain = Link(link.n, sha256(state.record).hexdigest())
        state.number = link.n
        state.before, state.present = state.present, Decision(record.to, seq, episode)
        if self._journal is not None:
            self._journal.note(state, f"{seller}/{marketplace}/")
        return record

    def _record(
        self, engine: Engine, reading: Reading, cut: Cut, from_: Level, reason: Reason
    ) -> MetricRecord:
        newest, total = engine.offenders(reading, SUBJECTS_MAX)
        is_count = reading.denominator is None
        return MetricRecord(
            alert=alert_of(reading),
            seq=0,
            episode=0,
            chain=self.chain,
            from_=from_,
            to=reading.level,
            reason=reason,
            seller=reading.seller,
            marketplace=reading.marketplace,
            metric=reading.metric,
            window_days=reading.window_days,
            category=reading.category,
            numerator=reading.numerator,
            denominator=reading.denominator,
            limit=limit_text(reading.limit, is_count=is_count),
            approach=None
            if reading.approach is None
            else value_text(reading.approach, is_count=is_count),
            headroom=reading.headroom,
            orders_to_recover=reading.orders_to_recover,
            subjects=tuple(newest),
            subjects_total=total,
            as_of=isoformat(engine.now),
            cut=cut,
            policy=engine.digest(reading.marketplace),
            program=self._program,
        )
