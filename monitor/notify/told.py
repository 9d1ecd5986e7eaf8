"""What one receiver was told of each alert, and what waits to be told. Pure.

A row is the value of a record of the ``deliveries`` topic, whose key is ``receiver|alert``.
"""

from collections.abc import Iterator
from typing import Literal

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from monitor.core.alert_records import AlertRecord, decode_record
from monitor.core.instants import Instant, parse_instant
from monitor.core.readings import OPEN
from monitor.core.standing import QUIET

Outcome = Literal["delivered", "refused", "silenced", "muted", "new", "unrouted", "suppressed"]
"""What became of a record for a receiver. ``refused``: it will never take it. ``suppressed``:
there was nothing to hear: a later record of the alert came within the wait, or it closed
before the receiver had heard that it was open. ``new``: it was open when the receiver was
added."""

_UNDER_WAY: Literal["sending"] = "sending"

POSTPONED: frozenset[Outcome] = frozenset({"silenced", "muted", "new"})

_NOTHING = msgspec.Raw(b"null")
_ANSWERED: frozenset[Outcome] = frozenset({"delivered", "refused"})


class Row(Struct, frozen=True, kw_only=True):
    """What is remembered of one alert for one receiver.

    ``seq`` and ``as_of`` are those of the last record that was dealt with, ``outcome`` and
    ``at`` say how and when, ``reason`` why it was refused. ``told`` is the record told last,
    ``waiting`` the one that is told once nothing hides it any more, ``sending`` one that was
    about to be told, of which nobody knows whether it was; null: none. Before any was dealt
    with, ``outcome`` is ``sending`` and ``seq`` 0.
    """

    outcome: Outcome | Literal["sending"]
    seq: int
    as_of: str
    at: str
    told: msgspec.Raw = _NOTHING
    waiting: msgspec.Raw = _NOTHING
    sending: msgspec.Raw = _NOTHING
    reason: str = ""
    v: int = 1

    def encode(self) -> bytes:
        """The row's bytes: JSON, keys sorted."""
        return msgspec.json.encode(self, order="sorted")


def row_after(
    before: Row | None, record: AlertRecord, outcome: Outcome, at: str, reason: str = ""
) -> Row:
    """The row of an alert once a record was dealt with."""
    told = _NOTHING if before is None else before.told
    raw = msgspec.Raw(record.encode())
    return Row(
        outcome=outcome,
        seq=record.seq,
        as_of=record.as_of,
        at=at,
        told=raw if outcome == "delivered" else told,
        waiting=raw if outcome in POSTPONED else _NOTHING,
        # What is delivered or refused for ever was answered; else it may have been taken.
        sending=_NOTHING if before is None or outcome in _ANSWERED else before.sending,
        reason=reason,
    )


def row_sending(before: Row | None, record: AlertRecord, at: str) -> Row | None:
    """The row of an alert before a record is sent; None where it says so already.

    An opening that may have been heard before counts as heard.
    """
    raw = msgspec.Raw(record.encode())
    if before is None:
        return Row(outcome=_UNDER_WAY, seq=0, as_of=record.as_of, at=at, sending=raw)
    if before.sending == raw:
        return None
    unsure = _record_of(before.sending)
    is_open = unsure is not None and unsure.to not in QUIET
    return replace(before, told=before.sending if is_open else before.told, sending=raw)


