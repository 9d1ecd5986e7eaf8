"""A folder for settings."""

import os
from pathlib import Path

import pytest

from tests.settings.files import POLICY


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a sound policy; no variable of the machine's own disturbs."""
    for name in [name for name in os.environ if name.upper().startswith("MONITOR_")]:
        monkeypatch.delenv(name)
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "test.toml").write_text(POLICY)
    return tmp_path
