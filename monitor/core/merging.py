"""How one event, or another version of a subject, merges into the facts of a subject.

Every rule is an earliest, a latest, a union or a flag, so facts depend on the set of events
and not on their order or number (contract, events.md). What an event brings (``note_…``) and
what another version of the subject knows (core/records.py) go through the same rules
(``take_…``). Each function says whether anything changed; ``at`` is the event's own instant.
"""

from typing import Any

from monitor.core import events as ev
from monitor.core.facts import (
    Claim,
    Feedback,
    Message,
    Order,
    Return,
    Scan,
    Violation,
    Vote,
    scan_of,
)
from monitor.core.instants import Instant, instant_of
from monitor.core.kept import Heartbeat


def note_placed(order: Order, event: ev.OrderPlaced, at: Instant) -> bool:
    """The earliest wins; its promises compete with those of amendments."""
    changed = note_promises(order, event, at)
    return take_placed(order, at, event.fulfilled_by or "seller", event.category) or changed


def take_placed(
    order: Order, at: Instant, fulfilled_by: ev.FulfilledBy, category: str | None
) -> bool:
    """The earliest wins, with who fulfils and the category."""
    own = (fulfilled_by, _rank(category))
    if not _is_earlier(at, own, order.placed_at, (order.fulfilled_by, _rank(order.category))):
        return False
    order.placed_at, order.fulfilled_by, order.category = at, fulfilled_by, category
    return True


def note_promises(order: Order, event: ev.OrderPlaced | ev.OrderAmended, at: Instant) -> bool:
    """Per promise the latest event that names it wins."""
    changed = False
    if event.ship_by is not None:
        changed = take_ship_by(order, at, instant_of(event.ship_by))
    if event.deliver_by is not None:
        changed = take_deliver_by(order, at, instant_of(event.deliver_by)) or changed
    return changed


def take_ship_by(order: Order, at: Instant, due: Instant) -> bool:
    """The latest wins."""
    if not _is_later(at, due, order.ship_by_said_at, order.ship_by):
        return False
    order.ship_by_said_at, order.ship_by = at, due
    return True


def take_deliver_by(order: Order, at: Instant, due: Instant) -> bool:
    """The latest wins."""
    if not _is_later(at, due, order.deliver_by_said_at, order.deliver_by):
        return False
    order.deliver_by_said_at, order.deliver_by = at, due
    return True


def note_shipped(order: Order, event: ev.OrderShipped, at: Instant) -> bool:
    """The earliest wins, with its carrier and tracking number."""
    return take_shipped(order, at, event.carrier, event.tracking)


def take_shipped(order: Order, at: Instant, carrier: str | None, tracking: str | None) -> bool:
    """The earliest wins, with its carrier and tracking number."""
    own = (_rank(carrier), _rank(tracking))
    known = (_rank(order.carrier), _rank(order.tracking))
    if not _is_earlier(at, own, order.shipped_at, known):
        return False
    scans = order.scans
    order.shipped_at, order.carrier, order.tracking = at, carrier, tracking
    if scans:
        mark = order.shipment_mark
        order.scanned = mark in scans
        order.other_scans = tuple(scan for scan in scans if scan != mark)
    return True


def note_scanned(order: Order, event: ev.OrderScanned, at: Instant) -> bool:  # noqa: ARG001
    """All scans are kept."""
    return take_scan(order, scan_of(event.carrier, event.tracking))


def take_scan(order: Order, scan: Scan) -> bool:
    """All scans are kept."""
    if scan == order.shipment_mark:
        was_scanned, order.scanned = order.scanned, True
        return not was_scanned
    if scan in order.other_scans:
        return False
    order.other_scans = tuple(sorted((*order.other_scans, scan)))
    return True


def note_delivered(order: Order, event: ev.OrderDelivered, at: Instant) -> bool:  # noqa: ARG001
    """The earliest wins."""
    return take_delivered(order, at)


def take_delivered(order: Order, at: Instant) -> bool:
    """The earliest wins."""
    if order.delivered_at is not None and order.delivered_at <= at:
        return False
    order.delivered_at = at
    return True


def note_cancelled(order: Order, event: ev.OrderCancelled, at: Instant) -> bool:
    """The earliest wins, with its canceller and reason."""
    return take_cancelled(order, at, event.by, event.reason)


