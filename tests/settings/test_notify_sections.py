"""Routes, mute times and readers in the settings: what they become, and what is refused."""

import os
from datetime import date
from pathlib import Path
from textwrap import dedent
from zoneinfo import ZoneInfo

import pytest

from monitor.core.instants import HOUR, parse_instant
from monitor.errors import ConfigError
from monitor.live import delivery_plan
from monitor.notify.configured import routing_of, styles_of
from monitor.notify.notification import Notification
from monitor.notify.routing import decide
from monitor.settings import load_configuration
from monitor.settings.load import Configuration
from monitor.settings.notify_sections import NotifySection
from monitor.stream.clock import EventClock
from tests.notify.messages import item, metric

ROOT = Path(__file__).resolve().parents[2]
NIGHT = parse_instant("2018-03-01T22:30:00Z")

RECEIVERS = """
[notify.receivers.pager]
kind = "console"
[notify.receivers.team]
kind = "console"
time_zone = "Asia/Tokyo"
"""
SOUND = (
    RECEIVERS
    + """
[notify]
time_zone = "Europe/Berlin"
status_page_url = "https://status.example.com/{seller}"
subjects_shown = 1

[[notify.routes]]
receivers = ["pager"]
severities = ["critical"]

[[notify.routes]]
receivers = ["team", "pager"]
sellers = ["shop-*", "shop"]
metrics = ["order_*", "reply"]
mute_times = ["night"]

[notify.mute_times.night]
weekdays = ["mon", "thu"]
dates = [2026-12-25, "2026-12-26"]
from = 22:00:00
to = "07:30"
"""
)


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.upper().startswith("MONITOR_")]:
        monkeypatch.delenv(name)


def configured(folder: Path, text: str) -> Configuration:
    path = folder / "monitor.toml"
    policy = ROOT / "config" / "policies" / "amazon-current.toml"
    path.write_text(f'policies = ["{policy}"]\n{dedent(text)}')
    return load_configuration(path)


def notify(folder: Path, text: str) -> NotifySection:
    return configured(folder, text).settings.notify


def problems(folder: Path, text: str) -> dict[str, str]:
    with pytest.raises(ConfigError) as refused:
        configured(folder, text)
    return {problem.path: problem.message for problem in refused.value.problems}


def warnings(folder: Path, text: str) -> dict[str, str]:
    return {found.path: found.message for found in configured(folder, text).warnings}


def test_routes_are_named_by_their_place_and_hold_their_mute_times(tmp_path: Path) -> None:
    first, second = routing_of(notify(tmp_path, SOUND)).routes
    assert first.name == "notify.routes.0"
    assert first.receivers == {"pager"}
    assert first.severities == {"critical"}
    assert second.sellers == ("shop-*", "shop")
    (night,) = second.mute_times
    assert (night.name, night.zone) == ("night", ZoneInfo("Europe/Berlin"))
    assert (night.from_minute, night.to_minute) == (22 * 60, 7 * 60 + 30)
    assert night.weekdays == {0, 3}
    assert night.dates == {date(2026, 12, 25), date(2026, 12, 26)}


def test_what_is_configured_decides(tmp_path: Path) -> None:
    routing = routing_of(notify(tmp_path, SOUND))
    found = item(metric(seller="shop-1"), "warning")
    muted = decide(found, "team", NIGHT, routing, ())
    assert (muted.outcome, muted.by) == ("muted", "night")
    assert muted.until == parse_instant("2018-03-02T06:30:00Z")
    assert decide(found, "team", NIGHT - 10 * HOUR, routing, ()).outcome == "deliver"
    assert decide(item(metric(seller="shop-1")), "pager", NIGHT, routing, ()).outcome == "deliver"


def test_each_receiver_has_its_own_clock_or_that_of_all(tmp_path: Path) -> None:
    styles = styles_of(notify(tmp_path, SOUND), ("monitor", "explain"))
    assert styles["pager"].zone == ZoneInfo("Europe/Berlin")
    assert styles["team"].zone == ZoneInfo("Asia/Tokyo")
    assert styles["pager"].status_page_url == "https://status.example.com/{seller}"
    assert styles["pager"].subjects_shown == 1
    assert styles["pager"].explain == ("monitor", "explain")


def test_the_worker_tells_by_routes_and_in_these_words(tmp_path: Path) -> None:
    configuration = configured(tmp_path, SOUND)
    desk = delivery_plan(configuration, EventClock(0)).desk
    found = item(metric(seller="shop-1"))
    assert desk.rule(found, "team", NIGHT).outcome == "muted"
    said = desk.compose(Notification((found,)), "pager")
    assert said.links[0].url == "https://status.example.com/shop-1"
    assert f"--policy {configuration.settings.policies[0]} --as-of" in said.sections[0].lines[-1]


@pytest.mark.parametrize(
    "other",
    [
        'kafka.security_protocol = "SSL"',
        'topics.orders = "my-orders"',
    ],
)
def test_a_command_that_would_not_get_at_the_orders_is_not_told(tmp_path: Path, other: str) -> None:
    configuration = configured(tmp_path, f"{other}\n{SOUND}")
    desk = delivery_plan(configuration, EventClock(0)).desk
    (said,) = desk.compose(Notification((item(metric()),)), "pager").sections
    assert not [line for line in said.lines if "monitor explain" in line]


