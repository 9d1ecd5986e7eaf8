"""Settings: file, environment, secret files and policies as one, every problem at once."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from monitor.live import worker_settings
from monitor.settings import check, load_configuration
from tests.settings.files import (
    POLICY,
    config,
    everything_said,
    loaded,
    problems,
    refused,
    warnings,
)

ROOT = Path(__file__).resolve().parents[2]
SECRET = "correct-horse-battery"  # noqa: S105


def test_the_file_that_comes_along_is_sound_and_shows_the_defaults(folder: Path) -> None:
    shipped = load_configuration(ROOT / "config" / "monitor.toml")
    assert shipped.warnings == ()
    assert sorted(policy.name for policy in shipped.policies) == ["amazon-current", "amazon-jp"]
    plain = loaded(folder)
    for section in ("kafka", "consumer", "prometheus", "notify", "log"):
        assert getattr(shipped.settings, section) == getattr(plain, section)


def test_what_is_not_said_has_its_default(folder: Path) -> None:
    settings = loaded(folder)
    assert settings.tick_seconds == 1
    assert settings.kafka.bootstrap_servers == ("localhost:9092",)
    assert settings.consumer.session_timeout_seconds == 8
    assert list(settings.topics.sources) == ["orders", "feedback", "claims", "messages"]
    assert settings.topics.partitions == 4
    assert (settings.prometheus.host, settings.prometheus.port) == ("127.0.0.1", 9464)
    assert settings.prometheus.series_max == 50_000
    assert (settings.prometheus.sellers, settings.prometheus.worst_sellers) == ((), None)


def test_sellers_with_series_of_their_own_are_named_as_events_name_them(folder: Path) -> None:
    text = 'prometheus.sellers = ["shop-1", "shop_2"]\nprometheus.worst_sellers = 9'
    found = loaded(folder, text).prometheus
    assert (found.sellers, found.worst_sellers) == (("shop-1", "shop_2"), 9)
    wrong = problems(config(folder, 'prometheus.sellers = ["a shop"]'))
    assert "as events name it" in str(wrong)


def test_the_source_topics_outlive_what_the_policies_keep(folder: Path) -> None:
    assert loaded(folder).topics.retention_days == 130
    assert loaded(folder, "topics.retention_days = 101").topics.retention_days == 101


def test_a_topic_shorter_than_the_longest_window_is_refused(folder: Path) -> None:
    found = problems(config(folder, "topics.retention_days = 39"))
    assert "40" in found["topics.retention_days"]


def test_a_topic_shorter_than_the_retention_of_orders_is_a_warning(folder: Path) -> None:
    assert "100" in warnings(config(folder, "topics.retention_days = 40"))["topics.retention_days"]


def test_paths_are_relative_to_the_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    (folder / "ca.pem").write_text("")
    path = config(folder, '[kafka]\nsecurity_protocol = "SSL"\nssl_cafile = "ca.pem"')
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    settings = load_configuration(path).settings
    assert settings.policies == (folder / "policies" / "test.toml",)
    assert settings.kafka.cluster().ca_file == str(folder / "ca.pem")
    monkeypatch.chdir(folder)
    assert load_configuration("monitor.toml").settings == settings


def test_a_policy_that_two_patterns_find_is_read_once(folder: Path) -> None:
    path = config(folder, policies='["policies/test.toml", "policies/*.toml"]')
    assert [policy.name for policy in load_configuration(path).policies] == ["test"]


def test_the_rulebook_is_that_of_the_policies(folder: Path) -> None:
    assert set(load_configuration(config(folder)).rulebook.eras) == {"M1"}


def test_the_environment_beats_the_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = config(folder, '[kafka]\nbootstrap_servers = "a:1"\nusername = "file"')
    monkeypatch.setenv("MONITOR_KAFKA__BOOTSTRAP_SERVERS", "b:2, [::1]:3")
    monkeypatch.setenv("MONITOR_PROMETHEUS__PORT", "0")
    monkeypatch.setenv("monitor_log__format", "json")
    settings = load_configuration(path).settings
    assert settings.kafka.bootstrap_servers == ("b:2", "[::1]:3")
    assert settings.kafka.username == "file"
    assert settings.prometheus.port == 0
    assert settings.log.format == "json"


def test_policies_can_be_named_in_the_environment(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    second = POLICY.replace("M1", "M2").replace('"test"', '"second"')
    (folder / "second.toml").write_text(second)
    monkeypatch.setenv("MONITOR_POLICIES", "second.toml,policies/test.toml")
    names = [policy.name for policy in load_configuration(config(folder)).policies]
    assert names == ["second", "test"]


def test_settings_cannot_be_changed(folder: Path) -> None:
    settings = loaded(folder)
    with pytest.raises(ValidationError):
        settings.tick_seconds = 2
    with pytest.raises(ValidationError):
        settings.kafka.username = "x"


def test_every_problem_is_named_at_once_with_its_place(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "policies" / "test.toml").write_text(POLICY.replace("under", "below"))
    path = config(
        folder,
        """
        tick_seconds = true
        _env_file = "x"
        serie_max = 3
        [kafka]
        bootstrap_servers = ["localhost"]
        security_protocol = "TLS"
        bootstrap_server = "a:1"
        [topics]
        orders = "my orders"
        partitions = 0
        retention_days = "a year"
        [notify.receivers.hook]
        kind = "webhook"
        url = "ftp://example.com"
        secret = "sixteen characters"
        [notify.receivers.chat]
        kind = "slak"
        [log]
        format = "xml"
        """,
    )
    monkeypatch.setenv("MONITOR_PROMETHEUS__PORT", "http")
    monkeypatch.setenv("MONITOR_CONSUMER__GRUOP", "x")
    found = {(Path(one.file).name, one.path): one.message for one in refused(path).problems}
    assert set(found) == {
        ("monitor.toml", "tick_seconds"),
        ("monitor.toml", "_env_file"),
        ("monitor.toml", "serie_max"),
        ("monitor.toml", "kafka.bootstrap_servers.0"),
        ("monitor.toml", "kafka.security_protocol"),
        ("monitor.toml", "kafka.bootstrap_server"),
        ("monitor.toml", "topics.orders"),
        ("monitor.toml", "topics.partitions"),
        ("monitor.toml", "topics.retention_days"),
        ("monitor.toml", "notify.receivers.hook.url"),
        ("monitor.toml", "notify.receivers.chat"),
        ("monitor.toml", "log.format"),
        ("environment", "MONITOR_PROMETHEUS__PORT"),
        ("environment", "MONITOR_CONSUMER__GRUOP"),
        ("test.toml", "metrics.refund_rate.limit"),
    }
    assert "bootstrap_servers" in found["monitor.toml", "kafka.bootstrap_server"]


def test_settings_without_policies_are_refused(folder: Path) -> None:
    assert set(problems(config(folder, policies="[]"))) == {"policies"}
    (folder / "empty.toml").write_text("")
    assert problems(folder / "empty.toml") == {"policies": "is required"}


def test_a_pattern_that_finds_nothing_is_a_problem(folder: Path) -> None:
    path = config(folder, policies='["policies/*.toml", "polices/*.toml"]')
    assert set(problems(path)) == {"policies.1"}


@pytest.mark.parametrize("text", [None, "x", '[kafka]\nusername = "'])
def test_a_file_that_cannot_be_read_is_a_problem(folder: Path, text: str | None) -> None:
    path = folder / "broken.toml"
    if text is not None:
        path.write_text(text)
    assert [problem.file for problem in refused(path).problems] == [str(path)]


def test_a_section_in_the_environment_must_be_json(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MONITOR_KAFKA", f'{{"password": "{SECRET}"')
    error = refused(config(folder))
    assert [problem.path for problem in error.problems] == ["MONITOR_KAFKA"]
    assert SECRET not in everything_said(error)


def test_a_variable_that_is_no_setting_is_a_warning(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MONITOR_KAFKA_USERNAME", "x")
    found = load_configuration(config(folder)).warnings
    assert [(one.file, one.path) for one in found] == [("environment", "MONITOR_KAFKA_USERNAME")]


def test_topics_must_differ(folder: Path) -> None:
    assert set(problems(config(folder, 'topics.claims = "orders"'))) == {"topics.claims"}


def test_raw_inputs_are_named_in_the_file_or_the_environment(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert loaded(folder).topics.raw_inputs == ()
    path = config(folder, 'topics.raw_inputs = ["shop-events", "claims.v2"]')
    configuration = load_configuration(path)
    assert configuration.settings.topics.raw_inputs == ("shop-events", "claims.v2")
    assert worker_settings(configuration).raw_inputs == ("shop-events", "claims.v2")
    monkeypatch.setenv("MONITOR_TOPICS__RAW_INPUTS", "a, b")
    assert load_configuration(path).settings.topics.raw_inputs == ("a", "b")


@pytest.mark.parametrize(
    ("names", "place", "message"),
    [
        ('["orders"]', "topics.raw_inputs", "the monitor's own topic orders"),
        ('["dead-letters"]', "topics.raw_inputs", "the monitor's own topic dead_letters"),
        ('["a", "b", "a"]', "topics.raw_inputs", "a is named twice"),
        ('["a b"]', "topics.raw_inputs.0", "must be a topic name"),
    ],
)
def test_raw_inputs_that_cannot_be_are_refused(
    folder: Path, names: str, place: str, message: str
) -> None:
    found = problems(config(folder, f"topics.raw_inputs = {names}"))
    assert set(found) == {place}
    assert message in found[place]


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ('security_protocol = "SASL_SSL"', {"kafka.username", "kafka.password"}),
        ('security_protocol = "SSL"\nssl_cafile = "no.pem"', {"kafka.ssl_cafile"}),
        (
            'security_protocol = "SSL"\nssl_keyfile = "no.pem"',
            {"kafka.ssl_certfile", "kafka.ssl_keyfile"},
        ),
    ],
)
def test_a_login_that_lacks_something_is_refused(folder: Path, text: str, places: set[str]) -> None:
    assert set(problems(config(folder, f"[kafka]\n{text}"))) == places


def test_a_login_that_cannot_help_is_a_warning(folder: Path) -> None:
    text = 'username = "u"\npassword = "p"\nssl_cafile = "monitor.toml"'
    found = warnings(config(folder, f"[kafka]\n{text}"))
    assert set(found) == {"kafka.username", "kafka.password", "kafka.ssl_cafile"}


def test_a_password_that_travels_in_clear_is_a_warning(folder: Path) -> None:
    (folder / "pw").write_text(SECRET)
    text = 'security_protocol = "SASL_PLAINTEXT"\nusername = "u"\npassword_file = "pw"'
    assert set(warnings(config(folder, f"[kafka]\n{text}"))) == {"kafka.sasl_mechanism"}


def test_check_reports_settings_and_policies_together(folder: Path) -> None:
    doubtful = folder / "doubtful.toml"
    doubtful.write_text(POLICY.replace('approach = "8%"', ""))
    report = check(config(folder), [doubtful])
    assert report.problems == ()
    assert [found.path for found in report.warnings] == ["metrics.refund_rate.approach"]
    assert [policy.name for policy in report.policies] == ["test", "test"]


def test_check_names_the_problems_of_settings_and_policies(folder: Path) -> None:
    report = check(config(folder, "topics.partitions = 0"), [folder / "missing.toml"])
    places = [(Path(found.file).name, found.path) for found in report.problems]
    assert places == [("monitor.toml", "topics.partitions"), ("missing.toml", "")]


def test_check_of_policies_alone_needs_no_settings(folder: Path) -> None:
    report = check(None, [folder / "policies" / "test.toml"])
    assert (report.problems, report.warnings) == ((), ())
