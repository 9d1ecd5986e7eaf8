"""Receivers in the settings: what each kind needs, whence its secrets come, what is doubtful."""

import os
from pathlib import Path
from textwrap import dedent

import pytest
import trustme

from monitor.errors import ConfigError
from monitor.notify.receivers import receiver_of
from monitor.settings import Settings, load_configuration
from monitor.settings.receiver_sections import (
    RECEIVER_SECTIONS,
    AlertmanagerSection,
    FileSection,
    MailSection,
    SlackSection,
)

ROOT = Path(__file__).resolve().parents[2]
SECRET = "correct-horse-battery"  # noqa: S105
KEY = "0123456789abcdef0123456789abcdef"

ALL = f"""
[notify.receivers.chat]
kind = "slack"
url_file = "url"
[notify.receivers.pager]
kind = "pagerduty"
routing_key = "{KEY}"
[notify.receivers.am]
kind = "alertmanager"
urls = ["http://am-0:9093/", "http://am-1:9093"]
[notify.receivers.hook]
kind = "webhook"
url_file = "url"
secret = "{SECRET}"
[notify.receivers.post]
kind = "mail"
host = "mail.example.com"
from_address = "monitor@example.com"
to = "a@example.com, b@example.com"
time_zone = "Asia/Tokyo"
[notify.receivers.archive]
kind = "file"
path = "alerts.jsonl"
[notify.receivers.here]
kind = "console"
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.upper().startswith("MONITOR_")]:
        monkeypatch.delenv(name)
    (tmp_path / "url").write_text(f"https://hooks.example.com/{SECRET}\n")
    return tmp_path


def config(folder: Path, text: str) -> Path:
    policies = [str(ROOT / "config" / "policies" / "amazon-current.toml")]
    path = folder / "monitor.toml"
    path.write_text(f"policies = {policies}\n{dedent(text)}")
    return path


def loaded(folder: Path, text: str) -> Settings:
    return load_configuration(config(folder, text)).settings


def problems(folder: Path, text: str) -> dict[str, str]:
    with pytest.raises(ConfigError) as found:
        load_configuration(config(folder, text))
    assert SECRET not in str(found.value)
    return {problem.path: problem.message for problem in found.value.problems}


def one(kind: str, lines: str) -> str:
    return f'[notify.receivers.ops]\nkind = "{kind}"\n{dedent(lines)}'


def test_every_kind_becomes_a_receiver_of_its_name(folder: Path) -> None:
    receivers = loaded(folder, ALL).notify.receivers
    assert {type(section) for section in receivers.values()} == set(RECEIVER_SECTIONS)
    for name, section in receivers.items():
        receiver = receiver_of(name, section, lambda: 0)
        assert receiver.name == name
        assert SECRET not in f"{receiver!r} {vars(receiver)} {section!r}"
    assert {receiver_of(*one, lambda: 0).resend_seconds for one in receivers.items()} == {None, 60}


def test_paths_are_relative_to_the_file_and_addresses_are_tidied(folder: Path) -> None:
    receivers = loaded(folder, ALL).notify.receivers
    archive, am, post = receivers["archive"], receivers["am"], receivers["post"]
    assert isinstance(archive, FileSection)
    assert archive.path == folder / "alerts.jsonl"
    assert isinstance(am, AlertmanagerSection)
    assert am.urls == ("http://am-0:9093", "http://am-1:9093")
    assert isinstance(post, MailSection)
    assert post.to == ("a@example.com", "b@example.com")


def test_a_secret_may_come_from_the_environment(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MONITOR_NOTIFY__RECEIVERS__OPS__URL", "https://example.com/from-outside")
    section = loaded(folder, one("slack", "")).notify.receivers["ops"]
    assert isinstance(section, SlackSection)
    assert section.url is not None
    assert section.url.get_secret_value() == "https://example.com/from-outside"


@pytest.mark.parametrize(
    ("kind", "lines", "path", "said"),
    [
        ("slack", "", "", "url is required"),
        ("slack", 'url = "hooks.slack.com/x"', ".url", "https://"),
        ("slack", 'url = "http://[x"', ".url", "https://"),
        ("slack", 'url_file = "url"\nchannel = "#a"', ".channel", "unknown key"),
        ("slack", 'url_file = "url"\nrate_per_minut = 3', ".rate_per_minut", "rate_per_minute"),
        ("slack", 'url_file = "url"\nrate_per_minute = 0', ".rate_per_minute", "greater than 0"),
        ("slack", 'url_file = "url"\ntime_zone = "Mars/X"', ".time_zone", "IANA"),
        ("slack", 'url_file = "url"\ntime_zone = "../url"', ".time_zone", "IANA"),
        ("slack", 'url_file = "url"\nca_file = "none.pem"', ".ca_file", "No such file"),
        ("slack", 'url_file = "url"\nca_file = "url"', ".ca_file", "no certificates"),
        ("slack", 'url_file = "url"\nurl = "https://a.b/c"', ".url_file", "give only one"),
        ("slack", 'url_file = "missing"', ".url_file", "No such file"),
        ("pagerduty", 'routing_key = "short"', ".routing_key", "32"),
        ("pagerduty", "", "", "routing_key is required"),
        ("webhook", 'url_file = "url"', "", "secret is required"),
        ("webhook", 'url_file = "url"\nsecret = "short"', ".secret", "16"),
        ("alertmanager", "urls = []", ".urls", "must not be empty"),
        ("alertmanager", f'urls = "http://u:{SECRET}@am:9093"', ".urls.0", "no password"),
        ("alertmanager", 'urls = "http://am:9093/?x=1"', ".urls.0", "no query"),
        ("alertmanager", 'urls = "http://a:1"\nusername = "u"', "", "go together"),
        (
            "alertmanager",
            'urls = "http://a:1"\nusername = "u"\npassword = "p"\nbearer_token = "t"',
            "",
            "only one",
        ),
        ("mail", 'host = "a b"\nfrom_address = "a@b.c"\nto = "a@b.c"', ".host", "host name"),
        ("mail", 'host = "a"\nfrom_address = "A <a@b.c>"\nto = "a@b.c"', ".from_address", "plain"),
        ("mail", 'host = "a"\nfrom_address = "a@b.c"\nto = "a@b.c\\nBcc: x@y.z"', ".to.0", "plain"),
        (
            "mail",
            'host = "a"\nfrom_address = "a@b.c"\nto = "a@b.c"\nsecurity = "none"\n'
            'username = "u"\npassword = "p"',
            "",
            "never sent in clear",
        ),
        ("file", 'path = "missing/alerts.jsonl"', ".path", "no folder"),
        ("console", "colour = true", ".colour", "unknown key"),
        ("pager", "", "", "kind must be one of slack, pagerduty"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(
    folder: Path, kind: str, lines: str, path: str, said: str
) -> None:
    found = problems(folder, one(kind, lines))
    assert list(found) == [f"notify.receivers.ops{path}"]
    assert said in found[f"notify.receivers.ops{path}"]


@pytest.mark.parametrize(
    ("kind", "key", "said"),
    [
        ("slack", "ulr_file", "unknown key (did you mean url_file?)"),
        ("alertmanager", "url", "unknown key (did you mean urls?)"),
        ("console", "rate_per_minut", "unknown key (did you mean rate_per_minute?)"),
        # Keys of other kinds.
        ("console", "url_fil", "unknown key"),
        ("slack", "routing_kye", "unknown key"),
        ("file", "bootstrap_server", "unknown key"),
    ],
)
def test_a_key_that_is_mistyped_is_taken_for_one_of_its_own_kind(
    folder: Path, kind: str, key: str, said: str
) -> None:
    assert problems(folder, one(kind, f'{key} = "x"'))[f"notify.receivers.ops.{key}"] == said


@pytest.mark.parametrize("name", ["Ops", "a b", "1st", "x" * 64])
def test_a_name_is_fit_for_a_label_and_a_variable(folder: Path, name: str) -> None:
    found = problems(folder, f'[notify.receivers."{name}"]\nkind = "console"')
    assert "lower-case" in "".join(found.values())


def test_a_receiver_that_is_no_table_is_a_problem(folder: Path) -> None:
    assert "kind" in problems(folder, "notify.receivers.ops = 3")["notify.receivers.ops"]


def test_an_authority_of_one_s_own_may_be_trusted(folder: Path) -> None:
    trustme.CA().cert_pem.write_to_path(str(folder / "ca.pem"))
    section = loaded(folder, one("slack", 'url_file = "url"\nca_file = "ca.pem"'))
    receiver_of("ops", section.notify.receivers["ops"], lambda: 0)


@pytest.mark.parametrize(
    ("kind", "lines", "path", "said"),
    [
        ("slack", 'url_file = "plain"', "url", "in clear"),
        ("webhook", 'url_file = "plain"\nsecret_file = "plain"', "url", "in clear"),
        ("pagerduty", 'routing_key_file = "key"\nbase_url = "http://pd"', "base_url", "in clear"),
        ("alertmanager", 'urls = "http://a"', "urls.0", "in clear"),
        (
            "mail",
            'host = "a"\nfrom_address = "a@b.c"\nto = "a@b.c"\nsecurity = "none"',
            "security",
            "in clear",
        ),
        ("pagerduty", f'routing_key = "{KEY}"', "routing_key", "routing_key_file"),
    ],
)
def test_what_is_doubtful_is_a_warning(
    folder: Path, kind: str, lines: str, path: str, said: str
) -> None:
    (folder / "plain").write_text("http://receiver.example.com/x")
    (folder / "key").write_text(KEY)
    found = load_configuration(config(folder, one(kind, lines))).warnings
    shown = {warning.path: warning.message for warning in found}
    assert said in shown[f"notify.receivers.ops.{path}"]
