"""The open items with their deadlines, and what became of every record read."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from tests.recount.metrics import ORDER_METRICS, counting_day, message_due, return_due
from tests.recount.rules import Rules, hours
from tests.recount.subjects import (
    MESSAGE_TYPES,
    RETURN_TYPES,
    VIOLATION_TYPES,
    Account,
    Message,
    Order,
)
from tests.recount.wire import Event


def open_items(account: Account, rules: Rules, as_of: datetime) -> list[dict[str, Any]]:
    """Per kind with open items: how many, how many overdue, and the first due instant."""
    dues: dict[str, list[datetime]] = {
        "shipment": list(_shipments(account, rules, as_of)),
        "reply": list(_replies(account, rules, as_of)),
        "return_answer": list(_return_answers(account, rules, as_of)),
        "claim_answer": list(_claim_answers(account, rules, as_of)),
    }
    return [
        {
            "kind": kind,
            "open": len(its),
            "overdue": sum(as_of > due for due in its),
            "first_due_at": min(its),
        }
        for kind, its in dues.items()
        if its
    ]


def _shipments(account: Account, rules: Rules, as_of: datetime) -> Iterator[datetime]:
    for order in account.orders.values():
        if order.placed_at is None or order.fulfilled_by != "seller":
            continue
        waiting = order.shipped_at is None and order.cancelled_at is None
        if waiting and not expired(order, rules, as_of):
            yield rules.ship_by(order.promised_ship_by, order.placed_at)


def _replies(account: Account, rules: Rules, as_of: datetime) -> Iterator[datetime]:
    table = rules.metrics.get("contact_response_rate")
    for message in account.messages.values():
        if table is None or message.received_at is None or message.answered_at is not None:
            continue
        if not _is_old(rules.day(message.received_at), rules, as_of):
            yield message_due(message, table)


def _return_answers(account: Account, rules: Rules, as_of: datetime) -> Iterator[datetime]:
    table = rules.metrics.get("return_dissatisfaction_rate")
    for asked in account.returns.values():
        if table is None or asked.requested_at is None or asked.answered_at is not None:
            continue
        if asked.valid and not _is_old(rules.day(asked.requested_at), rules, as_of):
            yield return_due(asked, table)


def _claim_answers(account: Account, rules: Rules, as_of: datetime) -> Iterator[datetime]:
    claim_hours = rules.metrics.get("order_defect_rate", {}).get("claim_hours")
    for order in account.orders.values():
        if claim_hours is None or expired(order, rules, as_of):
            continue
        for claim in order.claims:
            if claim.kind == "guarantee" and claim.outcome is None:
                assert claim.opened_at is not None
                yield claim.opened_at + hours(claim_hours)


def is_late(event: Event, account: Account, rules: Rules, as_of: datetime) -> bool:
    """Whether an event belongs to nothing that is young enough to count."""
    own = event.own
    if event.type == "heartbeat":
        return False
    if event.type in MESSAGE_TYPES:
        return _message_is_late(account.messages[own["message"]], account, rules, as_of)
    if event.type in RETURN_TYPES:
        begun_at = account.returns[own["order"], own["return"]].requested_at
    elif event.type == "service_rated":
        begun_at = account.votes[own["vote"]].first_at
    elif event.type in VIOLATION_TYPES:
        begun_at = account.violations[own["violation"]].reported_at
    else:
        return expired(account.orders[own["order"]], rules, as_of)
    return begun_at is not None and _is_old(rules.day(begun_at), rules, as_of)


def expired(order: Order, rules: Rules, as_of: datetime) -> bool:
    """Whether an order was placed, and every counting day of it is too old."""
    if order.placed_at is None:
        return False
    tables = [rules.metrics[metric] for metric in ORDER_METRICS if metric in rules.metrics]
    days = [counting_day(order, rules, table) for table in tables]
    known = [day for day in days if day is not None] or [rules.day(order.placed_at)]
    return all(_is_old(day, rules, as_of) for day in known)


def _message_is_late(message: Message, account: Account, rules: Rules, as_of: datetime) -> bool:
    if message.received_at is None or not _is_old(rules.day(message.received_at), rules, as_of):
        return False
    if message.order is None:
        return True
    order = account.orders.get(message.order)
    return order is None or order.placed_at is None or expired(order, rules, as_of)


def _is_old(day: int, rules: Rules, as_of: datetime) -> bool:
    return day <= rules.day(as_of) - rules.retention_days