def take_cancelled(order: Order, at: Instant, by: ev.CancelledBy, reason: str | None) -> bool:
    """The earliest wins, with its canceller and reason."""
    own = (by, _rank(reason))
    known = (order.cancelled_by, _rank(order.cancel_reason))
    if not _is_earlier(at, own, order.cancelled_at, known):
        return False
    order.cancelled_at, order.cancelled_by, order.cancel_reason = at, by, reason
    return True


def note_refunded(order: Order, event: ev.OrderRefunded, at: Instant) -> bool:  # noqa: ARG001
    """One refund is enough; the earliest is kept."""
    return take_refunded(order, at)


def take_refunded(order: Order, at: Instant) -> bool:
    """The earliest is kept."""
    if order.refunded_at is not None and order.refunded_at <= at:
        return False
    order.refunded_at = at
    return True


def note_feedback(order: Order, event: ev.FeedbackLeft | ev.FeedbackRemoved, at: Instant) -> bool:
    """Per feedback the latest of left and removed wins; removal wins a tie."""
    removed = isinstance(event, ev.FeedbackRemoved)
    rating = 0 if isinstance(event, ev.FeedbackRemoved) else event.rating
    told = Feedback(id=event.feedback, at=at, removed=removed, rating=rating)
    return take_feedback(order, told)


def take_feedback(order: Order, told: Feedback) -> bool:
    """Per feedback the latest wins."""
    others = order.feedback
    for known in order.feedback:
        if known.id == told.id:
            own = (told.at, told.removed, told.rating)
            if own <= (known.at, known.removed, known.rating):
                return False
            others = tuple(one for one in order.feedback if one is not known)
            break
    order.feedback = (*others, told)
    return True


def note_claim_opened(order: Order, event: ev.ClaimOpened, at: Instant) -> bool:
    """The earliest wins."""
    return take_claim_opened(claim_of(order, event.claim), at, event.kind)


def take_claim_opened(claim: Claim, at: Instant, kind: ev.ClaimKind) -> bool:
    """The earliest wins."""
    if not _is_earlier(at, kind, claim.opened_at, claim.kind):
        return False
    claim.opened_at, claim.kind = at, kind
    return True


def note_claim_decided(order: Order, event: ev.ClaimDecided, at: Instant) -> bool:
    """The latest decision wins."""
    claim = claim_of(order, event.claim)
    return take_claim_decided(claim, at, event.outcome, event.at_fault)


def take_claim_decided(
    claim: Claim, at: Instant, outcome: ev.ClaimOutcome, at_fault: str | None
) -> bool:
    """The latest decision wins."""
    own = (outcome, _rank(at_fault))
    if not _is_later(at, own, claim.decided_at, (claim.outcome or "", _rank(claim.at_fault))):
        return False
    claim.decided_at, claim.outcome, claim.at_fault = at, outcome, at_fault
    return True


def note_return_requested(request: Return, event: ev.ReturnRequested, at: Instant) -> bool:
    """The earliest wins."""
    return take_return_requested(request, at, event.valid is not False)


def take_return_requested(request: Return, at: Instant, valid: bool) -> bool:  # noqa: FBT001
    """The earliest wins."""
    if not _is_earlier(at, valid, request.requested_at, request.valid):
        return False
    request.requested_at, request.valid = at, valid
    return True


def note_return_answered(request: Return, event: ev.ReturnAnswered, at: Instant) -> bool:
    """The earliest is the answer; the latest approval or rejection the decision."""
    changed = take_return_answered(request, at)
    if event.decision == "replied":
        return changed
    return take_return_decided(request, at, event.decision == "rejected") or changed


def take_return_answered(request: Return, at: Instant) -> bool:
    """The earliest wins."""
    if request.answered_at is not None and request.answered_at <= at:
        return False
    request.answered_at = at
    return True


def take_return_decided(request: Return, at: Instant, rejected: bool) -> bool:  # noqa: FBT001
    """The latest wins."""
    if not _is_later(at, rejected, request.decided_at, request.rejected):
        return False
    request.decided_at, request.rejected = at, rejected
    return True


def note_return_rated(request: Return, event: ev.ReturnRated, at: Instant) -> bool:
    """The latest rating wins."""
    return take_return_rated(request, at, event.satisfied)


def take_return_rated(request: Return, at: Instant, satisfied: bool) -> bool:  # noqa: FBT001
    """The latest wins."""
    if not _is_later(at, satisfied, request.rated_at, request.satisfied):
        return False
    request.rated_at, request.satisfied = at, satisfied
    return True


def note_message_received(message: Message, event: ev.MessageReceived, at: Instant) -> bool:
    """The earliest wins, with the thread and order it names."""
    return take_message_received(message, at, event.thread, event.order)


