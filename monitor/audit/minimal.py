"""The part of an account's events on which its figures rest, and nothing else. Pure.

Whoever gets a bundle learns what was counted, not who bought what from whom (docs/adr/0010):

- left out: whatever no contract names, heartbeats, amounts and currencies, products, the reasons
  of refunds, the kinds of violations, threads, and the ids of events and refunds;
- kept where the policy names them: categories, and the reasons that excuse a cancellation;
- replaced by their rank among those of the bundle: carriers and tracking numbers, since only
  which of them are the same counts.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import msgspec

from monitor.core.events import (
    Event,
    Heartbeat,
    MessageReceived,
    OrderAmended,
    OrderCancelled,
    OrderPlaced,
    OrderScanned,
    OrderShipped,
)
from monitor.core.instants import Instant, instant_of, isoformat
from monitor.core.rules import MarketplaceRules

Row = dict[str, Any]
"""An event as a file has it."""
Rename = Callable[[str, str], str]
"""Gives another name to an id of a kind (``order``, ``claim`` …)."""

ID_FIELDS = frozenset(
    {"seller", "order", "return", "feedback", "claim", "message", "vote", "violation"}
)
"""Fields that name something of the seller's; each is the kind of what it names."""
_KEPT = ID_FIELDS | {
    *("type", "marketplace", "fulfilled_by", "by", "valid", "decision", "rating", "satisfied"),
    *("solved", "kind", "outcome", "at_fault"),
}
_INSTANTS = ("at", "ship_by", "deliver_by")
_UNUSED: Mapping[str, Row] = {
    "order_refunded": {"refund": "-"},
    "violation_reported": {"kind": "-"},
    "message_received": {"thread": "-"},
    "message_answered": {"thread": "-"},
    "message_dismissed": {"thread": "-"},
}
"""Fields that the contract requires and no figure rests on."""
_DROPPED: Mapping[str, frozenset[str]] = {"service_rated": frozenset({"order"})}


def as_they_are(kind: str, name: str) -> str:  # noqa: ARG001
    """Ids in clear."""
    return name


def minimal(
    events: Iterable[Event], rules: MarketplaceRules, rename: Rename = as_they_are
) -> list[bytes]:
    """Lines of JSON for a file, sorted, each once; the same for the same set of events.

    Args:
        events: of one account.
        rules: those that its figures follow.
        rename: gives other names to ids.
    """
    found = _settled(event for event in events if not isinstance(event, Heartbeat))
    carriers, tracking = _ranks("carrier", found), _ranks("tracking", found)
    rows = (_row(event, rules, rename, carriers, tracking) for event in found)
    distinct = sorted({_line(row) for row in rows})
    return [_numbered(line, number) for number, line in enumerate(distinct, 1)]


def _settled(events: Iterable[Event]) -> list[Event]:
    """The events without those that lose against another of the same instant.

    There texts and ids decide, of which some are left out, and others renamed. An order that
    was placed twice keeps all its promises.
    """
    winners: dict[tuple[type, str, Instant], Event] = {}
    found = list[Event]()
    for event in events:
        contest = _CONTESTS.get(type(event))
        if contest is None:
            found.append(event)
            continue
        name, rank = contest
        key = (type(event), getattr(event, name), instant_of(event.at))
        winners[key] = max(winners.get(key, event), event, key=rank)
        if isinstance(event, OrderPlaced) and (event.ship_by or event.deliver_by):
            found.append(_promises(event))
    return found + list(winners.values())


def _promises(event: OrderPlaced) -> OrderAmended:
    return OrderAmended(
        id=event.id,
        at=event.at,
        seller=event.seller,
        marketplace=event.marketplace,
        order=event.order,
        ship_by=event.ship_by,
        deliver_by=event.deliver_by,
    )


def _rank(text: str | None) -> tuple[bool, str]:
    """Absent before present."""
    return text is not None, text or ""


def _rank_of_placed(event: OrderPlaced) -> tuple[object, ...]:
    """No promise is lost with an event that loses: they only make the winner's line certain."""
    promises = (event.ship_by, event.deliver_by)
    instants = tuple(0 if at is None else instant_of(at) for at in promises)
    return event.fulfilled_by or "seller", _rank(event.category), instants


_CONTESTS: Mapping[type, tuple[str, Callable[[Any], Any]]] = {
    OrderPlaced: ("order", _rank_of_placed),
    OrderShipped: ("order", lambda one: (_rank(one.carrier), _rank(one.tracking))),
    OrderCancelled: ("order", lambda one: (one.by, _rank(one.reason))),
    MessageReceived: ("message", lambda one: (one.thread, _rank(one.order))),
}
"""Types of which an earliest event wins with texts: its subject, and what decides a tie."""


def _row(
    event: Event,
    rules: MarketplaceRules,
    rename: Rename,
    carriers: Mapping[str, str],
    tracking: Mapping[str, str],
) -> Row:
    told: Row = msgspec.to_builtins(event)
    type_ = told["type"]
    row = {key: told[key] for key in told.keys() & _KEPT - _DROPPED.get(type_, frozenset())}
    row |= {key: rename(key, row[key]) for key in row.keys() & ID_FIELDS if row[key] is not None}
    instants = {key: getattr(event, key, None) for key in _INSTANTS}
    row |= {key: isoformat(instant_of(at)) for key, at in instants.items() if at is not None}
    row |= _UNUSED.get(type_, {})
    if told.get("category") in _categories(rules):
        row["category"] = told["category"]
    if type_ == "order_cancelled" and told["reason"] in _excuses(rules):
        row["reason"] = told["reason"]
    if isinstance(event, OrderShipped | OrderScanned):
        row["carrier"] = _ranked(event.carrier, carriers)
        row["tracking"] = _ranked(event.tracking, tracking)
    return {key: value for key, value in row.items() if value is not None}


def _line(row: Row) -> bytes:
    # The instant first, so that lines are in the order of time.
    ordered = {"at": row["at"], **dict(sorted(row.items()))}
    return msgspec.json.encode(ordered)


def _numbered(line: bytes, number: int) -> bytes:
    return b'{"id":"%d",' % number + line[1:]


def _ranks(field: str, events: Iterable[Event]) -> dict[str, str]:
    """A name for each carrier or tracking number as it is compared, in their order."""
    every = {_compared(text) for text in _texts(field, events)} - {""}
    width = len(str(len(every)))
    names = {text: f"{field}-{rank:0{width}}" for rank, text in enumerate(sorted(every), 1)}
    return names | {"": ""}


def _texts(field: str, events: Iterable[Event]) -> Iterator[str]:
    for event in events:
        if isinstance(event, OrderShipped | OrderScanned):
            text = getattr(event, field)
            if text is not None:
                yield text


def _ranked(text: str | None, names: Mapping[str, str]) -> str | None:
    return None if text is None else names[_compared(text)]


def _compared(text: str) -> str:
    return text.strip().casefold()


def _categories(rules: MarketplaceRules) -> set[str]:
    return {category for rule in rules.metrics for category in rule.by_category}


def _excuses(rules: MarketplaceRules) -> set[str]:
    return {reason for rule in rules.metrics for reason in rule.excused_reasons}
