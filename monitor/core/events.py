"""The events of the wire contract as one tagged union, and how a record becomes one.

Field order is the contract's: on equal ``at`` the ledger compares own fields in that order.
JSON null means absent, therefore fields with a default also admit None.
"""

import re
from datetime import datetime
from typing import Annotated, Any, Literal, get_args

import msgspec
from msgspec import Meta, Struct, field

from monitor.core.instants import DAY, Instant, instant_of
from monitor.errors import InvalidEvent, InvalidReason

SourceTopic = Literal["orders", "feedback", "claims", "messages"]
SOURCE_TOPICS: tuple[SourceTopic, ...] = get_args(SourceTopic)

_SELLER = "^[A-Za-z0-9_-]{1,64}$"
_MARKETPLACE = "^[A-Za-z0-9_.-]{1,64}$"
_KNOWN_NAMES_MAX = 1_000_000

AwareDatetime = Annotated[datetime, Meta(tz=True, description="RFC 3339 with offset")]
EventId = Annotated[str, Meta(min_length=1, max_length=128)]
# The pattern is checked in `decode`, once per distinct name: in msgspec it would cost as much
# as all the rest of decoding.
Seller = Annotated[str, Meta(extra_json_schema={"pattern": _SELLER})]
Marketplace = Annotated[str, Meta(extra_json_schema={"pattern": _MARKETPLACE})]
Rating = Annotated[int, Meta(ge=1, le=5)]
FulfilledBy = Literal["seller", "marketplace"]
CancelledBy = Literal["buyer", "seller", "marketplace"]
ClaimKind = Literal["guarantee", "chargeback_service", "chargeback_fraud"]
ClaimOutcome = Literal["granted", "denied", "withdrawn"]


class _Event(Struct, frozen=True, kw_only=True, tag_field="type", gc=False):
    id: EventId
    at: AwareDatetime
    seller: Seller
    marketplace: Marketplace


class OrderPlaced(_Event, tag="order_placed", frozen=True, kw_only=True):
    """An order exists; ``at`` is the order date."""

    order: str
    fulfilled_by: FulfilledBy | None = "seller"
    ship_by: AwareDatetime | None = None
    deliver_by: AwareDatetime | None = None
    category: str | None = None
    amount: float | None = None
    currency: str | None = None


class OrderAmended(_Event, tag="order_amended", frozen=True, kw_only=True):
    """A promise date changed."""

    order: str
    ship_by: AwareDatetime | None = None
    deliver_by: AwareDatetime | None = None


class OrderShipped(_Event, tag="order_shipped", frozen=True, kw_only=True):
    """The seller confirmed shipment."""

    order: str
    carrier: str | None = None
    tracking: str | None = None


class OrderScanned(_Event, tag="order_scanned", frozen=True, kw_only=True):
    """The carrier saw this tracking number."""

    order: str
    carrier: str
    tracking: str


class OrderDelivered(_Event, tag="order_delivered", frozen=True, kw_only=True):
    """The order was delivered."""

    order: str


class OrderCancelled(_Event, tag="order_cancelled", frozen=True, kw_only=True):
    """The order was cancelled."""

    order: str
    by: CancelledBy
    reason: str | None = None


class OrderRefunded(_Event, tag="order_refunded", frozen=True, kw_only=True):
    """Money went back to the buyer."""

    order: str
    refund: str
    amount: float | None = None
    reason: str | None = None


class ReturnRequested(_Event, tag="return_requested", frozen=True, kw_only=True):
    """The buyer asks to return; ``valid`` = within the return policy."""

    order: str
    return_: str = field(name="return")
    valid: bool | None = True


class ReturnAnswered(_Event, tag="return_answered", frozen=True, kw_only=True):
    """The seller answered a return request."""

    order: str
    return_: str = field(name="return")
    decision: Literal["approved", "rejected", "replied"]


class FeedbackLeft(_Event, tag="feedback_left", frozen=True, kw_only=True):
    """Seller feedback of 1 to 5 stars."""

    order: str
    feedback: str
    rating: Rating


class FeedbackRemoved(_Event, tag="feedback_removed", frozen=True, kw_only=True):
    """Feedback removed or struck."""

    order: str
    feedback: str


class ReturnRated(_Event, tag="return_rated", frozen=True, kw_only=True):
    """Return feedback."""

    order: str
    return_: str = field(name="return")
    satisfied: bool


class ServiceRated(_Event, tag="service_rated", frozen=True, kw_only=True):
    """The buyer's answer to "did this solve your problem?"."""

    vote: str
    solved: bool
    order: str | None = None
    thread: str | None = None


class ClaimOpened(_Event, tag="claim_opened", frozen=True, kw_only=True):
    """An A-to-Z guarantee claim or a card chargeback."""

    order: str
    claim: str
    kind: ClaimKind


class ClaimDecided(_Event, tag="claim_decided", frozen=True, kw_only=True):
    """A claim was decided."""

    order: str
    claim: str
    outcome: ClaimOutcome
    at_fault: Literal["seller", "buyer", "carrier", "marketplace"] | None = None


class ViolationReported(_Event, tag="violation_reported", frozen=True, kw_only=True):
    """A policy notice against the account."""

    violation: str
    kind: str
    product: str | None = None


class ViolationResolved(_Event, tag="violation_resolved", frozen=True, kw_only=True):
    """A policy notice was appealed (never counts) or fixed (no longer open)."""

    violation: str
    outcome: Literal["appealed", "fixed"]


