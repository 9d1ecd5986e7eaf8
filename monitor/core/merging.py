"""How one event merges into the facts of its subject.

Every rule is an earliest, a latest, a union or a flag, so facts depend on the set of events
and not on their order or number (contract, events.md). A function ``note_…`` says whether
anything changed; ``at`` is the event's own instant.
"""

from typing import Any

from monitor.core import events as ev
from monitor.core.facts import Claim, Feedback, Message, Order, Return, Violation, Vote, scan_of
from monitor.core.instants import Instant, instant_of


def note_placed(order: Order, event: ev.OrderPlaced, at: Instant) -> bool:
    """The earliest wins; its promises compete with those of amendments."""
    changed = note_promises(order, event, at)
    fulfilled_by = event.fulfilled_by or "seller"
    own = (fulfilled_by, _rank(event.category))
    if not _is_earlier(at, own, order.placed_at, (order.fulfilled_by, _rank(order.category))):
        return changed
    order.placed_at, order.fulfilled_by, order.category = at, fulfilled_by, event.category
    return True


def note_promises(order: Order, event: ev.OrderPlaced | ev.OrderAmended, at: Instant) -> bool:
    """Per promise the latest event that names it wins."""
    changed = False
    if event.ship_by is not None:
        due = instant_of(event.ship_by)
        if _is_later(at, due, order.ship_by_said_at, order.ship_by):
            order.ship_by_said_at, order.ship_by, changed = at, due, True
    if event.deliver_by is not None:
        due = instant_of(event.deliver_by)
        if _is_later(at, due, order.deliver_by_said_at, order.deliver_by):
            order.deliver_by_said_at, order.deliver_by, changed = at, due, True
    return changed


def note_shipped(order: Order, event: ev.OrderShipped, at: Instant) -> bool:
    """The earliest wins, with its carrier and tracking number."""
    own = (_rank(event.carrier), _rank(event.tracking))
    known = (_rank(order.carrier), _rank(order.tracking))
    if not _is_earlier(at, own, order.shipped_at, known):
        return False
    order.shipped_at, order.carrier, order.tracking = at, event.carrier, event.tracking
    return True


def note_scanned(order: Order, event: ev.OrderScanned, at: Instant) -> bool:  # noqa: ARG001
    """All scans are kept."""
    scan = scan_of(event.carrier, event.tracking)
    if scan in order.scans:
        return False
    order.scans = tuple(sorted((*order.scans, scan)))
    return True


def note_delivered(order: Order, event: ev.OrderDelivered, at: Instant) -> bool:  # noqa: ARG001
    """The earliest wins."""
    if order.delivered_at is not None and order.delivered_at <= at:
        return False
    order.delivered_at = at
    return True


def note_cancelled(order: Order, event: ev.OrderCancelled, at: Instant) -> bool:
    """The earliest wins, with its canceller and reason."""
    own = (event.by, _rank(event.reason))
    known = (order.cancelled_by, _rank(order.cancel_reason))
    if not _is_earlier(at, own, order.cancelled_at, known):
        return False
    order.cancelled_at, order.cancelled_by, order.cancel_reason = at, event.by, event.reason
    return True


def note_refunded(order: Order, event: ev.OrderRefunded, at: Instant) -> bool:  # noqa: ARG001
    """One refund is enough; the earliest is kept."""
    if order.refunded_at is not None and order.refunded_at <= at:
        return False
    order.refunded_at = at
    return True


def note_feedback(order: Order, event: ev.FeedbackLeft | ev.FeedbackRemoved, at: Instant) -> bool:
    """Per feedback the latest of left and removed wins; removal wins a tie."""
    if order.feedback is None:
        order.feedback = {}
    removed = isinstance(event, ev.FeedbackRemoved)
    rating = 0 if isinstance(event, ev.FeedbackRemoved) else event.rating
    known = order.feedback.get(event.feedback)
    if known and (at, removed, rating) <= (known.at, known.removed, known.rating):
        return False
    order.feedback[event.feedback] = Feedback(at=at, removed=removed, rating=rating)
    return True


def note_claim_opened(order: Order, event: ev.ClaimOpened, at: Instant) -> bool:
    """The earliest wins."""
    claim = _claim(order, event.claim)
    if not _is_earlier(at, event.kind, claim.opened_at, claim.kind):
        return False
    claim.opened_at, claim.kind = at, event.kind
    return True


