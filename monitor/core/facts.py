"""What is known of each subject: an order, a return, a message, a vote, a violation."""

from msgspec import Struct

from monitor.core.events import CancelledBy, ClaimKind, ClaimOutcome, FulfilledBy
from monitor.core.instants import Day, Instant
from monitor.core.kept import Kept

Scan = tuple[str, str]
"""Carrier and tracking number as compared: trimmed and without case."""

# Far more than there are carriers and categories: a bound on what others can make it hold.
_TEXTS_MAX = 100_000
_texts: dict[str, str] = {}

Days = tuple[Day | None, Day | None, Day | None]
"""The order day and the days of the two promises, None where there is none, or none counts."""


class Subject(Kept, kw_only=True, eq=False, gc=False):
    """What every subject carries besides its facts: the engine's own bookkeeping.

    ``events`` and ``redundant`` count what was merged into it and what of that changed
    nothing. ``day`` is its counting day (of several the latest), None until it is known;
    ``verdict`` what the series hold of it; ``wake_at`` when time alone may change that next.
    """

    events: int = 0
    redundant: int = 0
    day: Day | None = None
    verdict: int = 0
    wake_at: Instant | None = None


class Return(Subject, kw_only=True, eq=False, gc=False):
    """A return request of an order (``order``: its id)."""

    order: str

    requested_at: Instant | None = None
    valid: bool = True
    answered_at: Instant | None = None
    decided_at: Instant | None = None
    rejected: bool = False
    rated_at: Instant | None = None
    satisfied: bool = True


class Feedback(Struct, kw_only=True, gc=False):
    """Seller feedback; ``rating`` is 0 while only its removal is known."""

    id: str
    at: Instant
    removed: bool
    rating: int


class Claim(Struct, kw_only=True, gc=False):
    """A guarantee claim or chargeback of an order."""

    opened_at: Instant | None = None
    kind: ClaimKind = "guarantee"
    decided_at: Instant | None = None
    outcome: ClaimOutcome | None = None
    at_fault: str | None = None


class Order(Subject, kw_only=True, eq=False, gc=False):
    """An order with its feedback, its returns and claims by their ids.

    ``scanned``: the carrier of the shipment scanned its tracking number. Most orders have no
    other scan, and a million of them should not take a gigabyte; so that one has no object,
    and feedback, mostly one if any, no dictionary.

    ``messages`` counts the buyer messages that name it. ``ship_due_at`` is the ship-by date
    under the policy in force, promised or from handling days; ``days`` are the order day and
    the days of the two promises, ``verdict`` has two bits per order metric.
    """

    placed_at: Instant | None = None
    fulfilled_by: FulfilledBy = "seller"
    category: str | None = None
    ship_by: Instant | None = None
    ship_by_said_at: Instant | None = None
    deliver_by: Instant | None = None
    deliver_by_said_at: Instant | None = None
    shipped_at: Instant | None = None
    carrier: str | None = None
    tracking: str | None = None
    scanned: bool = False
    other_scans: tuple[Scan, ...] = ()
    delivered_at: Instant | None = None
    cancelled_at: Instant | None = None
    cancelled_by: CancelledBy = "buyer"
    cancel_reason: str | None = None
    refunded_at: Instant | None = None
    returns: dict[str, Return] | None = None
    feedback: tuple[Feedback, ...] = ()
    claims: dict[str, Claim] | None = None
    messages: int = 0
    ship_due_at: Instant | None = None
    days: Days = (None, None, None)
    counted_category: str | None = None

    @property
    def cancelled_before_shipment(self) -> bool:
        """Whether it was cancelled with no earlier shipment."""
        if self.cancelled_at is None:
            return False
        return self.shipped_at is None or self.shipped_at >= self.cancelled_at

    @property
    def shipment_mark(self) -> Scan | None:
        """The scan that would be the shipment's; None where a carrier or number is missing."""
        if self.carrier is None or self.tracking is None:
            return None
        mark = scan_of(self.carrier, self.tracking)
        return mark if all(mark) else None

    @property
    def scans(self) -> tuple[Scan, ...]:
        """All scans, sorted."""
        mark = self.shipment_mark if self.scanned else None
        return self.other_scans if mark is None else tuple(sorted((*self.other_scans, mark)))


class Message(Subject, kw_only=True, eq=False, gc=False):
    """A buyer message; a dismissal counts as an answer."""

    received_at: Instant | None = None
    thread: str = ""
    order: str | None = None
    answered_at: Instant | None = None
    dismissed_at: Instant | None = None
    counted_answer: int | None = None

    @property
    def replied_at(self) -> Instant | None:
        """When it was answered or dismissed, whichever was first."""
        if self.answered_at is None or self.dismissed_at is None:
            return self.dismissed_at if self.answered_at is None else self.answered_at
        return min(self.answered_at, self.dismissed_at)

    @property
    def answer_micros(self) -> int | None:
        """How long the answer took; 0 where it came before the message."""
        if self.received_at is None or (replied_at := self.replied_at) is None:
            return None
        return max(0, replied_at - self.received_at)


class Vote(Subject, kw_only=True, eq=False, gc=False):
    """A buyer's answer to "did this solve your problem?"; its day is that of the earliest."""

    first_at: Instant | None = None
    rated_at: Instant | None = None
    solved: bool = False


class Violation(Subject, kw_only=True, eq=False, gc=False):
    """A policy notice against the account."""

    reported_at: Instant | None = None
    kind: str = ""
    product: str | None = None
    appealed_at: Instant | None = None
    fixed_at: Instant | None = None


def uncount(subject: Subject) -> None:
    """Forget all that was worked out of its facts under a policy that is no longer in force."""
    subject.day, subject.verdict, subject.wake_at = None, 0, None
    if isinstance(subject, Order):
        subject.days, subject.counted_category = (None, None, None), None
    elif isinstance(subject, Message):
        subject.counted_answer = None


def newest_at(order: Order) -> Instant | None:
    """The latest instant known of an order, for one that was never placed."""
    known = [order.placed_at, order.shipped_at, order.delivered_at, order.cancelled_at]
    known += [order.refunded_at, order.ship_by_said_at, order.deliver_by_said_at]
    known += [feedback.at for feedback in order.feedback]
    for claim in (order.claims or {}).values():
        known += [claim.opened_at, claim.decided_at]
    for request in (order.returns or {}).values():
        known += [request.requested_at, request.answered_at, request.rated_at]
    return max((at for at in known if at is not None), default=None)


def scan_of(carrier: str, tracking: str) -> Scan:
    """How carriers and tracking numbers are compared: trimmed and without case."""
    return _shared(carrier.strip().casefold()), tracking.strip().casefold()


def share_category(order: Order) -> None:
    """Keep one object of a category that many orders have: every event brings its own copy."""
    if order.category is not None:
        order.category = _shared(order.category)


def share_carrier(order: Order) -> None:
    """The same of its carrier."""
    if order.carrier is not None:
        order.carrier = _shared(order.carrier)


def _shared(text: str) -> str:
    if len(_texts) > _TEXTS_MAX:
        _texts.clear()
    return _texts.setdefault(text, text)
