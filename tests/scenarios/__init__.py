"""Golden scenarios: a few events, an instant, and what the contract says, counted by hand.

Each says in one sentence which clause it is about. The engine and the recount must both agree.
"""

from dataclasses import dataclass, field
from typing import Any

from tests.builders import Document, Record

Line = dict[str, Any]


@dataclass(frozen=True)
class Scenario:
    """Events of the seller `shop` in the marketplace `m`, and the lines expected of them."""

    why: str
    policies: Document | list[Document]
    at: str
    events: list[Record]
    expect: list[Line] = field(default_factory=list)
    """All lines; of each only the fields named here are compared."""
    open_items: list[Line] | None = None
    """All kinds with open items; None: not looked at."""
    late: int | None = None
    """How many events are late; None: not looked at."""


def counts(
    metric: str, numerator: int, denominator: int | None, window: int | str = 30, **more: Any
) -> Line:
    """The expected counts of a series, and any other field of its line."""
    return {
        "metric": metric,
        "window_days": window,
        "category": None,
        "numerator": numerator,
        "denominator": denominator,
    } | more


def opened(kind: str, number: int, overdue: int, first_due_at: str) -> Line:
    """Expected open items of a kind."""
    return {"kind": kind, "open": number, "overdue": overdue, "first_due_at": first_due_at}
