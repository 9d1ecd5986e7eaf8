"""What the events up to an instant say about each order, return, message, vote and violation."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tests.recount.wire import Event, earliest, latest


@dataclass(frozen=True)
class Claim:
    """A guarantee claim or chargeback; ``kind`` is None until it was opened."""

    kind: str | None
    opened_at: datetime | None
    outcome: str | None
    at_fault: str | None


@dataclass(frozen=True)
class Return:
    """A return of an order; without ``requested_at`` only answers or ratings are known."""

    order: str
    requested_at: datetime | None
    valid: bool
    answered_at: datetime | None
    rejected: bool
    dissatisfied: bool


@dataclass(frozen=True)
class Message:
    """A buyer's message; without ``received_at`` only its answer is known."""

    received_at: datetime | None
    order: str | None
    answered_at: datetime | None


@dataclass(frozen=True)
class Vote:
    """An answer to "did this solve your problem?"."""

    first_at: datetime
    solved: bool


@dataclass(frozen=True)
class Violation:
    """A policy notice against the account."""

    reported_at: datetime | None
    resolved: bool


@dataclass(frozen=True)
class Order:
    """An order; ``placed_at`` is None while only other events name it."""

    placed_at: datetime | None
    fulfilled_by: str | None
    category: str | None
    promised_ship_by: datetime | None
    deliver_by: datetime | None
    shipped_at: datetime | None
    carrier: str | None
    tracking: str | None
    scans: list[tuple[str, str]]
    delivered_at: datetime | None
    cancelled_at: datetime | None
    cancelled_by: str | None
    cancel_reason: str | None
    refunded: bool
    ratings: list[int]
    """The ratings of all feedback that was not removed."""
    claims: list[Claim]

    @property
    def cancelled_before_shipment(self) -> bool:
        """Cancelled, and no shipment with an earlier instant."""
        if self.cancelled_at is None:
            return False
        return self.shipped_at is None or not self.shipped_at < self.cancelled_at


@dataclass
class Account:
    """All subjects of one seller in one marketplace, by their ids."""

    orders: dict[str, Order]
    returns: dict[tuple[str, str], Return]
    messages: dict[str, Message]
    votes: dict[str, Vote]
    violations: dict[str, Violation]


ORDER_TYPES = frozenset(
    {
        "order_placed",
        "order_amended",
        "order_shipped",
        "order_scanned",
        "order_delivered",
        "order_cancelled",
        "order_refunded",
        "feedback_left",
        "feedback_removed",
        "claim_opened",
        "claim_decided",
    }
)
RETURN_TYPES = frozenset({"return_requested", "return_answered", "return_rated"})
MESSAGE_TYPES = frozenset({"message_received", "message_answered", "message_dismissed"})
VIOLATION_TYPES = frozenset({"violation_reported", "violation_resolved"})


def account_of(events: Iterable[Event]) -> Account:
    """The subjects of the events of one seller in one marketplace."""
    orders: dict[str, list[Event]] = defaultdict(list)
    returns: dict[tuple[str, str], list[Event]] = defaultdict(list)
    messages: dict[str, list[Event]] = defaultdict(list)
    votes: dict[str, list[Event]] = defaultdict(list)
    violations: dict[str, list[Event]] = defaultdict(list)
    for event in events:
        if event.type in ORDER_TYPES:
            orders[event.own["order"]].append(event)
        elif event.type in RETURN_TYPES:
            returns[event.own["order"], event.own["return"]].append(event)
        elif event.type in MESSAGE_TYPES:
            messages[event.own["message"]].append(event)
        elif event.type in VIOLATION_TYPES:
            violations[event.own["violation"]].append(event)
        elif event.type == "service_rated":
            votes[event.own["vote"]].append(event)
        else:
            assert event.type == "heartbeat"
    return Account(
        {name: order_of(its) for name, its in orders.items()},
        {name: return_of(name[0], its) for name, its in returns.items()},
        {name: message_of(its) for name, its in messages.items()},
        {name: vote_of(its) for name, its in votes.items()},
        {name: violation_of(its) for name, its in violations.items()},
    )


