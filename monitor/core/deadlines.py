"""The open items of an account and when they are due (contract, "Deadlines")."""

from collections.abc import Iterator
from typing import get_args

from monitor.core.facts import Message, Order, Return
from monitor.core.instants import Day, Instant
from monitor.core.rules import ItemKind

ItemKey = tuple[str, str]
"""The order and, within it, the return or claim; a message has no order here."""


Item = tuple[Order | Return | Message, Instant]
"""What an open item belongs to, and the instant until which it is in time."""

_KINDS: tuple[ItemKind, ...] = tuple(sorted(get_args(ItemKind)))


class Deadlines:
    """Open items by kind and key.

    An item whose subject is past retention counts nowhere and is passed over.
    """

    __slots__ = ("_items",)

    def __init__(self) -> None:
        self._items: dict[ItemKind, dict[ItemKey, Item]] = {kind: {} for kind in _KINDS}

    def note(
        self, kind: ItemKind, key: ItemKey, subject: Order | Return | Message, due_at: Instant
    ) -> None:
        """Open an item, or move its due instant."""
        self._items[kind][key] = (subject, due_at)

    def close(self, kind: ItemKind, key: ItemKey) -> None:
        """Close an item, where it was open."""
        self._items[kind].pop(key, None)

    def kinds(self) -> Iterator[ItemKind]:
        """The kinds of which there are items."""
        return (kind for kind, items in self._items.items() if items)

    def of(self, kind: ItemKind, floor: Day) -> Iterator[tuple[ItemKey, Instant]]:
        """Key and due instant of the items of a kind younger than the retention floor."""
        for key, (subject, due_at) in self._items[kind].items():
            if subject.day is None or subject.day > floor:
                yield key, due_at
