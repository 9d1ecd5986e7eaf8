"""docs/deploying.md: what it tells people to type and to write is right."""

import re
from pathlib import Path

import pytest
import yaml

from monitor.core.records import FORMAT
from tests.conftest import ROOT, missing
from tests.deploy.checking import DEPLOY, run

TEXT = (ROOT / "docs" / "deploying.md").read_text()
GUIDES = ("deploying.md", "sizing.md", "operations.md")


def test_the_example_of_values_is_taken_by_the_chart(tmp_path: Path) -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
    assert yaml.safe_load(example)["kafka"]["passwordSecret"]["name"] == "kafka-login"
    values = tmp_path / "own.yaml"
    values.write_text(example)
    chart = str(DEPLOY / "helm" / "seller-health-monitor")
    done = run("helm", "template", "x", chart, "--kube-version", "1.34.0", "--values", str(values))
    assert done.returncode == 0, done.stderr
    assert "/run/secrets/monitor" in done.stdout


def test_the_secret_that_it_makes_is_the_one_of_the_example_environment() -> None:
    (made,) = re.findall(r"> deploy/(secrets/\S+)", TEXT)
    assert f"GRAFANA_ADMIN_PASSWORD_FILE=./{made}\n" in (DEPLOY / ".env.example").read_text()
    assert "/deploy/secrets/" in (ROOT / ".gitignore").read_text()


@pytest.mark.parametrize("guide", GUIDES)
def test_links_lead_somewhere(guide: str) -> None:
    folder = ROOT / "docs"
    for link in re.findall(r"\]\(([^)#]+)", (folder / guide).read_text()):
        assert link.startswith("http") or (folder / link).exists(), link


@pytest.mark.parametrize("guide", GUIDES)
def test_files_of_deploy_that_it_names_are_there(guide: str) -> None:
    named = set(re.findall(r"`(deploy/[\w./-]+)`", (ROOT / "docs" / guide).read_text()))
    # These come from whoever deploys.
    theirs = {"deploy/secrets", "deploy/alertmanager/secrets"}
    absent = {name for name in named - theirs if not (ROOT / name).exists()}
    if absent:
        missing(f"not there: {', '.join(sorted(absent))}")


def test_the_format_of_the_ledger_is_the_present_one() -> None:
    text = (ROOT / "docs" / "operations.md").read_text()
    assert f"the number of their format, {FORMAT} at present" in text