def order_of(events: list[Event]) -> Order:
    """One order from its events."""
    placed = earliest(_only(events, "order_placed"))
    shipped = earliest(_only(events, "order_shipped"))
    cancelled = earliest(_only(events, "order_cancelled"))
    return Order(
        placed_at=_at(placed),
        fulfilled_by=_field(placed, "fulfilled_by"),
        category=_field(placed, "category"),
        promised_ship_by=_promise(events, "ship_by"),
        deliver_by=_promise(events, "deliver_by"),
        shipped_at=_at(shipped),
        carrier=_field(shipped, "carrier"),
        tracking=_field(shipped, "tracking"),
        scans=[
            (event.own["carrier"], event.own["tracking"])
            for event in _only(events, "order_scanned")
        ],
        delivered_at=_first_at(_only(events, "order_delivered")),
        cancelled_at=_at(cancelled),
        cancelled_by=_field(cancelled, "by"),
        cancel_reason=_field(cancelled, "reason"),
        refunded=bool(_only(events, "order_refunded")),
        ratings=_ratings(events),
        claims=_claims(events),
    )


def return_of(order: str, events: list[Event]) -> Return:
    """One return from its events."""
    requested = earliest(_only(events, "return_requested"))
    answers = _only(events, "return_answered")
    decision = latest(event for event in answers if event.own["decision"] != "replied")
    rated = latest(_only(events, "return_rated"))
    return Return(
        order=order,
        requested_at=_at(requested),
        valid=requested is not None and requested.own["valid"],
        answered_at=_first_at(answers),
        rejected=decision is not None and decision.own["decision"] == "rejected",
        dissatisfied=rated is not None and not rated.own["satisfied"],
    )


def message_of(events: list[Event]) -> Message:
    """One message from its events."""
    received = earliest(_only(events, "message_received"))
    answers = _only(events, "message_answered", "message_dismissed")
    return Message(
        received_at=_at(received),
        order=_field(received, "order"),
        answered_at=_first_at(answers),
    )


def vote_of(events: list[Event]) -> Vote:
    """One vote from its events."""
    last = latest(events)
    assert last is not None
    return Vote(min(event.at for event in events), last.own["solved"])


def violation_of(events: list[Event]) -> Violation:
    """One violation from its events."""
    return Violation(
        reported_at=_first_at(_only(events, "violation_reported")),
        resolved=bool(_only(events, "violation_resolved")),
    )


def _only(events: Iterable[Event], *types: str) -> list[Event]:
    return [event for event in events if event.type in types]


def _at(event: Event | None) -> datetime | None:
    return None if event is None else event.at


def _field(event: Event | None, name: str) -> Any:
    return None if event is None else event.get(name)


def _first_at(events: Iterable[Event]) -> datetime | None:
    return min((event.at for event in events), default=None)


def _promise(events: list[Event], field: str) -> datetime | None:
    # The latest statement that names it; on equal `at` the later promise.
    said = [
        (event.at, event.own[field])
        for event in _only(events, "order_placed", "order_amended")
        if field in event.own
    ]
    return max(said)[1] if said else None


def _ratings(events: list[Event]) -> list[int]:
    names = {event.own["feedback"] for event in _only(events, "feedback_left")}
    ratings = []
    for name in sorted(names):
        left = latest(e for e in _only(events, "feedback_left") if e.own["feedback"] == name)
        removed = latest(e for e in _only(events, "feedback_removed") if e.own["feedback"] == name)
        assert left is not None
        if removed is None or removed.at < left.at:
            ratings.append(left.own["rating"])
    return ratings


def _claims(events: list[Event]) -> list[Claim]:
    names = {event.own["claim"] for event in _only(events, "claim_opened", "claim_decided")}
    claims = []
    for name in sorted(names):
        its = [event for event in events if event.get("claim") == name]
        opened = earliest(_only(its, "claim_opened"))
        decided = latest(_only(its, "claim_decided"))
        claims.append(
            Claim(
                kind=_field(opened, "kind"),
                opened_at=_at(opened),
                outcome=_field(decided, "outcome"),
                at_fault=_field(decided, "at_fault"),
            )
        )
    return claims
