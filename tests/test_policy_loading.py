"""Several policy files at once."""

from pathlib import Path

import pytest

from monitor.core.instants import HOUR, parse_instant
from monitor.errors import ConfigError
from monitor.policy import (
    load_policies,
    read_policies,
)
from tests.policies.documents import write

SOUND = """
name = "sound"
[marketplaces.M1]
time_zone = "UTC"
[metrics.refund_rate]
windows = [30]
limit = "under 10%"
source = "s"
runbook = "r"
"""


def test_every_problem_of_every_file_is_named_at_once(tmp_path: Path) -> None:
    files = [
        write(tmp_path / "sound.toml", SOUND),
        tmp_path / "missing.toml",
        write(tmp_path / "broken.toml", "name = "),
        write(tmp_path / "wrong.toml", SOUND.replace("10%", "10")),
        write(tmp_path / "long.toml", "retention_days = " + "9" * 5000),
        tmp_path,
    ]
    latin = tmp_path / "latin.toml"
    latin.write_bytes(b'name = "\xe9"')
    with pytest.raises(ConfigError) as refused:
        load_policies([*files, latin])
    found = {(Path(problem.file).name, problem.path) for problem in refused.value.problems}
    assert found == {
        ("missing.toml", ""),
        ("broken.toml", ""),
        ("long.toml", ""),
        ("wrong.toml", "metrics.refund_rate.limit"),
        (tmp_path.name, ""),
        ("latin.toml", ""),
    }


@pytest.mark.parametrize("since", ["", "valid_from = 2025-01-15\n"])
def test_two_policies_may_not_begin_on_one_day_for_one_marketplace(
    tmp_path: Path, since: str
) -> None:
    files = [write(tmp_path / name, since + SOUND) for name in ("a.toml", "b.toml")]
    with pytest.raises(ConfigError) as refused:
        load_policies(files)
    (problem,) = refused.value.problems
    assert problem.file == str(files[1])
    assert problem.path == "marketplaces.M1"
    assert str(files[0]) in problem.message


def test_of_several_policies_the_latest_that_has_begun_is_in_force(tmp_path: Path) -> None:
    since = {"a": "", "b": "valid_from = 2025-01-15\n", "c": "valid_from = 2025-03-01\n"}
    files = [
        write(tmp_path / f"{name}.toml", start + SOUND.replace("sound", name))
        for name, start in since.items()
    ]
    book = load_policies(files)
    for at, name in [
        ("2025-01-14T23:59:59Z", "a"),
        ("2025-01-15T00:00:00Z", "b"),
        ("2026-01-01T00:00:00Z", "c"),
    ]:
        rules = book.in_force("M1", parse_instant(at))
        assert rules is not None
        assert rules.policy == name


def test_decimals_of_a_file_are_exact(tmp_path: Path) -> None:
    text = SOUND.replace("refund_rate", "return_dissatisfaction_rate") + "answer_hours = 0.1\n"
    (policy,) = read_policies([write(tmp_path / "p.toml", text)])
    found = policy.marketplaces["M1"].rule("return_dissatisfaction_rate")
    assert found is not None
    assert found.answer_within == HOUR // 10
