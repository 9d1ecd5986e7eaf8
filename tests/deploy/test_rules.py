"""Rules, routes and runbooks are complete, tested, and name only metrics that exist."""

import re
import subprocess
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from monitor.exporter import families
from monitor.exporter.families import Family
from tests.conftest import ROOT
from tests.deploy.checking import DEPLOY, yaml_file
from tests.programs import need

PROMETHEUS = DEPLOY / "prometheus"
RULE_FILES = sorted((PROMETHEUS / "rules").glob("*.yml"))
TEST_FILES = sorted((PROMETHEUS / "tests").glob("*.yml"))
RUNBOOKS = ROOT / "docs" / "runbooks"
SEVERITIES = {"info", "warning", "critical"}

COMPARE = {
    "seller_health_compare_differences",
    "seller_health_compare_unexplained",
    "seller_health_compare_last_run_timestamp_seconds",
}
"""What `monitor compare --textfile` writes, beside what workers export."""

Rule = dict[str, Any]


def rules_of(kind: str) -> dict[str, Rule]:
    """Rules by their name; ``kind``: ``alert`` or ``record``."""
    return {
        rule[kind]: rule
        for path in RULE_FILES
        for group in yaml_file(path)["groups"]
        for rule in group["rules"]
        if kind in rule
    }


ALERTS = rules_of("alert")


def check(program: str, *arguments: str) -> None:
    need(program)
    done = subprocess.run(  # noqa: S603 - programs of our own choice
        [program, *arguments], cwd=PROMETHEUS, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_prometheus_takes_its_configuration_and_rules() -> None:
    check("promtool", "check", "config", "prometheus.yml")


def test_rules_fire_and_keep_quiet_as_their_tests_say() -> None:
    check("promtool", "test", "rules", *map(str, TEST_FILES))


def test_alertmanager_takes_its_configuration() -> None:
    check("amtool", "check-config", str(DEPLOY / "alertmanager" / "alertmanager.yml"))


def _cases() -> dict[str, set[bool]]:
    """By alert, whether some test has it firing, and whether some has it quiet."""
    found = defaultdict[str, set[bool]](set)
    for path in TEST_FILES:
        for test in yaml_file(path)["tests"]:
            for case in test.get("alert_rule_test", ()):
                found[case["alertname"]].add(bool(case["exp_alerts"]))
            for case in test.get("promql_expr_test", ()):
                told = re.search(r'ALERTS\{alertname="(\w+)"', case["expr"])
                if told is not None:
                    found[told[1]].add(bool(case["exp_samples"]))
    return found


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_is_seen_firing_and_seen_quiet(alert: str) -> None:
    assert _cases()[alert] == {True, False}


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_says_how_bad_it_is_what_is_wrong_and_what_to_do(alert: str) -> None:
    rule = ALERTS[alert]
    assert rule["labels"]["severity"] in SEVERITIES
    assert rule["annotations"].keys() == {"summary", "description", "runbook_url"}
    runbook = ROOT / rule["annotations"]["runbook_url"]
    assert runbook == RUNBOOKS / f"{alert}.md"
    text = runbook.read_text()
    assert text.startswith(f"# {alert}\n\n**Severity:** {rule['labels']['severity']}.")
    parts = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert parts == ["What it means", "Look first", "Do", "It ends"]


def test_each_runbook_belongs_to_an_alert() -> None:
    assert {path.stem for path in RUNBOOKS.glob("*.md")} == set(ALERTS)


def exported() -> set[str]:
    return {family.name for family in vars(families).values() if isinstance(family, Family)}


@pytest.mark.parametrize("path", RULE_FILES, ids=lambda path: path.stem)
def test_rules_name_only_metrics_that_exist(path: Path) -> None:
    known = exported() | COMPARE | set(rules_of("record"))
    told = set(re.findall(r"[a-z:]*seller_health_[a-z0-9_:]+", path.read_text()))
    assert told
    assert told <= known


def test_who_inhibits_and_who_is_inhibited_exists() -> None:
    ours = {"SellerAccountHealth", "SellerDeadline", "MonitorReceiverFailing"}
    for rule in yaml_file(DEPLOY / "alertmanager" / "alertmanager.yml")["inhibit_rules"]:
        for side in ("source_matchers", "target_matchers"):
            pattern = re.fullmatch(r'alertname=~?"(.+)"', rule[side][0])
            assert pattern is not None, rule
            for alternative in _alternatives(pattern[1]):
                assert alternative in {*ALERTS, *ours}, rule


def _alternatives(pattern: str) -> list[str]:
    """The names that a pattern like ``A(B|C)`` or ``A|B`` stands for."""
    prefix, _, rest = pattern.partition("(")
    return (
        [prefix + name for name in rest.removesuffix(")").split("|")]
        if rest
        else pattern.split("|")
    )
