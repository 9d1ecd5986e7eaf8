"""The small job that ours and the peers do: three rates per seller over 60, 30 and 7 days.

Order defect rate with removed feedback and withdrawn claims, late shipment rate, cancel rate.
What is known of an order is a small dictionary, what is counted of a seller's day four
numbers; where either lives, and how it survives, is each program's own business.
"""

from typing import Any

from monitor.core.events import (
    ClaimDecided,
    ClaimOpened,
    Event,
    FeedbackLeft,
    FeedbackRemoved,
    OrderCancelled,
    OrderPlaced,
    OrderShipped,
)

Facts = dict[str, Any]
Counts = list[int]
"""Orders, defects, late shipments and cancellations of one day."""

_DAY_SECONDS = 86_400
_STARS_MAX = 2


def fold(facts: Facts, event: Event) -> None:
    """Note what an event says of its order."""
    at = event.at.timestamp()
    match event:
        case OrderPlaced():
            facts["day"] = int(at // _DAY_SECONDS)
            facts["ship_by"] = event.ship_by.timestamp() if event.ship_by else at
        case OrderShipped():
            facts["shipped"] = min(at, facts.get("shipped", at))
        case OrderCancelled():
            facts["cancelled"] = event.by == "seller"
        case FeedbackLeft() | FeedbackRemoved():
            _note_feedback(facts, event, at)
        case ClaimOpened():
            facts.setdefault("claims", {}).setdefault(event.claim, False)
        case ClaimDecided():
            facts.setdefault("claims", {})[event.claim] = event.outcome == "withdrawn"
        case _:
            pass


def added_up(found: Counts, added: Counts) -> Counts:
    """The sum of a day's counts and what is added to them."""
    return [one + more for one, more in zip(found, added, strict=True)]


def _note_feedback(facts: Facts, event: FeedbackLeft | FeedbackRemoved, at: float) -> None:
    found = facts.setdefault("feedback", {})
    stars = event.rating if isinstance(event, FeedbackLeft) else _STARS_MAX + 1
    if event.feedback not in found or found[event.feedback][0] < at:
        found[event.feedback] = [at, stars]


def contribution(facts: Facts) -> tuple[int, Counts] | None:
    """The day on which an order counts, and as what; None before it was placed."""
    if "day" not in facts:
        return None
    stars = [one[1] for one in facts.get("feedback", {}).values()]
    defect = min(stars, default=_STARS_MAX + 1) <= _STARS_MAX or not all(
        facts.get("claims", {}).values()
    )
    late = facts.get("shipped", 0) > facts["ship_by"]
    return facts["day"], [1, int(defect), int(late), int(facts.get("cancelled", False))]


def change(facts: Facts, event: Event) -> list[tuple[int, Counts]]:
    """Note an event; what that adds to which days."""
    before = contribution(facts)
    fold(facts, event)
    after = contribution(facts)
    if before == after:
        return []
    changes = [] if before is None else [(before[0], [-count for count in before[1]])]
    return changes if after is None else [*changes, after]
