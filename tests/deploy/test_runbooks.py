"""What runbooks tell people to type and to look at exists: commands, metrics, settings, alerts."""

import re
import shlex
from pathlib import Path

import click
import pytest

from monitor.audit.comparison_report import textfile
from monitor.cli import commands
from tests.conftest import ROOT
from tests.deploy.test_rules import ALERTS, COMPARE, RUNBOOKS, exported, rules_of

FILES = sorted(RUNBOOKS.glob("*.md"))
PROGRAMS = r"(monitor [a-z]|curl |kafka-|kubectl |docker |py-spy |timedatectl|chronyc )"
LINES_MAX = 50
# They show every table of the settings and of policies.
SETTINGS = [
    ROOT / "README.md",
    ROOT / "config" / "monitor.toml",
    *(ROOT / "config" / "policies").glob("*.toml"),
]

by_name = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)


def typed(text: str) -> list[str]:
    """The lines of indented blocks, with those that go on joined and without comments."""
    joined = re.sub(r"\\\n\s+", "", text)
    lines = re.findall(r"(?m)^ {4,}(\S.*)$", joined)
    return [re.split(r"\s{2,}#", line)[0] for line in lines]


def of_monitor(text: str) -> list[list[str]]:
    """The words of each call of `monitor`, in a block or in a sentence."""
    in_sentences = re.findall(r"`(monitor [^`]+)`", text)
    lines = [line for line in typed(text) if line.startswith("monitor ")]
    return [shlex.split(re.split(r" [>|] ", line)[0])[1:] for line in lines + in_sentences]


@by_name
def test_a_runbook_names_only_commands_and_options_that_exist(path: Path) -> None:
    for name, *words in of_monitor(path.read_text()):
        command = commands.commands.get(name)
        assert command is not None, name
        options = {one for parameter in command.params for one in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= options, name


@by_name
def test_a_call_in_a_block_has_all_that_its_command_asks_for(path: Path) -> None:
    calls = [shlex.split(line)[1:] for line in typed(path.read_text())]
    for name, *words in [call for call in calls if call and call[0] in commands.commands]:
        for parameter in commands.commands[name].params:
            if isinstance(parameter, click.Option) and parameter.required:
                assert set(parameter.opts) & set(words), (name, parameter.opts)


@by_name
def test_what_is_to_be_typed_stands_in_a_block(path: Path) -> None:
    assert re.findall(rf"(?m)^ {{0,3}}{PROGRAMS}.*$", path.read_text()) == []


@by_name
def test_a_runbook_is_short_and_says_when_to_escalate(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= LINES_MAX
    done = text.split("\n## Do\n")[1].split("\n## It ends\n")[0]
    assert "scalate" in done


@by_name
def test_a_runbook_names_only_metrics_alerts_and_settings_that_exist(path: Path) -> None:
    text = path.read_text()
    metrics = set(re.findall(r"(?:[a-z]+:)?seller_health_[a-z0-9_]+(?::[a-z0-9]+)?", text))
    assert metrics <= exported() | COMPARE | set(rules_of("record"))
    assert set(re.findall(r"\b(?:Monitor|Seller)[A-Z]\w+", text)) <= set(ALERTS)
    told = "".join(file.read_text() for file in SETTINGS)
    for section in re.findall(r"`\[([a-z_]+)(?:\.[A-Z]+)?\]", text):
        assert re.search(rf"(?m)(^|^# |`)\[{section}[.\]]", told), section


def test_what_compare_leaves_for_prometheus_is_what_rules_and_runbooks_know() -> None:
    source = Path(textfile.__code__.co_filename).read_text()
    told = {f"seller_health_compare_{name}" for name in re.findall(r"{_PREFIX}([a-z_]+)", source)}
    assert told == COMPARE