def test_every_fault_is_named_at_once_with_its_place(tmp_path: Path) -> None:
    found = problems(
        tmp_path,
        RECEIVERS
        + """
        [notify]
        time_zone = "Europe/Brelin"
        status_page_url = "https://example.com/{shop}"
        grafana_url = "https://{seller}.example.com/"
        subjects_shown = 21
        webhook_url = "https://example.com"
        [[notify.routes]]
        receivers = []
        severities = ["fatal"]
        seller = "x"
        [notify.mute_times.night]
        time_zone = "Mars/Olympus"
        weekdays = ["monday"]
        dates = ["25.12."]
        from = "22"
        to = 07:00:30
        [notify.mute_times.ever]
        [notify.mute_times.never]
        from = "07:00"
        to = "07:00"
        """,
    )
    assert set(found) == {
        "notify.time_zone",
        "notify.status_page_url",
        "notify.grafana_url",
        "notify.subjects_shown",
        "notify.webhook_url",
        "notify.routes.0.receivers",
        "notify.routes.0.severities.0",
        "notify.routes.0.seller",
        "notify.mute_times.night.time_zone",
        "notify.mute_times.night.weekdays.0",
        "notify.mute_times.night.dates.0",
        "notify.mute_times.night.from",
        "notify.mute_times.night.to",
        "notify.mute_times.ever",
        "notify.mute_times.never",
    }
    assert "did you mean sellers?" in found["notify.routes.0.seller"]
    assert "mutes for ever" in found["notify.mute_times.ever"]


def test_names_that_nobody_has_are_refused(tmp_path: Path) -> None:
    found = problems(
        tmp_path,
        RECEIVERS
        + """
        [[notify.routes]]
        receivers = ["team", "pagre"]
        metrics = ["order_defekt_rate", "late_*", "early_*"]
        mute_times = ["nigth", "night"]
        [notify.mute_times.night]
        from = "22:00"
        to = "07:00"
        """,
    )
    assert set(found) == {
        "notify.routes.0.receivers.1",
        "notify.routes.0.metrics.0",
        "notify.routes.0.metrics.2",
        "notify.routes.0.mute_times.0",
        "notify.receivers.pager",
    }
    assert "did you mean pager?" in found["notify.routes.0.receivers.1"]
    assert "did you mean order_defect_rate?" in found["notify.routes.0.metrics.0"]
    assert "did you mean night?" in found["notify.routes.0.mute_times.0"]
    assert "no route names it" in found["notify.receivers.pager"]


def test_a_mute_time_that_mutes_nothing_is_a_warning(tmp_path: Path) -> None:
    text = f'{RECEIVERS}\n[notify.mute_times.weekend]\nweekdays = ["sat", "sun"]'
    assert set(warnings(tmp_path, text)) == {"notify.mute_times.weekend"}


def test_a_route_for_a_marketplace_of_no_policy_is_a_warning(tmp_path: Path) -> None:
    route = '[[notify.routes]]\nreceivers = "pager, team"\nmarketplaces = ["ATV*", "DE"]'
    assert set(warnings(tmp_path, f"{RECEIVERS}\n{route}")) == {"notify.routes.0.marketplaces.1"}


@pytest.mark.parametrize(
    "template",
    [
        "https://example.com/{seller!r}",
        "https://example.com/{seller:>9}",
        "https://example.com/{seller.name}",
        "https://example.com/{0}",
        "https://example.com/{seller",
        "https://example.com/{}",
        "example.com/{seller}",
        "javascript:alert({seller})",
    ],
)
def test_a_link_that_is_none_is_refused(tmp_path: Path, template: str) -> None:
    assert set(problems(tmp_path, f"notify.grafana_url = '{template}'")) == {"notify.grafana_url"}


def test_lists_can_be_given_in_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MONITOR_NOTIFY__MUTE_TIMES__NIGHT__WEEKDAYS", "sat, sun")
    monkeypatch.setenv("MONITOR_NOTIFY__TIME_ZONE", "Asia/Tokyo")
    found = notify(tmp_path, RECEIVERS)
    assert found.mute_times["night"].weekdays == ("sat", "sun")
    assert found.time_zone == "Asia/Tokyo"


def test_all_that_the_shipped_file_shows_is_understood(tmp_path: Path) -> None:
    shown = (ROOT / "config" / "monitor.toml").read_text().partition("\n[notify]")[2]
    keys = shown.partition("\n[log]")[0].splitlines()
    is_code = [line for line in keys if line.startswith(("# [", "# ")) and _is_code(line)]
    text = "[notify]\n" + "\n".join(line.removeprefix("# ") for line in is_code)
    # A fault of ours is the only one.
    found = problems(tmp_path, text.replace("2026-12-25", '"no date"'))
    assert set(found) == {"notify.mute_times.night.dates.0"}


def _is_code(line: str) -> bool:
    said = line.removeprefix("# ")
    return said.startswith("[") or (" = " in said and said.split(" = ")[0].isidentifier())
