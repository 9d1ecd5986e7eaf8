"""Readable builders of wire dicts and policies, for scenarios and tests.

`placed("o1", at="2018-03-01T10:00Z", ship_by="2018-03-03T12:00Z")` is an event of seller `shop`
in marketplace `m`, unless `seller=` or `marketplace=` say otherwise. Seconds may be left out.
"""

import re
from typing import Any

Record = dict[str, Any]
Document = dict[str, Any]

_NO_SECONDS = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d)(Z|[+-]\d\d:\d\d)")


def seconds(text: str) -> str:
    """RFC 3339 of an instant that may be written without seconds."""
    return _NO_SECONDS.sub(r"\1:00\2", text)


def event(type_: str, at: str, **own: Any) -> Record:
    """Any event: its id is made of what it says."""
    said = {
        name.rstrip("_"): seconds(value) if isinstance(value, str) else value
        for name, value in own.items()
    }
    identity = "-".join([type_, at, *(str(value) for value in said.values())])
    head = {"type": type_, "id": identity[:128], "at": seconds(at)}
    return head | {"seller": "shop", "marketplace": "m"} | said


def placed(order: str, at: str, **own: Any) -> Record:
    return event("order_placed", at, order=order, **own)


def amended(order: str, at: str, **own: Any) -> Record:
    return event("order_amended", at, order=order, **own)


def shipped(order: str, at: str, **own: Any) -> Record:
    return event("order_shipped", at, order=order, **own)


def scanned(order: str, at: str, carrier: str, tracking: str, **own: Any) -> Record:
    return event("order_scanned", at, order=order, carrier=carrier, tracking=tracking, **own)


def delivered(order: str, at: str, **own: Any) -> Record:
    return event("order_delivered", at, order=order, **own)


def cancelled(order: str, at: str, by: str = "seller", **own: Any) -> Record:
    return event("order_cancelled", at, order=order, by=by, **own)


def refunded(order: str, at: str, refund: str = "p1", **own: Any) -> Record:
    return event("order_refunded", at, order=order, refund=refund, **own)


def feedback(order: str, at: str, rating: int, feedback: str = "f1", **own: Any) -> Record:
    return event("feedback_left", at, order=order, feedback=feedback, rating=rating, **own)


def feedback_removed(order: str, at: str, feedback: str = "f1", **own: Any) -> Record:
    return event("feedback_removed", at, order=order, feedback=feedback, **own)


def claim(order: str, at: str, kind: str = "guarantee", claim: str = "c1", **own: Any) -> Record:
    return event("claim_opened", at, order=order, claim=claim, kind=kind, **own)


def decided(order: str, at: str, outcome: str, claim: str = "c1", **own: Any) -> Record:
    return event("claim_decided", at, order=order, claim=claim, outcome=outcome, **own)


def return_requested(order: str, at: str, name: str = "r1", **own: Any) -> Record:
    return event("return_requested", at, order=order, return_=name, **own)


def return_answered(order: str, at: str, decision: str, name: str = "r1", **own: Any) -> Record:
    return event("return_answered", at, order=order, return_=name, decision=decision, **own)


def return_rated(order: str, at: str, satisfied: bool, name: str = "r1", **own: Any) -> Record:
    return event("return_rated", at, order=order, return_=name, satisfied=satisfied, **own)


def voted(vote: str, at: str, solved: bool, **own: Any) -> Record:
    return event("service_rated", at, vote=vote, solved=solved, **own)


def violation(name: str, at: str, kind: str = "listing", **own: Any) -> Record:
    return event("violation_reported", at, violation=name, kind=kind, **own)


def violation_resolved(name: str, at: str, outcome: str, **own: Any) -> Record:
    return event("violation_resolved", at, violation=name, outcome=outcome, **own)


def message(name: str, at: str, thread: str = "t1", **own: Any) -> Record:
    return event("message_received", at, message=name, thread=thread, **own)


def answered(name: str, at: str, thread: str = "t1", **own: Any) -> Record:
    return event("message_answered", at, message=name, thread=thread, **own)


def dismissed(name: str, at: str, thread: str = "t1", **own: Any) -> Record:
    return event("message_dismissed", at, message=name, thread=thread, **own)


def heartbeat(at: str, **own: Any) -> Record:
    return event("heartbeat", at, **own)


def table(limit: str, windows: tuple[int | str, ...] = (30,), **own: Any) -> Document:
    """The table of one metric."""
    return {"windows": list(windows), "limit": limit, "source": "a test", "runbook": "none"} | own


def policy(zone: str = "UTC", **metrics: Any) -> Document:
    """A policy of the marketplace `m` without holidays, with tables of metrics by their names."""
    marketplace = {"time_zone": zone}
    return {"name": "test", "marketplaces": {"m": marketplace}, "metrics": metrics}
