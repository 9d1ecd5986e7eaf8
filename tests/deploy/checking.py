"""Programs that check deploy/, from the environment that `make test` makes for them."""

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.conftest import ROOT, missing

DEPLOY = ROOT / "deploy"
_PROGRAMS = ROOT / ".venv-checks" / "bin"

Document = dict[str, Any]


def checker(program: str) -> str:
    """The path of a program; skips the test where it is not installed, or fails it in CI."""
    path = _PROGRAMS / program
    if not path.exists():
        missing(f"{program} comes with `make test`")
    return str(path)


def run(
    program: str,
    *arguments: str,
    text: str | None = None,
    environment: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """A program's run to its end, with only these variables besides PATH and HOME."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(  # noqa: S603 - programs of our own choice
        [checker(program), *arguments],
        input=text,
        env={**kept, **(environment or {})},
        cwd=DEPLOY,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def compose_config(*arguments: str, environment: Mapping[str, str]) -> Document:
    """What compose makes of compose.yaml, as it would start it.

    Raises:
        AssertionError: compose refuses it; the message is compose's own.
    """
    done = run(
        "docker-compose",
        *("--file", "compose.yaml", "--env-file", os.devnull, *arguments),
        *("config", "--format", "json"),
        environment=environment,
    )
    assert done.returncode == 0, done.stderr
    found: Document = json.loads(done.stdout)
    return found


def documents(text: str) -> list[Document]:
    """The YAML documents of a text, without empty ones."""
    return [document for document in yaml.safe_load_all(text) if document]


def yaml_file(path: Path) -> Any:
    """What a YAML file holds."""
    return yaml.safe_load(path.read_text())