def note_claim_decided(order: Order, event: ev.ClaimDecided, at: Instant) -> bool:
    """The latest decision wins."""
    claim = _claim(order, event.claim)
    own = (event.outcome, _rank(event.at_fault))
    if not _is_later(at, own, claim.decided_at, (claim.outcome or "", _rank(claim.at_fault))):
        return False
    claim.decided_at, claim.outcome, claim.at_fault = at, event.outcome, event.at_fault
    return True


def note_return_requested(request: Return, event: ev.ReturnRequested, at: Instant) -> bool:
    """The earliest wins."""
    valid = event.valid is not False
    if not _is_earlier(at, valid, request.requested_at, request.valid):
        return False
    request.requested_at, request.valid = at, valid
    return True


def note_return_answered(request: Return, event: ev.ReturnAnswered, at: Instant) -> bool:
    """The earliest is the answer; the latest approval or rejection the decision."""
    changed = False
    if request.answered_at is None or at < request.answered_at:
        request.answered_at, changed = at, True
    if event.decision == "replied":
        return changed
    rejected = event.decision == "rejected"
    if _is_later(at, rejected, request.decided_at, request.rejected):
        request.decided_at, request.rejected, changed = at, rejected, True
    return changed


def note_return_rated(request: Return, event: ev.ReturnRated, at: Instant) -> bool:
    """The latest rating wins."""
    if not _is_later(at, event.satisfied, request.rated_at, request.satisfied):
        return False
    request.rated_at, request.satisfied = at, event.satisfied
    return True


def note_message_received(message: Message, event: ev.MessageReceived, at: Instant) -> bool:
    """The earliest wins, with the thread and order it names."""
    own = (event.thread, _rank(event.order))
    if not _is_earlier(at, own, message.received_at, (message.thread, _rank(message.order))):
        return False
    message.received_at, message.thread, message.order = at, event.thread, event.order
    return True


def note_message_closed(
    message: Message, event: ev.MessageAnswered | ev.MessageDismissed, at: Instant
) -> bool:
    """The earliest answer and the earliest dismissal are kept."""
    if isinstance(event, ev.MessageAnswered):
        if message.answered_at is not None and message.answered_at <= at:
            return False
        message.answered_at = at
        return True
    if message.dismissed_at is not None and message.dismissed_at <= at:
        return False
    message.dismissed_at = at
    return True


def note_vote(vote: Vote, event: ev.ServiceRated, at: Instant) -> bool:
    """The latest rating wins; the earliest fixes the day."""
    changed = False
    if vote.first_at is None or at < vote.first_at:
        vote.first_at, changed = at, True
    if _is_later(at, event.solved, vote.rated_at, vote.solved):
        vote.rated_at, vote.solved, changed = at, event.solved, True
    return changed


def note_violation_reported(violation: Violation, event: ev.ViolationReported, at: Instant) -> bool:
    """The earliest wins."""
    own = (event.kind, _rank(event.product))
    known = (violation.kind, _rank(violation.product))
    if not _is_earlier(at, own, violation.reported_at, known):
        return False
    violation.reported_at, violation.kind, violation.product = at, event.kind, event.product
    return True


def note_violation_resolved(violation: Violation, event: ev.ViolationResolved, at: Instant) -> bool:
    """Appealed and fixed are kept apart, the earliest of each."""
    if event.outcome == "appealed":
        if violation.appealed_at is not None and violation.appealed_at <= at:
            return False
        violation.appealed_at = at
        return True
    if violation.fixed_at is not None and violation.fixed_at <= at:
        return False
    violation.fixed_at = at
    return True


def _claim(order: Order, claim: str) -> Claim:
    if order.claims is None:
        order.claims = {}
    return order.claims.setdefault(claim, Claim())


def _rank(text: str | None) -> tuple[bool, str]:
    """Absent comes before any text."""
    return text is not None, text or ""


def _is_earlier(at: Instant, own: Any, known_at: Instant | None, known: Any) -> bool:
    """Whether an event beats the known one where the earliest wins, own fields on a tie."""
    return known_at is None or at < known_at or (at == known_at and own > known)


def _is_later(at: Instant, own: Any, known_at: Instant | None, known: Any) -> bool:
    """Whether an event beats the known one where the latest wins, own fields on a tie."""
    return known_at is None or at > known_at or (at == known_at and own > known)
