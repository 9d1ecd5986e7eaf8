"""The open items of an account and when they are due (contract, "Deadlines")."""

from collections.abc import Iterator
from typing import get_args

from monitor.core.facts import Message, Order, Return
from monitor.core.instants import Day, Instant
from monitor.core.market import Market
from monitor.core.rules import ItemKind

ItemKey = tuple[str, str]
"""The order and, within it, the return or claim; a message has no order here."""


Item = tuple[Order | Return | Message, Instant]
"""What an open item belongs to, and the instant until which it is in time."""

NEVER_DUE: Instant = 1 << 62
"""Later than whatever is ever due."""

_KINDS: tuple[ItemKind, ...] = tuple(sorted(get_args(ItemKind)))


class Deadlines:
    """Open items by kind and key.

    An item whose subject is past retention counts nowhere and is passed over.

    Args:
        market: whose rules say how long there is time.
    """

    __slots__ = ("_calm_to", "_items", "_market", "moved")

    def __init__(self, market: Market) -> None:
        self.moved: set[ItemKind] = set(_KINDS)
        """The kinds of which anything may have changed since somebody last looked."""
        self._market = market
        self._items: dict[ItemKind, dict[ItemKey, Item]] = {kind: {} for kind in _KINDS}
        self._calm_to: dict[ItemKind, Instant] = {}

    def adopt(self, market: Market) -> None:
        """Go on under another policy that counts the same."""
        self._market = market
        self._calm_to = dict.fromkeys(_KINDS, 0)
        self.move_all()

    def move_all(self) -> None:
        """Look at all kinds anew."""
        self.moved.update(_KINDS)

    def take_moved(self) -> set[ItemKind]:
        """The kinds that have moved; from then on none has."""
        moved, self.moved = self.moved, set()
        return moved

    def note_shipment(self, order: Order) -> None:
        """Open, move or close what the facts of an order say of its shipment."""
        awaited = (
            order.placed_at is not None
            and order.fulfilled_by == "seller"
            and order.shipped_at is None
            and order.cancelled_at is None
            and self._market.known
        )
        due_at = order.ship_due_at if awaited else None
        self._note("shipment", (order.id, ""), order, due_at)

    def note_claims(self, order: Order) -> None:
        """The same of the answers to its claims."""
        rule = self._market.rule("order_defect_rate")
        if rule is None or rule.claim_within is None:
            return
        for name, claim in (order.claims or {}).items():
            open_ = claim.kind == "guarantee" and claim.outcome is None
            due_at = None
            if open_ and claim.opened_at is not None:
                due_at = claim.opened_at + rule.claim_within
            self._note("claim_answer", (order.id, name), order, due_at)

    def note_return(self, request: Return) -> None:
        """The same of the answer to a return request."""
        rule = self._market.rule("return_dissatisfaction_rate")
        due_at = None
        if rule is not None and request.requested_at is not None:
            open_ = request.valid and request.answered_at is None
            due_at = request.requested_at + rule.answer_within if open_ else None
        self._note("return_answer", (request.order, request.id), request, due_at)

    def note_message(self, message: Message) -> None:
        """The same of the reply to a message."""
        rule = self._market.rule("contact_response_rate")
        due_at = None
        if rule is not None and message.received_at is not None and message.replied_at is None:
            due_at = message.received_at + rule.reply_within
        self._note("reply", ("", message.id), message, due_at)

    def forget_order(self, order: Order) -> None:
        """Close all items of an order."""
        self._note("shipment", (order.id, ""), order, None)
        for claim in order.claims or ():
            self._note("claim_answer", (order.id, claim), order, None)
        for request in order.returns or ():
            self._note("return_answer", (order.id, request), order, None)

    def forget_message(self, message: Message) -> None:
        """Close the item of a message."""
        self._note("reply", ("", message.id), message, None)

    def kinds(self) -> Iterator[ItemKind]:
        """The kinds of which there are items."""
        return (kind for kind, items in self._items.items() if items)

    def of(self, kind: ItemKind, floor: Day) -> Iterator[tuple[ItemKey, Instant]]:
        """Key and due instant of the items of a kind younger than the retention floor."""
        for key, (subject, due_at) in self._items[kind].items():
            if subject.day is None or subject.day > floor:
                yield key, due_at

    def calm_to(self, kind: ItemKind) -> Instant:
        """An instant before which no item of a kind with a deadline is due soon.

        It may be too early, since it is not put off when an item is done.
        """
        return self._calm_to.get(kind, NEVER_DUE)

    def dues(self, kind: ItemKind, warn_before: int) -> list[Instant]:
        """The due instants of a kind; from now on ``calm_to`` is that of the first one."""
        dues = [due_at for _, due_at in self.of(kind, self._market.floor)]
        self._calm_to[kind] = min(dues) - warn_before if dues else NEVER_DUE
        return dues

    def order_of(self, kind: ItemKind, key: ItemKey) -> str | None:
        """The order of an open item; None where a message names none."""
        subject, _ = self._items[kind][key]
        return subject.order if isinstance(subject, Message) else key[0]

    def _note(
        self,
        kind: ItemKind,
        key: ItemKey,
        subject: Order | Return | Message,
        due_at: Instant | None,
    ) -> None:
        if due_at is not None:
            self._items[kind][key] = (subject, due_at)
            self.moved.add(kind)
            rule = self._market.rules.deadlines.get(kind)
            if rule is not None and due_at - rule.warn_before < self.calm_to(kind):
                self._calm_to[kind] = due_at - rule.warn_before
        elif self._items[kind].pop(key, None) is not None:
            self.moved.add(kind)
