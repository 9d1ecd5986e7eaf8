"""The dashboards are those that the code makes, and hold together."""

import re
import tomllib
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from deploy.grafana.source.__main__ import FOLDER, MODULES, dashboards
from deploy.grafana.source.parts import FLEET, MONITOR, RUNBOOKS, SELLER
from tests.deploy.grafana import label_values_of, panels_of, read, variables_of

NAMES = ("fleet", "seller", "monitor")
ROOT = Path(__file__).parents[2]
GRAFANA_KNOWS = {"__all", "__range", "__rate_interval", "__url_time_range", "__data"}

dashboard = pytest.mark.parametrize("name", NAMES)


def test_the_files_are_what_the_code_makes() -> None:
    written = {path.name: path.read_text() for path in FOLDER.glob("*.json")}
    assert written == dashboards(), "run `make dashboards`"


def test_their_addresses_stay_the_same() -> None:
    assert [read(name)["uid"] for name in NAMES] == [FLEET, SELLER, MONITOR]
    assert FLEET == "seller-health-fleet"
    assert SELLER == "seller-health-seller"
    assert MONITOR == "seller-health-monitor"


@dashboard
def test_each_panel_says_what_it_shows(name: str) -> None:
    for panel in panels_of(read(name)):
        assert panel["title"]
        assert panel["description"].endswith("."), panel["title"]
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        assert panel["targets"]


@dashboard
def test_no_panel_lies_on_another(name: str) -> None:
    found = read(name)["panels"]
    assert [panel["id"] for panel in found] == list(range(1, len(found) + 1))
    for one, other in combinations(found, 2):
        assert not overlap(one["gridPos"], other["gridPos"]), (one["title"], other["title"])
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in found)


@dashboard
def test_each_variable_that_is_used_can_be_chosen(name: str) -> None:
    found = read(name)
    chosen = {variable["name"] for variable in found["templating"]["list"]}
    for text in texts(found):
        assert variables_of(text) <= chosen | GRAFANA_KNOWS, text


@dashboard
def test_each_dashboard_leads_to_the_others_and_to_the_runbooks(name: str) -> None:
    found = read(name)
    others, runbooks = found["links"]
    assert (others["type"], others["tags"]) == ("dashboards", found["tags"])
    assert others["keepTime"]
    assert runbooks["url"].startswith("https://")


@dashboard
def test_panels_lead_to_the_runbook_of_the_alert_that_goes_by_them(name: str) -> None:
    titles = {panel["title"]: panel for panel in panels_of(read(name))}
    runbook_of: dict[str, str] = MODULES[name].RUNBOOK_OF
    folder = ROOT / "docs" / "runbooks"
    for title, alert in runbook_of.items():
        (link,) = titles[title]["links"]
        assert link["url"].endswith(f"/{alert}.md")
        assert not folder.is_dir() or (folder / f"{alert}.md").is_file(), alert


def test_the_address_of_the_runbooks_can_be_given() -> None:
    for text in dashboards("https://wiki.example.com/runbooks").values():
        assert RUNBOOKS not in text
        assert "https://wiki.example.com/runbooks/" in text


def test_one_can_choose_marketplace_seller_and_metric() -> None:
    for name in ("fleet", "seller"):
        chosen = {one.variable for one in label_values_of(name)}
        assert chosen >= {"marketplace", "seller", "metric"}


def test_the_links_of_notifications_lead_to_the_dashboard_of_the_seller() -> None:
    examples = [ROOT / "config" / "monitor.toml", ROOT / "deploy" / "monitor.toml"]
    lines = [line for path in examples if path.is_file() for line in path.read_text().splitlines()]
    urls = [
        tomllib.loads(line.removeprefix("# "))["grafana_url"]
        for line in lines
        if line.removeprefix("# ").startswith("grafana_url")
    ]
    assert urls
    known = {one.variable for one in label_values_of("seller")}
    for url in urls:
        assert f"/d/{SELLER}?" in url
        assert {"marketplace", "seller"} <= set(re.findall(r"var-(\w+)=", url)) <= known


def overlap(one: dict[str, int], other: dict[str, int]) -> bool:
    return all(
        one[at] < other[at] + other[size] and other[at] < one[at] + one[size]
        for at, size in (("x", "w"), ("y", "h"))
    )


def texts(value: Any) -> Iterator[str]:
    """All texts of a document, but for labels in double braces and patterns."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner)
