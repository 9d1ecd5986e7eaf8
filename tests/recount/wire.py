"""The wire format, read for the recount: plain dicts in, checked events out, ties decided."""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

REQUIRED = object()
"""Stands for "has no default, and must be there"."""

OPTIONAL = object()
"""Stands for "has no default, and may be absent"."""

FULFILLED_BY = ("seller", "marketplace")
PARTIES = ("buyer", "seller", "marketplace")
AT_FAULT = ("seller", "buyer", "carrier", "marketplace")
CLAIM_KINDS = ("guarantee", "chargeback_service", "chargeback_fraud")
OUTCOMES = ("granted", "denied", "withdrawn")

# type → (field, what it holds, default) in the order of the contract's table.
OWN_FIELDS: dict[str, tuple[tuple[str, Any, Any], ...]] = {
    "order_placed": (
        ("order", str, REQUIRED),
        ("fulfilled_by", FULFILLED_BY, "seller"),
        ("ship_by", datetime, OPTIONAL),
        ("deliver_by", datetime, OPTIONAL),
        ("category", str, OPTIONAL),
        ("amount", float, OPTIONAL),
        ("currency", str, OPTIONAL),
    ),
    "order_amended": (
        ("order", str, REQUIRED),
        ("ship_by", datetime, OPTIONAL),
        ("deliver_by", datetime, OPTIONAL),
    ),
    "order_shipped": (
        ("order", str, REQUIRED),
        ("carrier", str, OPTIONAL),
        ("tracking", str, OPTIONAL),
    ),
    "order_scanned": (
        ("order", str, REQUIRED),
        ("carrier", str, REQUIRED),
        ("tracking", str, REQUIRED),
    ),
    "order_delivered": (("order", str, REQUIRED),),
    "order_cancelled": (
        ("order", str, REQUIRED),
        ("by", PARTIES, REQUIRED),
        ("reason", str, OPTIONAL),
    ),
    "order_refunded": (
        ("order", str, REQUIRED),
        ("refund", str, REQUIRED),
        ("amount", float, OPTIONAL),
        ("reason", str, OPTIONAL),
    ),
    "return_requested": (
        ("order", str, REQUIRED),
        ("return", str, REQUIRED),
        ("valid", bool, True),
    ),
    "return_answered": (
        ("order", str, REQUIRED),
        ("return", str, REQUIRED),
        ("decision", ("approved", "rejected", "replied"), REQUIRED),
    ),
    "feedback_left": (
        ("order", str, REQUIRED),
        ("feedback", str, REQUIRED),
        ("rating", int, REQUIRED),
    ),
    "feedback_removed": (("order", str, REQUIRED), ("feedback", str, REQUIRED)),
    "return_rated": (
        ("order", str, REQUIRED),
        ("return", str, REQUIRED),
        ("satisfied", bool, REQUIRED),
    ),
    "service_rated": (
        ("vote", str, REQUIRED),
        ("solved", bool, REQUIRED),
        ("order", str, OPTIONAL),
        ("thread", str, OPTIONAL),
    ),
    "claim_opened": (
        ("order", str, REQUIRED),
        ("claim", str, REQUIRED),
        ("kind", CLAIM_KINDS, REQUIRED),
    ),
    "claim_decided": (
        ("order", str, REQUIRED),
        ("claim", str, REQUIRED),
        ("outcome", OUTCOMES, REQUIRED),
        ("at_fault", AT_FAULT, OPTIONAL),
    ),
    "violation_reported": (
        ("violation", str, REQUIRED),
        ("kind", str, REQUIRED),
        ("product", str, OPTIONAL),
    ),
    "violation_resolved": (
        ("violation", str, REQUIRED),
        ("outcome", ("appealed", "fixed"), REQUIRED),
    ),
    "message_received": (
        ("message", str, REQUIRED),
        ("thread", str, REQUIRED),
        ("order", str, OPTIONAL),
    ),
    "message_answered": (("message", str, REQUIRED), ("thread", str, REQUIRED)),
    "message_dismissed": (("message", str, REQUIRED), ("thread", str, REQUIRED)),
    "heartbeat": (),
}

PROMISES = ("ship_by", "deliver_by")
_RFC_3339 = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)
_SELLER = re.compile(r"[A-Za-z0-9_-]{1,64}")
_MARKETPLACE = re.compile(r"[A-Za-z0-9_.-]{1,64}")


class Invalid(ValueError):
    """The record is no event of the contract."""


@dataclass(frozen=True)
class Event:
    """A valid event: ``own`` has only the fields that are present, defaults filled in."""

    type: str
    at: datetime
    seller: str
    marketplace: str
    own: Mapping[str, Any]

    def get(self, name: str) -> Any:
        """An own field, or None where it is absent."""
        return self.own.get(name)


def instant(text: object) -> datetime:
    """An RFC 3339 instant in UTC."""
    if not isinstance(text, str) or not _RFC_3339.fullmatch(text):
        raise Invalid(f"not RFC 3339 with offset: {text!r}")
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise Invalid(str(error)) from error


def read(record: Mapping[str, Any]) -> Event:
    """The event that a JSON object states.

    Raises:
        Invalid: a field is missing or malformed, or the type unknown.
    """
    present = {name: value for name, value in record.items() if value is not None}
    for name in ("type", "id", "at", "seller", "marketplace"):
        if not isinstance(present.get(name), str):
            raise Invalid(f"{name} is missing")
    if present["type"] not in OWN_FIELDS or not 1 <= len(present["id"]) <= 128:
        raise Invalid("type or id")
    if not _SELLER.fullmatch(present["seller"]):
        raise Invalid("seller")
    if not _MARKETPLACE.fullmatch(present["marketplace"]):
        raise Invalid("marketplace")
    at = instant(present["at"])
    return Event(present["type"], at, present["seller"], present["marketplace"], _own(present))


def _own(present: Mapping[str, Any]) -> dict[str, Any]:
    own: dict[str, Any] = {}
    for name, kind, default in OWN_FIELDS[present["type"]]:
        if name in present:
            own[name] = _checked(present[name], kind)
        elif default is REQUIRED:
            raise Invalid(f"{name} is missing")
        elif default is not OPTIONAL:
            own[name] = default
    return own


def _checked(value: Any, kind: Any) -> Any:
    if kind is datetime:
        return instant(value)
    if isinstance(kind, tuple):
        sound = isinstance(value, str) and value in kind
    elif kind is float:
        sound = isinstance(value, int | float) and not isinstance(value, bool)
        sound = sound and math.isfinite(value)
    elif kind is int:  # the only one is a rating
        sound = isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 5
    else:
        sound = isinstance(value, kind)
    if not sound:
        raise Invalid(f"{value!r} is malformed")
    return value


def earliest(events: Iterable[Event]) -> Event | None:
    """The event with the earliest ``at``; on equal ``at`` the greater own fields win."""
    found = list(events)
    if not found:
        return None
    at = min(event.at for event in found)
    return max((event for event in found if event.at == at), key=_own_fields_in_order)


def latest(events: Iterable[Event]) -> Event | None:
    """The event with the latest ``at``; on equal ``at`` the greater own fields win."""
    found = list(events)
    if not found:
        return None
    at = max(event.at for event in found)
    return max((event for event in found if event.at == at), key=_own_fields_in_order)


def _own_fields_in_order(event: Event) -> list[tuple[bool, Any]]:
    # Absent is less than present. The promises of an order count each for itself.
    return [
        (name in event.own, event.own.get(name, 0))
        for name, _, _ in OWN_FIELDS[event.type]
        if not (event.type == "order_placed" and name in PROMISES)
    ]
