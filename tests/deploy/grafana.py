"""Reads dashboards as Grafana does: their queries, with variables put in."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[2] / "deploy" / "grafana" / "dashboards"

Choice = Mapping[str, str]
"""What is chosen for each variable."""

_VARIABLE = re.compile(r"\$(?:\{(\w+)[^}]*\}|(\w+))")
_LABEL_VALUES = re.compile(r"label_values\((.*),\s*(\w+)\)", re.DOTALL)

# Grafana makes them of the time range and the width of a panel.
_OWN = {"__range": "10s", "__rate_interval": "5s"}


@dataclass(frozen=True)
class Asked:
    """A query of a dashboard: of which panel or annotation, and what it asks."""

    dashboard: str
    panel: str
    expr: str
    instant: bool

    @property
    def variables(self) -> set[str]:
        """The variables in it that somebody chooses."""
        return variables_of(self.expr) - _OWN.keys()

    def put(self, choice: Choice) -> str:
        """The query with the choice in it."""
        values = {**_OWN, **choice}
        return _VARIABLE.sub(lambda found: values[found[1] or found[2]], self.expr)


@dataclass(frozen=True)
class LabelValues:
    """The query of a variable: the values of a label of some series."""

    dashboard: str
    variable: str
    series: str
    label: str


def read(name: str) -> dict[str, Any]:
    """A dashboard by the name of its file."""
    found: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text())
    return found


def panels_of(dashboard: Mapping[str, Any]) -> list[dict[str, Any]]:
    """All panels but rows."""
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def asked_by(name: str) -> Iterator[Asked]:
    """Every query of the panels and annotations of a dashboard."""
    dashboard = read(name)
    for panel in panels_of(dashboard):
        for target in panel["targets"]:
            yield Asked(name, panel["title"], target["expr"], bool(target.get("instant")))
    for annotation in dashboard.get("annotations", {}).get("list", []):
        yield Asked(name, annotation["name"], annotation["expr"], instant=False)


def label_values_of(name: str) -> Iterator[LabelValues]:
    """Every variable of a dashboard that asks Prometheus."""
    for variable in read(name)["templating"]["list"]:
        if variable["type"] == "query":
            found = _LABEL_VALUES.fullmatch(variable["query"]["query"])
            assert found, variable["query"]
            yield LabelValues(name, variable["name"], found[1], found[2])


def variables_of(text: str) -> set[str]:
    """The names of all variables in a text."""
    return {found[1] or found[2] for found in _VARIABLE.finditer(text)}
