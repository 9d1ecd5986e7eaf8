"""The eleven metrics, one function each: what is counted, on which day, and whether it hits.

Each takes a seller's account in a marketplace, the rules, the metric's table of the policy and
the instant, and yields one `Counted` for each member of the denominator.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from tests.recount.rules import Rules, hours, population
from tests.recount.subjects import Account, Claim, Message, Order, Return


@dataclass(frozen=True)
class Counted:
    """One member of a denominator: its counting day, and whether the numerator has it too."""

    day: int
    hits: bool
    category: str | None = None
    answered_in: timedelta | None = None


Table = Mapping[str, Any]


def order_defect_rate(
    account: Account, rules: Rules, table: Table, as_of: datetime
) -> Iterator[Counted]:
    """Orders, of which with at least one defect."""
    for day, order in _orders("order_defect_rate", account, rules, table):
        defects = (
            _negative_feedback(order, table),
            any(_counted_guarantee_claim(claim, table) for claim in order.claims),
            any(claim.kind in table["chargeback_kinds"] for claim in order.claims),
        )
        yield Counted(day, any(defects))


def pre_fulfilment_cancel_rate(
    account: Account, rules: Rules, table: Table, as_of: datetime
) -> Iterator[Counted]:
    """Seller-fulfilled orders, of which cancelled before shipment for no excused reason."""
    cancelled_by = table.get("cancelled_by", ["seller"])
    excused_reasons = table.get("excused_reasons", [])
    for day, order in _orders("pre_fulfilment_cancel_rate", account, rules, table):
        excused = order.cancel_reason is not None and order.cancel_reason in excused_reasons
        hits = (
            order.cancelled_before_shipment and order.cancelled_by in cancelled_by and not excused
        )
        yield Counted(day, hits)


def late_shipment_rate(
    account: Account, rules: Rules, table: Table, as_of: datetime
) -> Iterator[Counted]:
    """Seller-fulfilled orders, of which shipped late, or overdue and still to be shipped."""
    for day, order in _orders("late_shipment_rate", account, rules, table):
        yield Counted(day, _shipped_late(order, rules, as_of))


def perfect_order_rate(
    account: Account, rules: Rules, table: Table, as_of: datetime
) -> Iterator[Counted]:
    """Orders, of which nothing went wrong with."""
    contacted = {
        message.order
        for message in account.messages.values()
        if message.received_at is not None and message.order is not None
    }
    names = {id(order): name for name, order in account.orders.items()}
    for day, order in _orders("perfect_order_rate", account, rules, table):
        cancelled = order.cancelled_at is not None
        forgiven = order.cancelled_by == "buyer" and order.cancelled_before_shipment
        faults = (
            any(claim.kind is not None for claim in order.claims),
            _negative_feedback(order, table),
            cancelled and not forgiven,
            order.fulfilled_by == "seller" and _shipped_late(order, rules, as_of),
            order.refunded,
            names[id(order)] in contacted,
        )
        yield Counted(day, not any(faults))


def return_dissatisfaction_rate(
    account: Account, rules: Rules, table: Table, as_of: datetime
) -> Iterator[Counted]:
    """Return requests, of which rated badly, rejected though valid, or answered too late."""
    for asked in account.returns.values():
        if asked.requested_at is None:
            continue
        due = asked.requested_at + hours(table.get("answer_hours", 48))
        hits = (
            asked.dissatisfied
            or (asked.valid and asked.rejected)
            or (asked.valid and _unanswered(asked, due, as_of))
        )
        yield Counted(rules.day(asked.requested_at), hits)


def policy_violations(
    account: Account, rules: Rules, table: Table, as_of: datetime
) -> Iterator[Counted]:
    """Violations reported, neither appealed nor fixed: a count."""
    for violation in account.violations.values():
        if violation.reported_at is not None:
            yield Counted(rules.day(violation.reported_at), not violation.resolved)


def on_time_delivery_rate(
    account: Account, rules: Rules, table: Table, as_of: datetime
) -> Iterator[Counted]:
    """Seller-fulfilled orders delivered or overdue, of which delivered by ``deliver_by``."""
    for day, order in _orders("on_time_delivery_rate", account, rules, table):
        if order.cancelled_at is not None or order.deliver_by is None:
            continue
        if order.delivered_at is not None:
            yield Counted(day, order.delivered_at <= order.deliver_by)
        elif as_of > order.deliver_by:
            yield Counted(day, hits=False)


def valid_tracking_rate(
    account: Account, rules: Rules, table: Table, as_of: datetime
) -> Iterator[Counted]:
    """Seller-fulfilled orders shipped long enough ago or scanned, of which scanned validly."""
    grace = hours(table.get("scan_grace_hours", 72))
    for day, order in _orders("valid_tracking_rate", account, rules, table):
        scanned = _scanned_validly(order)
        ripe = order.shipped_at is not None and as_of - order.shipped_at >= grace
        if scanned or ripe:
            yield Counted(day, scanned, order.category)


def contact_response_rate(
    account: Account, rules: Rules, table: Table, as_of: datetime
) -> Iterator[Counted]:
    """Buyer messages answered or overdue, of which answered in time."""
    allowed = hours(table.get("reply_hours", 24))
    for message in account.messages.values():
        if message.received_at is None:
            continue
        day = rules.day(message.received_at)
        if message.answered_at is not None:
            took = max(message.answered_at - message.received_at, timedelta(0))
            yield Counted(day, took <= allowed, answered_in=took)
        elif as_of > message.received_at + allowed:
            yield Counted(day, hits=False)


def refund_rate(account: Account, rules: Rules, table: Table, as_of: datetime) -> Iterator[Counted]:
    """Orders, of which refunded."""
    for day, order in _orders("refund_rate", account, rules, table):
        yield Counted(day, order.refunded)


def service_dissatisfaction_rate(
    account: Account, rules: Rules, table: Table, as_of: datetime
) -> Iterator[Counted]:
    """Votes, of which "not solved"."""
    for vote in account.votes.values():
        yield Counted(rules.day(vote.first_at), not vote.solved)


METRICS: dict[str, Callable[[Account, Rules, Table, datetime], Iterator[Counted]]] = {
    metric.__name__: metric
    for metric in (
        order_defect_rate,
        pre_fulfilment_cancel_rate,
        late_shipment_rate,
        perfect_order_rate,
        return_dissatisfaction_rate,
        policy_violations,
        on_time_delivery_rate,
        valid_tracking_rate,
        contact_response_rate,
        refund_rate,
        service_dissatisfaction_rate,
    )
}
ORDER_METRICS = (
    "order_defect_rate",
    "pre_fulfilment_cancel_rate",
    "late_shipment_rate",
    "perfect_order_rate",
    "on_time_delivery_rate",
    "valid_tracking_rate",
    "refund_rate",
)


def counting_day(order: Order, rules: Rules, table: Table) -> int | None:
    """The day an order counts on in a metric; None if it counts nowhere."""
    if order.placed_at is None:
        return None
    match table.get("count_on"):
        case "ship_by":
            return rules.day(rules.ship_by(order.promised_ship_by, order.placed_at))
        case "deliver_by":
            return None if order.deliver_by is None else rules.day(order.deliver_by)
    return rules.day(order.placed_at)


def message_due(message: Message, table: Table) -> datetime:
    """When a received message is to be answered."""
    assert message.received_at is not None
    return message.received_at + hours(table.get("reply_hours", 24))


def return_due(asked: Return, table: Table) -> datetime:
    """When a requested return is to be answered."""
    assert asked.requested_at is not None
    return asked.requested_at + hours(table.get("answer_hours", 48))


def _orders(
    metric: str, account: Account, rules: Rules, table: Table
) -> Iterator[tuple[int, Order]]:
    who = population(metric, table)
    for order in account.orders.values():
        day = counting_day(order, rules, table)
        if day is not None and who in ("all", order.fulfilled_by):
            yield day, order


def _negative_feedback(order: Order, table: Table) -> bool:
    return any(rating <= table["negative_rating_max"] for rating in order.ratings)


def _counted_guarantee_claim(claim: Claim, table: Table) -> bool:
    if claim.kind != "guarantee":
        return False
    if table.get("guarantee_claims", "all") == "all":
        return True
    cleared = claim.outcome == "withdrawn" or (
        claim.outcome == "denied" and claim.at_fault != "seller"
    )
    return not cleared


def _shipped_late(order: Order, rules: Rules, as_of: datetime) -> bool:
    assert order.placed_at is not None
    due = rules.ship_by(order.promised_ship_by, order.placed_at)
    if order.shipped_at is not None:
        return order.shipped_at > due
    return order.cancelled_at is None and as_of > due


def _unanswered(asked: Return, due: datetime, as_of: datetime) -> bool:
    return as_of > due if asked.answered_at is None else asked.answered_at > due


def _scanned_validly(order: Order) -> bool:
    if order.shipped_at is None or not _plain(order.carrier) or not _plain(order.tracking):
        return False
    shipment = (_plain(order.carrier), _plain(order.tracking))
    return any((_plain(carrier), _plain(number)) == shipment for carrier, number in order.scans)


def _plain(text: str | None) -> str:
    return "" if text is None else text.strip().casefold()