class Told:
    """The rows of one receiver and one partition, by alert."""

    def __init__(self) -> None:
        self._rows: dict[str, Row] = {}
        self._open: dict[str, AlertRecord] = {}
        self._waiting: dict[str, tuple[AlertRecord, Outcome]] = {}
        self._resolved: dict[str, tuple[Instant, AlertRecord]] = {}
        self._sending: dict[str, AlertRecord] = {}
        self._refused: set[str] = set()

    def restore(self, alert: str, value: bytes | None) -> None:
        """Take in a row as it lies on the topic; None removes it.

        A worker that was halted may write an older row after a newer one: the newer stands.

        Raises:
            msgspec.ValidationError: it is no row.
        """
        if value is None:
            for held in (self._rows, self._open, self._waiting, self._resolved, self._sending):
                held.pop(alert, None)
            self._refused.discard(alert)
            return
        row = msgspec.json.decode(value, type=Row)
        known = self._rows.get(alert)
        is_older = known is not None and row.seq < known.seq and _is_past(row.seq, row.as_of, known)
        # Of two workers that began at once one may write it after the other has told of it.
        is_begun = known is not None and row.outcome == "new"
        if not is_older and not is_begun:
            self.note(alert, row)

    def note(self, alert: str, row: Row) -> None:
        """Remember how a record was dealt with."""
        self._rows[alert] = row
        self._refused.discard(alert)
        if row.outcome == "refused":
            self._refused.add(alert)
        told, sending = _record_of(row.told), _record_of(row.sending)
        self._open.pop(alert, None)
        self._resolved.pop(alert, None)
        self._sending.pop(alert, None)
        if sending is not None:
            self._sending[alert] = sending
        if told is not None and told.to not in QUIET:
            self._open[alert] = told
        elif sending is not None and sending.to not in QUIET:
            # It may have heard of that: then it has to hear of its closing, too.
            self._open[alert] = sending
        elif told is not None:
            self._resolved[alert] = (parse_instant(row.at), told)
        waiting = _record_of(row.waiting)
        if waiting is not None and row.outcome != _UNDER_WAY:
            self._waiting[alert] = (waiting, row.outcome)
        else:
            self._waiting.pop(alert, None)

    def row(self, alert: str) -> Row | None:
        """What is remembered of an alert."""
        return self._rows.get(alert)

    def is_done(self, record: AlertRecord) -> bool:
        """Whether this record, or a later one of its alert, was dealt with already.

        So it is where a later one was about to be sent, which will be read, and sent, again.
        Where the ledger was deleted, numbers begin anew: then a lower one is later all the same.
        """
        row = self._rows.get(record.alert)
        if row is None:
            return False
        sending = self._sending.get(record.alert)
        if sending is not None and record.seq < sending.seq:
            return parse_instant(record.as_of) <= parse_instant(sending.as_of)
        return _is_past(record.seq, record.as_of, row)

    def previous(self, record: AlertRecord) -> AlertRecord | None:
        """What the receiver heard last of a record's alert, before that record."""
        known = self._open.get(record.alert)
        is_itself = known is not None and (known.seq, known.as_of) == (record.seq, record.as_of)
        return None if is_itself else known

    def has_to_hear(self, record: AlertRecord) -> bool:
        """Whether a record says anything to a receiver that was told what this one was."""
        return record.to in OPEN or record.alert in self._open

    def open_records(self) -> Iterator[AlertRecord]:
        """What was told last of each alert that the receiver takes for open."""
        yield from self._open.values()

    def resolved_since(self, instant: Instant) -> list[AlertRecord]:
        """The closings told since an instant; those told before are forgotten."""
        for alert in [alert for alert, (at, _) in self._resolved.items() if at < instant]:
            del self._resolved[alert]
        return [record for _, record in self._resolved.values()]

    def waiting(self) -> Iterator[tuple[AlertRecord, Outcome]]:
        """The records that are told later, and what hides them."""
        yield from self._waiting.values()

    @property
    def refused(self) -> int:
        """Alerts whose last word was refused."""
        return len(self._refused)


def _is_past(seq: int, as_of: str, row: Row) -> bool:
    """Whether a record of that number and instant is the row's, or an earlier one."""
    return seq <= row.seq and parse_instant(as_of) <= parse_instant(row.as_of)


def _record_of(raw: msgspec.Raw) -> AlertRecord | None:
    value = bytes(raw)
    return None if value == b"null" else decode_record(value)


def is_closing(record: AlertRecord) -> bool:
    """Whether a record closes its alert."""
    return record.to in QUIET
