"""Commands of alerts that need no Kafka: `notify-test`, `check --example`, refused silences."""

import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from monitor.cli import commands
from monitor.errors import SilenceError

ROOT = Path(__file__).resolve().parents[1]
SECRET = "never-shown-7f3a"  # noqa: S105
SETTINGS = """
[notify.receivers.here]
kind = "console"
[notify.receivers.hook]
kind = "webhook"
url_file = "url"
secret_file = "secret"
allow_private_addresses = true
[[notify.routes]]
receivers = ["here"]
severities = ["critical"]
[[notify.routes]]
receivers = ["hook"]
mute_times = ["night"]
[notify.mute_times.night]
from = "22:00"
to = "07:00"
"""


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.upper().startswith("MONITOR_")]:
        monkeypatch.delenv(name)
    (tmp_path / "url").write_text(f"http://127.0.0.1:1/{SECRET}")
    (tmp_path / "secret").write_text(f"{SECRET}-{SECRET}")
    path = tmp_path / "monitor.toml"
    policy = ROOT / "config" / "policies" / "amazon-current.toml"
    path.write_text(f'policies = ["{policy}"]\n{SETTINGS}')
    return path


def monitor(config: Path, *arguments: str) -> Result:
    result = CliRunner().invoke(
        commands, [*arguments, "--config", str(config)], standalone_mode=False
    )
    assert SECRET not in f"{result.output}{result.stderr}{result.exception}"
    return result


def test_a_test_goes_to_the_receiver_and_is_marked(config: Path) -> None:
    done = monitor(config, "notify-test", "here")
    assert done.return_value == 0
    assert done.stdout.startswith("TEST: this is no alert")
    assert done.stdout.endswith("here took the test\n")


def test_a_receiver_that_does_not_take_the_test_gives_status_2_and_no_secret(config: Path) -> None:
    done = monitor(config, "notify-test", "hook")
    assert done.return_value == 2
    assert done.stderr.startswith("hook did not take the test: ")
    assert "worth trying again" in done.stderr


def test_a_receiver_that_there_is_not_gives_status_2(config: Path) -> None:
    done = monitor(config, "notify-test", "heer")
    assert done.return_value == 2
    assert "did you mean here?" in done.stderr
    assert "there are: here, hook" in done.stderr


def test_check_shows_where_an_example_alert_would_go(config: Path) -> None:
    example = "seller=shop-1 marketplace=m metric=reply severity=critical"
    at = "2018-03-01T23:00:00Z"
    done = monitor(config, "check", "--example", example, "--at", at)
    assert done.return_value == 0
    assert done.stdout.splitlines()[1:] == [
        f"critical reply of seller shop-1 in marketplace m at {at}:",
        "  here: told at once, through notify.routes.0",
        "  hook: told when mute time night ends at Fri 2018-03-02 07:00 UTC, if it is still so;"
        " through notify.routes.1",
        "  silences are not looked at: see `monitor silence list`",
    ]
    milder = monitor(config, "check", "--example", "severity=info", "--at", "2018-03-01T12:00:00Z")
    assert "here: not told, no route to it fits" in milder.stdout
    assert "hook: told at once, through notify.routes.1" in milder.stdout


@pytest.mark.parametrize(
    ("example", "said"),
    [
        ("seller", "must be like"),
        ("seller=", "must be like"),
        ("shop=x", "must be like"),
        ("seller=a seller=b", "must be like"),
        ("severity=fatal", "no severity"),
        ("metric=order_defekt_rate", "did you mean order_defect_rate?"),
    ],
)
def test_an_example_that_makes_no_sense_is_refused(config: Path, example: str, said: str) -> None:
    done = monitor(config, "check", "--example", example)
    assert said in str(done.exception)


def test_an_instant_without_an_example_and_an_example_without_settings_are_refused(
    config: Path,
) -> None:
    assert "--example" in str(monitor(config, "check", "--at", "2018-03-01T23:00:00Z").exception)
    policy = str(ROOT / "config" / "policies" / "demo.toml")
    alone = CliRunner().invoke(
        commands, ["check", policy, "--example", "seller=x"], standalone_mode=False
    )
    assert "--config" in str(alone.exception)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--for", "8h"], "silence everything"),
        (["--for", "8h", "--seller", "*"], "silence everything"),
        (["--seller", "s"], "--for"),
        (["--seller", "s", "--for", "8h", "--until", "2035-01-01T00:00:00Z"], "--until"),
        (["--seller", "s", "--until", "2018-01-01T00:00:00Z"], "nothing is silenced"),
        (["--seller", "s", "--for", "367d"], "366 days at most"),
        (["--seller", "s", "--for", "soon"], "no duration"),
        (["--metric", "order_defekt", "--for", "8h"], "order_defect_rate"),
        (["--seller", "s", "--for", "8h", "--reason", " "], "reason"),
    ],
)
def test_a_silence_that_makes_no_sense_is_refused_before_kafka_is_asked(
    config: Path, arguments: list[str], said: str
) -> None:
    by = ["--author", "ann", "--reason", "r"]
    done = monitor(config, "silence", "add", *by, *arguments)
    assert said in str(done.exception)
    assert not isinstance(done.exception, SilenceError) or "\n" not in str(done.exception)
