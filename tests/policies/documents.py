"""Small policy documents for tests."""

from pathlib import Path
from typing import Any

import pytest

from monitor.core.metrics import METRICS
from monitor.core.rules import MetricRule
from monitor.errors import ConfigError
from monitor.policy import (
    Policy,
    parse_policy,
)

LIMITS = {"high": "under 4%", "low": "at least 95%"}


def table(metric: str, **own: Any) -> dict[str, Any]:
    """The least that a metric's table needs."""
    found = METRICS[metric]
    needed: dict[str, Any] = {
        "windows": [30],
        "limit": "under 3" if found.only_counts else LIMITS[found.bad_side],
        "source": "a test",
        "runbook": "none",
    }
    if "chargeback_kinds" in found.keys:
        needed["chargeback_kinds"] = ["chargeback_service"]
    return needed | own


def document(metrics: dict[str, Any] | None = None, **own: Any) -> dict[str, Any]:
    """A sound policy of the late shipment rate for the marketplace M1."""
    sound = {
        "name": "test",
        "marketplaces": {"M1": {"time_zone": "UTC"}},
        "metrics": metrics or {"late_shipment_rate": table("late_shipment_rate")},
    }
    return sound | own


def parsed(metrics: dict[str, Any] | None = None, **own: Any) -> Policy:
    return parse_policy(document(metrics, **own), "p.toml")


def rule(metric: str, **own: Any) -> MetricRule:
    found = parsed({metric: table(metric, **own)}).marketplaces["M1"].rule(metric)
    assert found is not None
    return found


def problems(broken: dict[str, Any]) -> dict[str, str]:
    """The problems of a document by path."""
    with pytest.raises(ConfigError) as refused:
        parse_policy(broken, "p.toml")
    assert {problem.file for problem in refused.value.problems} == {"p.toml"}
    return {problem.path: problem.message for problem in refused.value.problems}


def metric_problems(metric: str, **own: Any) -> dict[str, str]:
    return problems(document({metric: table(metric, **own)}))


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path
