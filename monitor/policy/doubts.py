"""What a policy may say and yet hardly means: allowed, but worth a word."""

from collections.abc import Iterator, Mapping
from fractions import Fraction

from monitor.core.metrics import METRICS
from monitor.core.readings import high_is_bad
from monitor.core.rules import Comparison, ItemKind, Limit
from monitor.errors import Problem
from monitor.policy.alerting import DeadlineTable
from monitor.policy.tables import MetricTable, keys_of


def doubts_about(tables: Mapping[str, MetricTable], file: str) -> Iterator[Problem]:
    """The doubts about the metrics of a policy, by name."""
    for name, table in sorted(tables.items()):
        path = f"metrics.{name}"
        for key, text in _of_limits(table, is_count=METRICS[name].only_counts):
            yield Problem(file, f"{path}.{key}", text)
        yield from (
            Problem(file, f"{path}.{key}", f"is empty: {meaning}")
            for key, meaning in _EMPTY.items()
            if key in keys_of(METRICS[name]) and not getattr(table, key)
        )


def doubts_about_deadlines(
    tables: Mapping[str, MetricTable], deadlines: Mapping[ItemKind, DeadlineTable], file: str
) -> Iterator[Problem]:
    """The doubts about deadlines that nothing is due by."""
    for kind, deadline in deadlines.items():
        if kind == "shipment":
            continue
        metric, key = _DUE_BY[kind]
        within: int | None = getattr(tables[metric], key) if metric in tables else None
        if within is None:
            yield Problem(
                file, f"deadlines.{kind}", f"is never due: metrics.{metric}.{key} is not set"
            )
        elif deadline.warn_before_hours >= within:
            fault = f"is no less than metrics.{metric}.{key}: every item is warned of at once"
            yield Problem(file, f"deadlines.{kind}.warn_before_hours", fault)


_DUE_BY = {
    "reply": ("contact_response_rate", "reply_hours"),
    "return_answer": ("return_dissatisfaction_rate", "answer_hours"),
    "claim_answer": ("order_defect_rate", "claim_hours"),
}
"""Which key of which metric says when an item of a kind is due."""

_EMPTY = {
    "chargeback_kinds": "no chargeback is a defect",
    "cancelled_by": "no cancellation ever counts",
}


def _of_limits(table: MetricTable, *, is_count: bool) -> Iterator[tuple[str, str]]:
    limits = {"limit": table.limit} | {
        f"by_category.{category}": limit for category, limit in table.by_category.items()
    }
    for key, limit in limits.items():
        if _never_holds(limit):
            yield key, "can never hold: every account is breached"
        elif _always_holds(limit, is_count=is_count):
            yield key, "always holds: no account is ever breached"
        if table.approach == limit.value and _is_strict(limit):
            yield "approach", f"equals {key}, which it breaches: nobody is warned before it"
    none_wrong = is_count and table.limit == Limit(Comparison.AT_MOST, Fraction(0))
    if table.approach is None and not none_wrong:
        yield "approach", "is missing: nobody is warned before the limit is breached"
    if table.approach == (0 if high_is_bad(table.limit) else 1):
        yield "approach", "is always reached: every account that is not breached is warned"


def _is_strict(limit: Limit) -> bool:
    return limit.comparison in (Comparison.UNDER, Comparison.OVER)


def _never_holds(limit: Limit) -> bool:
    worst = Fraction(0) if high_is_bad(limit) else Fraction(1)
    return _is_strict(limit) and limit.value == worst


def _always_holds(limit: Limit, *, is_count: bool) -> bool:
    if is_count or _is_strict(limit):
        return False
    return limit.value == (1 if high_is_bad(limit) else 0)
