"""What the ledger topic holds of each subject: versioned msgpack, and back (contract, ledger.md).

Only facts are kept: days, verdicts and due instants follow from them and the policy in force.
"""

from collections.abc import Callable
from typing import Any, Final, Literal, NamedTuple

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from monitor.core import merging
from monitor.core.events import CancelledBy, ClaimKind, ClaimOutcome, FulfilledBy
from monitor.core.events import decode as decode_event
from monitor.core.facts import (
    Claim,
    Feedback,
    Message,
    Order,
    Return,
    Scan,
    Violation,
    Vote,
)
from monitor.core.instants import Instant, parse_instant
from monitor.core.kept import AlertState, Heartbeat, Held, Kept
from monitor.core.ledger_keys import ALERT, HELD, Key, RecordKind
from monitor.core.standing import Standing
from monitor.errors import LedgerError

FORMAT: Final = 2
"""The version that is written. Older ones are read, newer ones refused."""

_encode = msgspec.msgpack.Encoder().encode


def decode(value: bytes, decoder: msgspec.msgpack.Decoder[Any], key: object) -> Any:
    """The record in a value; ``key`` says in the error which one it is.

    Raises:
        LedgerError: a newer program wrote it, or it is no record.
    """
    try:
        return decoder.decode(value)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        try:
            version = msgspec.msgpack.decode(value, type=list[Any])[0]
        except (msgspec.DecodeError, msgspec.ValidationError, IndexError):
            version = None
        if isinstance(version, int) and version > FORMAT:
            raise LedgerError(
                f"the ledger holds records of format {version}, this program knows {FORMAT}:"
                " a newer version of the monitor has written it; run that one"
            ) from None
        raise LedgerError(f"the ledger's record {key!r} cannot be read: {error}") from error


class _Record(Struct, array_like=True, frozen=True, gc=False):
    v: Literal[1, 2]


class _Return(Struct, array_like=True, frozen=True, gc=False):
    requested_at: Instant | None
    valid: bool
    answered_at: Instant | None
    decided_at: Instant | None
    rejected: bool
    rated_at: Instant | None
    satisfied: bool


class _Feedback(Struct, array_like=True, frozen=True, gc=False):
    at: Instant
    removed: bool
    rating: int


class _Claim(Struct, array_like=True, frozen=True, gc=False):
    opened_at: Instant | None
    kind: ClaimKind
    decided_at: Instant | None
    outcome: ClaimOutcome | None
    at_fault: str | None


class _Order(_Record, frozen=True, gc=False):
    placed_at: Instant | None
    fulfilled_by: FulfilledBy
    category: str | None
    ship_by: Instant | None
    ship_by_said_at: Instant | None
    deliver_by: Instant | None
    deliver_by_said_at: Instant | None
    shipped_at: Instant | None
    carrier: str | None
    tracking: str | None
    delivered_at: Instant | None
    cancelled_at: Instant | None
    cancelled_by: CancelledBy
    cancel_reason: str | None
    refunded_at: Instant | None
    scans: tuple[Scan, ...]
    feedback: dict[str, _Feedback] | None
    claims: dict[str, _Claim] | None
    returns: dict[str, _Return] | None


class _Message(_Record, frozen=True, gc=False):
    received_at: Instant | None
    thread: str
    order: str | None
    answered_at: Instant | None
    dismissed_at: Instant | None


class _Vote(_Record, frozen=True, gc=False):
    first_at: Instant | None
    rated_at: Instant | None
    solved: bool


class _Heartbeat(_Record, frozen=True, gc=False):
    latest_at: Instant | None


class _Held(_Record, frozen=True, gc=False):
    event: bytes
    feed: str = ""


class _Alert(_Record, frozen=True, gc=False):
    present: Standing
    before: Standing
    number: int
    record: bytes


class _Violation(_Record, frozen=True, gc=False):
    reported_at: Instant | None
    kind: str
    product: str | None
    appealed_at: Instant | None
    fixed_at: Instant | None


