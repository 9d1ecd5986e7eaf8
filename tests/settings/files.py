"""Settings in a folder, and what is said of them."""

import traceback
from pathlib import Path
from textwrap import dedent

import pytest

from monitor.errors import ConfigError
from monitor.settings import Settings, load_configuration

POLICY = """
name = "test"
retention_days = 100
[marketplaces.M1]
time_zone = "UTC"
[metrics.refund_rate]
windows = [30]
lag_days = 9
limit = "under 10%"
approach = "8%"
source = "s"
runbook = "r"
"""


def config(folder: Path, text: str = "", policies: str = '["policies/*.toml"]') -> Path:
    path = folder / "monitor.toml"
    path.write_text(f"policies = {policies}\n{dedent(text)}")
    return path


def loaded(folder: Path, text: str = "") -> Settings:
    return load_configuration(config(folder, text)).settings


def refused(path: Path) -> ConfigError:
    with pytest.raises(ConfigError) as found:
        load_configuration(path)
    return found.value


def problems(path: Path) -> dict[str, str]:
    return {problem.path: problem.message for problem in refused(path).problems}


def warnings(path: Path) -> dict[str, str]:
    return {found.path: found.message for found in load_configuration(path).warnings}


def everything_said(error: BaseException) -> str:
    return "".join(traceback.format_exception(error)) + repr(error)
