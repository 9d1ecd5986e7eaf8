"""Small histories and a small rulebook for the audit's tests."""

import gzip
import json
from fractions import Fraction
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from monitor.core.calendar import Calendar
from monitor.core.instants import parse_instant
from monitor.core.rules import (
    Comparison,
    Era,
    Limit,
    MarketplaceRules,
    MetricRule,
    Rulebook,
    WindowDays,
)

AS_OF = parse_instant("2018-06-30T12:00:00Z")


def event(type_name: str, at: str, **fields: Any) -> dict[str, Any]:
    """An event of seller S1 in marketplace M1 unless ``fields`` say otherwise."""
    name = "-".join([type_name, at, *map(str, fields.values())])
    own = {"type": type_name, "id": name[:128], "at": at, "seller": "S1", "marketplace": "M1"}
    return own | fields


def placed(order: str, at: str = "2018-06-20T10:00:00Z", **fields: Any) -> dict[str, Any]:
    """An order of ten days before ``AS_OF``."""
    return event("order_placed", at, order=order, **fields)


def one_star(order: str, at: str = "2018-06-25T10:00:00Z", **fields: Any) -> dict[str, Any]:
    """The worst feedback on an order."""
    return event("feedback_left", at, order=order, feedback=f"f-{order}", rating=1, **fields)


def removed(order: str, at: str = "2018-06-29T09:00:00Z") -> dict[str, Any]:
    """The order's feedback is struck."""
    return event("feedback_removed", at, order=order, feedback=f"f-{order}")


def write(path: Path, events: list[dict[str, Any]]) -> Path:
    """The events as a file, compressed where its name ends in ``.gz``."""
    data = b"".join(json.dumps(event).encode() + b"\n" for event in events)
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def rule(metric: str, *windows: WindowDays, limit: str = "1/100", **fields: Any) -> MetricRule:
    """A rule with a limit from above."""
    return MetricRule(
        metric=metric,
        windows=windows or (60,),
        limit=Limit(Comparison.UNDER, Fraction(limit)),
        **fields,
    )


def rulebook(*rules: MetricRule, marketplace: str = "M1") -> Rulebook:
    """One policy for one marketplace in UTC without holidays; by default order defects."""
    chosen = rules or (rule("order_defect_rate", 60, "all"),)
    calendar = Calendar(ZoneInfo("UTC"), lambda _: False)
    in_force = MarketplaceRules(policy="test", digest="0" * 64, calendar=calendar, metrics=chosen)
    return Rulebook({marketplace: (Era(None, in_force),)})
