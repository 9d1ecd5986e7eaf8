"""Secrets of the settings: read from their files, and never shown."""

from pathlib import Path

import pytest

from monitor.settings import Configuration, load_configuration
from monitor.settings.receiver_sections import WebhookSection
from tests.settings.files import config, everything_said, problems, refused, warnings

SECRET = "correct-horse-battery"  # noqa: S105


SECRETS = """
[kafka]
security_protocol = "SASL_SSL"
username = "monitor"
password_file = "password"
[notify.receivers.hook]
kind = "webhook"
url_file = "webhook"
secret_file = "password"
[notify.receivers.chat]
kind = "slack"
url_file = "slack"
"""


def with_secrets(folder: Path) -> Configuration:
    (folder / "password").write_text(f"{SECRET}\n")
    (folder / "webhook").write_text(f"https://example.com/{SECRET}\r\n")
    (folder / "slack").write_text(f"http://hooks.example.com/{SECRET}")
    return load_configuration(config(folder, SECRETS))


def test_secrets_are_read_from_their_files(folder: Path) -> None:
    configuration = with_secrets(folder)
    settings = configuration.settings
    assert settings.kafka.cluster().password == SECRET
    hook = settings.notify.receivers["hook"]
    assert isinstance(hook, WebhookSection)
    assert hook.url is not None
    assert hook.url.get_secret_value() == f"https://example.com/{SECRET}"
    assert hook.url_file == folder / "webhook"
    assert [found.path for found in configuration.warnings] == ["notify.receivers.chat.url"]


def test_no_secret_is_shown_by_the_settings(folder: Path) -> None:
    configuration = with_secrets(folder)
    settings = configuration.settings
    shown = [
        *(form(thing) for form in (repr, str) for thing in (configuration, settings)),
        repr(settings.kafka),
        repr(settings.kafka.cluster()),
        str(settings.model_dump()),
        settings.model_dump_json(),
        *map(str, configuration.warnings),
    ]
    assert not [text for text in shown if SECRET in text]


def test_a_secret_in_the_file_itself_is_a_warning(folder: Path) -> None:
    text = f'[notify.receivers.chat]\nkind = "slack"\nurl = "https://example.com/{SECRET}"'
    path = config(folder, text)
    assert "url_file" in warnings(path)["notify.receivers.chat.url"]


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "No such file"), (b"", "empty"), (b"\n", "empty"), (b"\xff", "UTF-8")],
)
def test_a_secret_file_without_a_secret_is_a_problem(
    folder: Path, content: bytes | None, said: str
) -> None:
    if content is not None:
        (folder / "slack").write_bytes(content)
    text = '[notify.receivers.chat]\nkind = "slack"\nurl_file = "slack"'
    found = problems(config(folder, text))
    assert set(found) == {"notify.receivers.chat.url_file"}
    assert said in found["notify.receivers.chat.url_file"]


def test_no_secret_is_shown_by_an_error(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "slack").write_text(f"ftp://{SECRET}")
    (folder / "password").write_text(SECRET)
    monkeypatch.setenv("MONITOR_NOTIFY__RECEIVERS__CHAT__URL", SECRET)
    valid_but_twice = f"""
        [kafka]
        password = "{SECRET}"
        password_file = "password"
        [notify.receivers.chat]
        kind = "slack"
        url_file = "slack"
        """
    said = everything_said(refused(config(folder, valid_but_twice)))
    assert "MONITOR_NOTIFY__RECEIVERS__CHAT__URL" in said
    assert SECRET not in said
    monkeypatch.delenv("MONITOR_NOTIFY__RECEIVERS__CHAT__URL")
    said = everything_said(refused(config(folder, valid_but_twice)))
    assert "kafka.password_file" in said
    assert "notify.receivers.chat.url_file" in said
    assert SECRET not in said


@pytest.mark.parametrize(
    "line",
    [f'password = ["{SECRET}"]', f'passwort = "{SECRET}"', f'password = "{SECRET}', f"{SECRET}"],
)
def test_a_mistake_beside_a_secret_does_not_show_it(folder: Path, line: str) -> None:
    error = refused(config(folder, f"[kafka]\n{line}"))
    assert SECRET not in everything_said(error)