def encode_order(order: Order) -> bytes:
    """An order with its feedback, claims and returns."""
    feedback, claims, returns = order.feedback, order.claims, order.returns
    return _encode(
        _Order(
            FORMAT,
            order.placed_at,
            order.fulfilled_by,
            order.category,
            order.ship_by,
            order.ship_by_said_at,
            order.deliver_by,
            order.deliver_by_said_at,
            order.shipped_at,
            order.carrier,
            order.tracking,
            order.delivered_at,
            order.cancelled_at,
            order.cancelled_by,
            order.cancel_reason,
            order.refunded_at,
            order.scans,
            {one.id: _feedback_record(one) for one in feedback} if feedback else None,
            {name: _claim_record(one) for name, one in claims.items()} if claims else None,
            {name: _return_record(one) for name, one in returns.items()} if returns else None,
        )
    )


def encode_message(message: Message) -> bytes:
    """A message; which order counts it follows from what it names."""
    return _encode(
        _Message(
            FORMAT,
            message.received_at,
            message.thread,
            message.order,
            message.answered_at,
            message.dismissed_at,
        )
    )


def encode_vote(vote: Vote) -> bytes:
    """A buyer's vote."""
    return _encode(_Vote(FORMAT, vote.first_at, vote.rated_at, vote.solved))


def encode_violation(violation: Violation) -> bytes:
    """A policy notice."""
    return _encode(
        _Violation(
            FORMAT,
            violation.reported_at,
            violation.kind,
            violation.product,
            violation.appealed_at,
            violation.fixed_at,
        )
    )


def encode_heartbeat(heartbeat: Heartbeat) -> bytes:
    """The latest heartbeat of an account."""
    return _encode(_Heartbeat(FORMAT, heartbeat.latest_at))


def encode_held(held: Held) -> bytes:
    """An event whose instant is still to come, as it travels."""
    return _encode(_Held(FORMAT, msgspec.json.encode(held.event), held.feed))


def encode_alert(alert: AlertState) -> bytes:
    """Where an alert stands, with the bytes of its last record."""
    return _encode(_Alert(FORMAT, alert.present, alert.before, alert.number, alert.record))


def _feedback_record(feedback: Feedback) -> _Feedback:
    return _Feedback(feedback.at, feedback.removed, feedback.rating)


def _claim_record(claim: Claim) -> _Claim:
    return _Claim(claim.opened_at, claim.kind, claim.decided_at, claim.outcome, claim.at_fault)


def _return_record(request: Return) -> _Return:
    return _Return(
        request.requested_at,
        request.valid,
        request.answered_at,
        request.decided_at,
        request.rejected,
        request.rated_at,
        request.satisfied,
    )


def absorb_order(order: Order, record: _Order) -> None:
    """Merge another version of an order into it."""
    if record.placed_at is not None:
        merging.take_placed(order, record.placed_at, record.fulfilled_by, record.category)
    if record.ship_by is not None and record.ship_by_said_at is not None:
        merging.take_ship_by(order, record.ship_by_said_at, record.ship_by)
    if record.deliver_by is not None and record.deliver_by_said_at is not None:
        merging.take_deliver_by(order, record.deliver_by_said_at, record.deliver_by)
    _absorb_fate(order, record)
    for scan in record.scans:
        merging.take_scan(order, scan)
    if record.feedback or record.claims or record.returns:
        _absorb_items(order, record)


def _absorb_fate(order: Order, record: _Order) -> None:
    if record.shipped_at is not None:
        merging.take_shipped(order, record.shipped_at, record.carrier, record.tracking)
    if record.delivered_at is not None:
        merging.take_delivered(order, record.delivered_at)
    if record.cancelled_at is not None:
        by, reason = record.cancelled_by, record.cancel_reason
        merging.take_cancelled(order, record.cancelled_at, by, reason)
    if record.refunded_at is not None:
        merging.take_refunded(order, record.refunded_at)


def _absorb_items(order: Order, record: _Order) -> None:
    for name, said in (record.feedback or {}).items():
        told = Feedback(id=name, at=said.at, removed=said.removed, rating=said.rating)
        merging.take_feedback(order, told)
    for name, found in (record.claims or {}).items():
        claim = merging.claim_of(order, name)
        if found.opened_at is not None:
            merging.take_claim_opened(claim, found.opened_at, found.kind)
        if found.decided_at is not None and found.outcome is not None:
            merging.take_claim_decided(claim, found.decided_at, found.outcome, found.at_fault)
    for name, asked in (record.returns or {}).items():
        _absorb_return(merging.return_of(order, name), asked)


