"""What the metrics page says of feeds that are silent, and of policies that end."""

from pathlib import Path

import pytest

from monitor.core.engine import Engine
from monitor.core.instants import SECOND, Instant, parse_instant
from monitor.core.rules import Rulebook
from monitor.exporter import collect
from monitor.policy import load_policies
from monitor.snapshot import Snapshot
from tests.core.test_engine import event
from tests.exporter.test_exporter import values

POLICY = """
name = "{name}"
{header}
[marketplaces.{marketplace}]
time_zone = "Europe/Berlin"
[metrics.pre_fulfilment_cancel_rate]
windows = [30]
limit = "at most {limit}%"
source = "https://marketplace.example/rules"
runbook = "Cancel less."
"""


@pytest.fixture
def rulebook(tmp_path: Path) -> Rulebook:
    """A marketplace whose feeds are watched and whose policy ends; and one without either."""
    files = {
        "old": ("de", "heartbeat_hours = 6", 3),
        "new": ("de", "valid_from = 2026-12-01", 2),
        "other": ("us", "", 2),
    }
    for name, (marketplace, header, limit) in files.items():
        text = POLICY.format(name=name, header=header, marketplace=marketplace, limit=limit)
        (tmp_path / f"{name}.toml").write_text(text)
    return load_policies(sorted(tmp_path.iterdir()))


def page(rulebook: Rulebook, engine: Engine) -> str:
    found = Snapshot(engine.now, (), (), (), silent_sellers=engine.silent_sellers)
    return collect(found, rulebook).decode()


def heard(rulebook: Rulebook, *, until: str) -> Engine:
    """Two sellers with heartbeats at noon, one of them at eight in the evening too."""
    engine = Engine(rulebook, parse_instant("2026-11-20T12:00:00Z"))
    beats = [("s1", "12:00"), ("s2", "12:00"), ("s2", "20:00")]
    for seller, time in beats:
        at = f"2026-11-20T{time}:00Z"
        engine.advance(parse_instant(at))
        engine.apply([event("heartbeat", at, seller=seller, marketplace="de")], "orders")
        engine.changed()
    engine.advance(parse_instant(until))
    engine.changed()
    return engine


def test_sellers_whose_feeds_are_silent_are_counted(rulebook: Rulebook) -> None:
    silent = values(
        page(rulebook, heard(rulebook, until="2026-11-20T20:00:00Z")),
        "seller_health_silent_sellers",
    )
    assert silent == {("de",): 1}


def test_where_feeds_are_watched_and_none_is_silent_the_count_is_zero(rulebook: Rulebook) -> None:
    engine = Engine(rulebook, parse_instant("2026-11-20T12:00:00Z"))
    assert values(page(rulebook, engine), "seller_health_silent_sellers") == {("de",): 0}


def seconds(at: str) -> float:
    instant: Instant = parse_instant(at)
    return instant / SECOND


def test_the_end_of_a_policy_is_told_while_another_one_follows(rulebook: Rulebook) -> None:
    name = "seller_health_policy_end_timestamp_seconds"
    before = Engine(rulebook, parse_instant("2026-11-20T12:00:00Z"))
    assert values(page(rulebook, before), name) == {("de", "old"): seconds("2026-11-30T23:00:00Z")}
    after = Engine(rulebook, parse_instant("2026-11-30T23:00:00Z"))
    assert values(page(rulebook, after), name) == {}