class MessageReceived(_Event, tag="message_received", frozen=True, kw_only=True):
    """A buyer wrote; the reply clock starts."""

    message: str
    thread: str
    order: str | None = None


class MessageAnswered(_Event, tag="message_answered", frozen=True, kw_only=True):
    """The seller replied to the message."""

    message: str
    thread: str


class MessageDismissed(_Event, tag="message_dismissed", frozen=True, kw_only=True):
    """The seller marked the message "no reply needed"."""

    message: str
    thread: str


class Heartbeat(_Event, tag="heartbeat", frozen=True, kw_only=True):
    """The feed of this topic for this seller is alive and complete up to ``at``."""


Event = (
    OrderPlaced
    | OrderAmended
    | OrderShipped
    | OrderScanned
    | OrderDelivered
    | OrderCancelled
    | OrderRefunded
    | ReturnRequested
    | ReturnAnswered
    | FeedbackLeft
    | FeedbackRemoved
    | ReturnRated
    | ServiceRated
    | ClaimOpened
    | ClaimDecided
    | ViolationReported
    | ViolationResolved
    | MessageReceived
    | MessageAnswered
    | MessageDismissed
    | Heartbeat
)

TOPIC_OF: dict[str, SourceTopic] = {
    "order_placed": "orders",
    "order_amended": "orders",
    "order_shipped": "orders",
    "order_scanned": "orders",
    "order_delivered": "orders",
    "order_cancelled": "orders",
    "order_refunded": "orders",
    "return_requested": "orders",
    "return_answered": "orders",
    "feedback_left": "feedback",
    "feedback_removed": "feedback",
    "return_rated": "feedback",
    "service_rated": "feedback",
    "claim_opened": "claims",
    "claim_decided": "claims",
    "violation_reported": "claims",
    "violation_resolved": "claims",
    "message_received": "messages",
    "message_answered": "messages",
    "message_dismissed": "messages",
    "heartbeat": "orders",
}
"""The topic a type is published on by default; on another of the four it is accepted too."""

_DECODER: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event)
_SELLER_MATCH = re.compile(_SELLER.replace("$", r"\Z")).match
_MARKETPLACE_MATCH = re.compile(_MARKETPLACE.replace("$", r"\Z")).match
_known_sellers: set[str] = set()
_known_marketplaces: set[str] = set()


def decode(value: bytes) -> Event:
    """The event that a record's value holds.

    Raises:
        InvalidEvent: not JSON, an unknown type, or a missing or malformed field.
    """
    try:
        event = _DECODER.decode(value)
        if not value.isascii():
            value.decode()
    except msgspec.ValidationError as error:
        raise _explained(value, error) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidEvent(InvalidReason.NOT_JSON, str(error)) from None
    if event.seller not in _known_sellers:
        _admit(event.seller, "seller", _SELLER_MATCH, _known_sellers)
    if event.marketplace not in _known_marketplaces:
        _admit(event.marketplace, "marketplace", _MARKETPLACE_MATCH, _known_marketplaces)
    return event


def is_seller(name: str) -> bool:
    """Whether an event may name a seller so."""
    return _SELLER_MATCH(name) is not None


def check_recorded(event: Event, key: bytes | None, recorded_at: Instant) -> None:
    """Check an event against the Kafka record that carried it.

    Raises:
        InvalidEvent: the key is not the seller, or ``at`` is more than a day after the
            record's own timestamp.
    """
    check_key(event, key)
    check_instant(event, recorded_at)


def check_key(event: Event, key: bytes | None) -> bytes:
    """Check an event against the key of its record, which is returned.

    Raises:
        InvalidEvent: the key is not the seller.
    """
    if key is None or key != event.seller.encode():
        shown = "no key" if key is None else f"key {key[:80]!r}"
        raise InvalidEvent(InvalidReason.FOREIGN_KEY, f"{shown}, seller {event.seller!r}")
    return key


def check_instant(event: Event, recorded_at: Instant) -> None:
    """Check an event against the timestamp of the Kafka record that carried it.

    Raises:
        InvalidEvent: ``at`` is more than a day after it.
    """
    if instant_of(event.at) > recorded_at + DAY:
        raise InvalidEvent(
            InvalidReason.FUTURE,
            f"at {event.at.isoformat()} is more than a day after the record's timestamp",
        )


def json_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of the wire format, generated from the types above."""
    schema = msgspec.json.schema(Event)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | schema


def _admit(name: str, kind: str, matches: Any, known: set[str]) -> None:
    if matches(name) is None:
        raise InvalidEvent(InvalidReason.MALFORMED, f"{kind} {name[:80]!r} is not allowed")
    if len(known) >= _KNOWN_NAMES_MAX:
        known.clear()
    known.add(name)


def _explained(value: bytes, error: msgspec.ValidationError) -> InvalidEvent:
    """The reason behind a validation error; an unknown type is told from a malformed field."""
    try:
        found = msgspec.json.decode(value, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError) as not_json:
        reason = InvalidReason.MALFORMED
        if not isinstance(not_json, msgspec.ValidationError):
            reason = InvalidReason.NOT_JSON
        return InvalidEvent(reason, str(not_json))
    name = found.get("type")
    if isinstance(name, str) and name not in TOPIC_OF:
        return InvalidEvent(InvalidReason.UNKNOWN_TYPE, f"type {name[:80]!r}")
    return InvalidEvent(InvalidReason.MALFORMED, str(error))