def take_message_received(message: Message, at: Instant, thread: str, order: str | None) -> bool:
    """The earliest wins, with the thread and order it names."""
    own = (thread, _rank(order))
    if not _is_earlier(at, own, message.received_at, (message.thread, _rank(message.order))):
        return False
    message.received_at, message.thread, message.order = at, thread, order
    return True


def note_message_closed(
    message: Message, event: ev.MessageAnswered | ev.MessageDismissed, at: Instant
) -> bool:
    """The earliest answer and the earliest dismissal are kept."""
    if isinstance(event, ev.MessageAnswered):
        return take_message_answered(message, at)
    return take_message_dismissed(message, at)


def take_message_answered(message: Message, at: Instant) -> bool:
    """The earliest wins."""
    if message.answered_at is not None and message.answered_at <= at:
        return False
    message.answered_at = at
    return True


def take_message_dismissed(message: Message, at: Instant) -> bool:
    """The earliest wins."""
    if message.dismissed_at is not None and message.dismissed_at <= at:
        return False
    message.dismissed_at = at
    return True


def note_vote(vote: Vote, event: ev.ServiceRated, at: Instant) -> bool:
    """The latest rating wins; the earliest fixes the day."""
    changed = take_vote_begun(vote, at)
    return take_vote_rated(vote, at, event.solved) or changed


def take_vote_begun(vote: Vote, at: Instant) -> bool:
    """The earliest wins."""
    if vote.first_at is not None and vote.first_at <= at:
        return False
    vote.first_at = at
    return True


def take_vote_rated(vote: Vote, at: Instant, solved: bool) -> bool:  # noqa: FBT001
    """The latest wins."""
    if not _is_later(at, solved, vote.rated_at, vote.solved):
        return False
    vote.rated_at, vote.solved = at, solved
    return True


def note_violation_reported(violation: Violation, event: ev.ViolationReported, at: Instant) -> bool:
    """The earliest wins."""
    return take_violation_reported(violation, at, event.kind, event.product)


def take_violation_reported(
    violation: Violation, at: Instant, kind: str, product: str | None
) -> bool:
    """The earliest wins."""
    own = (kind, _rank(product))
    known = (violation.kind, _rank(violation.product))
    if not _is_earlier(at, own, violation.reported_at, known):
        return False
    violation.reported_at, violation.kind, violation.product = at, kind, product
    return True


def note_violation_resolved(violation: Violation, event: ev.ViolationResolved, at: Instant) -> bool:
    """Appealed and fixed are kept apart, the earliest of each."""
    if event.outcome == "appealed":
        return take_violation_appealed(violation, at)
    return take_violation_fixed(violation, at)


def take_violation_appealed(violation: Violation, at: Instant) -> bool:
    """The earliest wins."""
    if violation.appealed_at is not None and violation.appealed_at <= at:
        return False
    violation.appealed_at = at
    return True


def take_violation_fixed(violation: Violation, at: Instant) -> bool:
    """The earliest wins."""
    if violation.fixed_at is not None and violation.fixed_at <= at:
        return False
    violation.fixed_at = at
    return True


def take_heartbeat(heartbeat: Heartbeat, at: Instant) -> bool:
    """The latest wins."""
    if heartbeat.latest_at is not None and at <= heartbeat.latest_at:
        return False
    heartbeat.latest_at = at
    return True


def claim_of(order: Order, name: str) -> Claim:
    """A claim of an order by its id; an empty one where it was unknown."""
    if order.claims is None:
        order.claims = {}
    claim = order.claims.get(name)
    if claim is None:
        claim = order.claims[name] = Claim()
    return claim


def return_of(order: Order, name: str) -> Return:
    """A return of an order by its id; an empty one where it was unknown."""
    if order.returns is None:
        order.returns = {}
    request = order.returns.get(name)
    if request is None:
        request = order.returns[name] = Return(id=name, order=order.id)
    return request


def _rank(text: str | None) -> tuple[bool, str]:
    """Absent comes before any text."""
    return text is not None, text or ""


def _is_earlier(at: Instant, own: Any, known_at: Instant | None, known: Any) -> bool:
    """Whether an event beats the known one where the earliest wins, own fields on a tie."""
    return known_at is None or at < known_at or (at == known_at and own > known)


def _is_later(at: Instant, own: Any, known_at: Instant | None, known: Any) -> bool:
    """Whether an event beats the known one where the latest wins, own fields on a tie."""
    return known_at is None or at > known_at or (at == known_at and own > known)
