"""`make demo-stack`: the files of deploy/ with other addresses, and all of it at work."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from deploy.local_stack import UnknownHost, alertmanager_config, prometheus_config
from tests.conftest import ROOT, missing

ADDRESSES = {
    "monitor:9464": ["127.0.0.1:1", "127.0.0.1:2"],
    "alertmanager:9093": ["127.0.0.1:3"],
    "grafana:3000": [],
}
EXAMPLE = """
global: {scrape_interval: 15s, external_labels: {cluster: here}}
rule_files: [/etc/prometheus/rules/*.yml, more.yml]
alerting:
  alertmanagers:
    - static_configs: [{targets: ["alertmanager:9093"]}]
scrape_configs:
  - job_name: monitor
    scrape_interval: 10s
    metric_relabel_configs: [{action: labeldrop, regex: x}]
    dns_sd_configs: [{names: [monitor], type: A, port: 9464}]
  - job_name: others
    static_configs: [{targets: ["alertmanager:9093", "grafana:3000"]}]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "prometheus"
    made.mkdir()
    (made / "prometheus.yml").write_text(EXAMPLE)
    return made


def test_only_addresses_and_paths_are_others(folder: Path) -> None:
    config = prometheus_config(ADDRESSES, folder=folder)
    monitor, others = config["scrape_configs"]
    assert monitor["static_configs"] == [{"targets": ["127.0.0.1:1", "127.0.0.1:2"]}]
    assert others["static_configs"] == [{"targets": ["127.0.0.1:3"]}]
    (manager,) = config["alerting"]["alertmanagers"]
    assert manager["static_configs"] == [{"targets": ["127.0.0.1:3"]}]
    assert config["rule_files"] == [f"{folder}/rules/*.yml", f"{folder}/more.yml"]
    original = yaml.safe_load(EXAMPLE)
    assert config["global"] == original["global"]
    for key in ("job_name", "scrape_interval", "metric_relabel_configs"):
        assert monitor[key] == original["scrape_configs"][0][key]


def test_an_interval_wins_over_all_of_the_file(folder: Path) -> None:
    config = prometheus_config(ADDRESSES, "1s", folder)
    assert config["global"]["scrape_interval"] == config["global"]["evaluation_interval"] == "1s"
    assert config["global"]["external_labels"] == {"cluster": "here"}
    assert not any("scrape_interval" in job for job in config["scrape_configs"])


def test_a_host_that_nothing_stands_for_is_named(folder: Path) -> None:
    with pytest.raises(UnknownHost, match=r"^grafana:3000: not in "):
        prometheus_config({key: ["x"] for key in ADDRESSES if "grafana" not in key}, folder=folder)


def test_alertmanagers_templates_lie_beside_its_file(tmp_path: Path) -> None:
    folder = tmp_path / "alertmanager"
    folder.mkdir()
    text = "templates: [/etc/alertmanager/*.tmpl]\nroute: {receiver: x}\nreceivers: [{name: x}]\n"
    (folder / "alertmanager.yml").write_text(text)
    config = alertmanager_config(folder)
    assert config["templates"] == [f"{folder}/*.tmpl"]
    assert config["route"] == {"receiver": "x"}


def stack(*arguments: str) -> subprocess.Popen[str]:
    for program in ("prometheus", "prometheus-alertmanager"):
        if shutil.which(program) is None:
            missing(f"{program} comes with `make test`")
    if not (ROOT / "deploy" / "prometheus" / "prometheus.yml").exists():
        missing("deploy/prometheus/prometheus.yml is not there")
    return subprocess.Popen(  # noqa: S603
        [sys.executable, "-m", "deploy.demo_stack", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


@pytest.mark.slow
@pytest.mark.usefixtures("kafka_jars")
def test_the_whole_stack_shows_sellers_rules_and_alerts_and_ends() -> None:
    running = stack("--exit", "--sellers", "8", "--history-days", "120")
    said, _ = running.communicate(timeout=240)
    assert running.returncode == 0, said
    assert "Data, rules and alerts are there" in said


@pytest.mark.slow
@pytest.mark.usefixtures("kafka_jars")
@pytest.mark.parametrize("reached", ["kafka/node.log", "monitor-0.log"])
def test_an_interrupt_stops_all_of_it_and_leaves_nothing(reached: str) -> None:
    running = stack("--sellers", "3", "--history-days", "10")
    assert running.stdout is not None
    lines = [running.stdout.readline() for _ in range(2)]
    folder = Path(lines[1].split()[1])
    # A program's log is there a moment before the program.
    while not ((folder / reached).exists() and _naming(folder)):
        assert running.poll() is None, running.communicate()
        time.sleep(0.05)
    os.kill(running.pid, signal.SIGINT)
    said, _ = running.communicate(timeout=60)
    assert (running.returncode, said) == (0, "Stopped\n")
    assert not folder.exists()
    assert not _naming(folder)


def _naming(folder: Path) -> list[str]:
    """The commands of processes that name a folder (Linux)."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if str(folder) in command:
            found.append(command)
    return found