def _absorb_return(request: Return, record: _Return) -> None:
    if record.requested_at is not None:
        merging.take_return_requested(request, record.requested_at, record.valid)
    if record.answered_at is not None:
        merging.take_return_answered(request, record.answered_at)
    if record.decided_at is not None:
        merging.take_return_decided(request, record.decided_at, record.rejected)
    if record.rated_at is not None:
        merging.take_return_rated(request, record.rated_at, record.satisfied)


def absorb_message(message: Message, record: _Message) -> None:
    """Merge another version of a message into it."""
    if record.received_at is not None:
        merging.take_message_received(message, record.received_at, record.thread, record.order)
    if record.answered_at is not None:
        merging.take_message_answered(message, record.answered_at)
    if record.dismissed_at is not None:
        merging.take_message_dismissed(message, record.dismissed_at)


def absorb_vote(vote: Vote, record: _Vote) -> None:
    """Merge another version of a vote into it."""
    if record.first_at is not None:
        merging.take_vote_begun(vote, record.first_at)
    if record.rated_at is not None:
        merging.take_vote_rated(vote, record.rated_at, record.solved)


def absorb_violation(violation: Violation, record: _Violation) -> None:
    """Merge another version of a policy notice into it."""
    if record.reported_at is not None:
        kind, product = record.kind, record.product
        merging.take_violation_reported(violation, record.reported_at, kind, product)
    if record.appealed_at is not None:
        merging.take_violation_appealed(violation, record.appealed_at)
    if record.fixed_at is not None:
        merging.take_violation_fixed(violation, record.fixed_at)


def absorb_heartbeat(heartbeat: Heartbeat, record: _Heartbeat) -> None:
    """The latest wins."""
    if record.latest_at is not None:
        merging.take_heartbeat(heartbeat, record.latest_at)


class Codec(NamedTuple):
    """How what is kept of one kind is written, read, and, if it merges, merged."""

    kind: RecordKind
    encode: Callable[[Any], bytes]
    decoder: msgspec.msgpack.Decoder[Any]
    absorb: Callable[[Any, Any], None] | None = None


_Decoder = msgspec.msgpack.Decoder

CODECS: dict[type[Kept], Codec] = {
    Order: Codec("order", encode_order, _Decoder(_Order), absorb_order),
    Message: Codec("message", encode_message, _Decoder(_Message), absorb_message),
    Vote: Codec("vote", encode_vote, _Decoder(_Vote), absorb_vote),
    Violation: Codec("violation", encode_violation, _Decoder(_Violation), absorb_violation),
    Heartbeat: Codec("heartbeat", encode_heartbeat, _Decoder(_Heartbeat), absorb_heartbeat),
    Held: Codec(HELD, encode_held, _Decoder(_Held)),
    AlertState: Codec(ALERT, encode_alert, _Decoder(_Alert)),
}


def held_of(key: Key, value: bytes) -> Held:
    """The held event that a record keeps.

    Raises:
        LedgerError: a newer program wrote it, or it is no record.
    """
    record = decode(value, CODECS[Held].decoder, key)
    event = decode_event(record.event)
    return Held(id=key.id, epoch=key.epoch, event=event, feed=record.feed)


def alert_state_of(key: Key, value: bytes) -> AlertState:
    """The alert that a record keeps.

    Raises:
        LedgerError: a newer program wrote it, or it is no record.
    """
    record: _Alert = decode(value, CODECS[AlertState].decoder, key)
    present, before = record.present, record.before
    if record.v == 1 and record.record:
        # It did not tell when an alert had spoken last, but its record does.
        said_at = parse_instant(msgspec.json.decode(record.record, type=_Spoken).as_of)
        present, before = (replace(one, said_at=said_at) for one in (present, before))
    return AlertState(
        id=key.id,
        epoch=key.epoch,
        present=present,
        before=before,
        number=record.number,
        record=record.record,
    )


class _Spoken(Struct):
    as_of: str
