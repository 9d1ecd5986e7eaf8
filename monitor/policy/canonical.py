"""The canonical form of a policy and its digest: the same for the same rules.

The form is the policy file as JSON (UTF-8, keys sorted, no spaces) after these steps, so that
comments, spelling and order change nothing and any other number or word changes the digest:
defaults are filled in (``null`` where nothing is set), percentages, counts and durations are texts
in plain decimals without trailing zeros (``"under 2.5%"``, ``"24"``), dates are ISO texts, sets
are sorted lists, windows ascend with ``"all"`` last, and a metric has its own keys only.
"""

import json
from datetime import date
from hashlib import sha256
from typing import Any

from monitor.core.metrics import METRICS
from monitor.core.rules import ItemKind
from monitor.policy.alerting import AlertTable, DeadlineTable
from monitor.policy.quantities import hours_text, minutes_text
from monitor.policy.tables import MarketplaceTable, MetricTable, PolicyTable, keys_of, scale_of


def canonical_form(
    header: PolicyTable,
    tables: dict[str, MetricTable],
    deadlines: dict[ItemKind, DeadlineTable],
) -> str:
    """The canonical form of a checked policy."""
    document = {
        "name": header.name,
        "valid_from": _plain(header.valid_from),
        "retention_days": header.retention_days,
        "heartbeat_hours": _plain(header.heartbeat_hours, "heartbeat_hours"),
        "marketplaces": {name: _marketplace(table) for name, table in header.marketplaces.items()},
        "metrics": {name: _metric(name, table) for name, table in tables.items()},
        "deadlines": {kind: _own(table) for kind, table in deadlines.items()},
    }
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digest_of(canonical: str) -> str:
    """SHA-256 of a canonical form, hexadecimal."""
    return sha256(canonical.encode()).hexdigest()


def _marketplace(table: MarketplaceTable) -> dict[str, Any]:
    return {
        "time_zone": table.time_zone,
        "holidays": _plain(table.holidays),
        "handling_days": table.handling_days,
    }


def _metric(name: str, table: MetricTable) -> dict[str, Any]:
    metric = METRICS[name]
    scale = scale_of(metric)
    written: dict[str, Any] = {
        "limit": scale.limit_text(table.limit),
        "approach": None if table.approach is None else scale.value_text(table.approach),
        "population": table.population or metric.population,
        "by_category": {
            category: scale.limit_text(limit) for category, limit in table.by_category.items()
        },
        "alert": _own(table.alert),
    }
    return {
        key: written[key] if key in written else _plain(getattr(table, key), key)
        for key in keys_of(metric)
    }


def _own(table: AlertTable | DeadlineTable) -> dict[str, Any]:
    return {key: _plain(getattr(table, key), key) for key in type(table).model_fields}


def _plain(value: Any, key: str = "") -> Any:
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if key.endswith("_hours") and value is not None:
        return hours_text(value)
    if key.endswith("_minutes"):
        return minutes_text(value)
    return value
