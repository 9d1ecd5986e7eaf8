"""How much one subject may hold, so that its ledger record stays small (contract, ledger.md)."""

from collections.abc import Mapping
from typing import Any

from monitor.core import events as ev
from monitor.core.facts import Message, Order
from monitor.core.records import encode_order
from monitor.errors import InvalidEvent, InvalidReason

RECORD_BYTES_MAX = 10_000
ITEMS_MAX = 1_000

TOO_LARGE = InvalidEvent(
    InvalidReason.TOO_LARGE,
    f"its order (message, violation) would exceed {ITEMS_MAX} items or {RECORD_BYTES_MAX} bytes",
)
"""Why an event is refused for which its subject has no room."""

# No fact beside its texts takes more; a character takes four bytes at most.
_FACT_BYTES = 64
_CHARACTER_BYTES = 4

# So few items, and texts so short, are far from the limit, whatever else an order holds.
_SMALL_BYTES = 600
_FEW_ITEMS = 8
assert _SMALL_BYTES * (_FEW_ITEMS + 4) < RECORD_BYTES_MAX

_TEXTS: dict[type, tuple[str, ...]] = {
    ev.OrderPlaced: ("category",),
    ev.OrderShipped: ("carrier", "tracking"),
    ev.OrderScanned: ("carrier", "tracking"),
    ev.OrderCancelled: ("reason",),
    ev.FeedbackLeft: ("feedback",),
    ev.FeedbackRemoved: ("feedback",),
    ev.ClaimOpened: ("claim",),
    ev.ClaimDecided: ("claim",),
    ev.ReturnRequested: ("return_",),
    ev.ReturnAnswered: ("return_",),
    ev.ReturnRated: ("return_",),
    ev.MessageReceived: ("thread", "order"),
    ev.ViolationReported: ("kind", "product"),
}
"""Per type the texts that it leaves in its subject."""


def growth_bytes(event: Any) -> int:
    """How much the ledger record of its subject grows by an event, at most; 0: by nothing."""
    names = _TEXTS.get(type(event))
    if names is None:
        return 0
    characters = 0
    for name in names:
        characters += len(getattr(event, name) or "")
    return _FACT_BYTES + _CHARACTER_BYTES * characters


def has_room(
    event: Any, growth: int, orders: Mapping[str, Order], messages: Mapping[str, Message]
) -> bool:
    """Whether the subject of an event, of one account, may grow so far."""
    kind = type(event)
    if kind is ev.MessageReceived:
        order = orders.get(event.order) if event.order is not None else None
        return _has_room_to_name(messages.get(event.message), order, growth)
    if kind is ev.ViolationReported:
        return growth <= RECORD_BYTES_MAX
    order = orders.get(event.order)
    if order is None:
        return growth <= _SMALL_BYTES or _may_grow(Order(id=event.order), growth)
    return _may_grow(order, growth)


def _may_grow(order: Order, growth: int) -> bool:
    if growth <= _SMALL_BYTES and _items_of(order) < _FEW_ITEMS:
        return True
    return len(encode_order(order)) + growth <= RECORD_BYTES_MAX


def _items_of(order: Order) -> int:
    items = order.scanned + len(order.other_scans) + len(order.feedback)
    if order.claims:
        items += len(order.claims)
    return items + len(order.returns) if order.returns else items


def _has_room_to_name(message: Message | None, order: Order | None, growth: int) -> bool:
    """Whether a message may grow so far, and name an order that others name already."""
    if growth > RECORD_BYTES_MAX:
        return False
    if message is not None and message.order is not None:
        return True
    return order is None or order.messages < ITEMS_MAX
