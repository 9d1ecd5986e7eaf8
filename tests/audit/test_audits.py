"""Alerts decided once more from topics in memory: the same, or what was tampered with and why."""

import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import pytest
from msgspec.structs import replace

from monitor.audit.alert_audit import AlertAudit, audit_alert
from monitor.audit.alert_id import AlertId
from monitor.audit.comparison import Between, Comparison, compare
from monitor.audit.comparison_report import text as compared
from monitor.audit.comparison_report import textfile
from monitor.audit.html_report import html
from monitor.audit.range_audit import Asked, RangeAudit, audit_range
from monitor.audit.reports import as_json, text
from monitor.core.alert_records import AlertRecord, MetricRecord, decode_record
from monitor.core.instants import parse_instant
from monitor.errors import NothingToExplain, UnknownPolicy, UnreadableSource
from tests.audit.test_bundle import cancelled, placed
from tests.audit.world import World
from tests.policies.documents import parsed, table

RATE = "S1/M1/pre_fulfilment_cancel_rate/30"
BEGIN, END = "2026-03-02T00:00:00Z", "2026-03-09T00:00:00Z"
Change = Callable[[AlertRecord], AlertRecord]


@pytest.fixture
def world() -> World:
    """A seller who cancels twice and gets better, beside one who never does."""
    world = World(parsed({"pre_fulfilment_cancel_rate": table("pre_fulfilment_cancel_rate")}))
    world.at("2026-03-02T08:30:00Z", *(placed(f"o{n}") for n in range(4)), placed("p", seller="S2"))
    world.at("2026-03-02T09:00:00Z", cancelled("o1"))
    world.at("2026-03-02T10:00:00Z", cancelled("o2", "2026-03-02T10:00:00Z"))
    world.at("2026-03-03T08:00:00Z", *(placed(f"n{n}") for n in range(400)))
    # It has to be better for three days.
    world.at("2026-03-06T08:00:00Z")
    assert [(one.seller, one.to) for one in world.said] == [("S1", "breached"), ("S1", "ok")]
    return world


def audited(world: World, number: int = 1) -> AlertAudit:
    return audit_alert(world.open_log, AlertId(RATE, number), (), "1.0")


def ranged(world: World, seller: str, begin: str = BEGIN, end: str = END) -> RangeAudit:
    asked = Asked(seller, parse_instant(begin), parse_instant(end))
    return audit_range(world.open_log, asked, "1.0")


def comparison(world: World, program: str = "1.0") -> Comparison:
    return compare(world.open_log, Between(), program)


def tamper(world: World, number: int, change: Change | None) -> None:
    """Change a record of the log, or leave it out."""
    log = world.topics["alerts"]
    for index, one in enumerate(log):
        record = decode_record(one.value or b"")
        if record.seq == number:
            if change is None:
                del log[index]
            else:
                log[index] = one._replace(value=change(record).encode())
            return


def more_hits(record: AlertRecord) -> AlertRecord:
    assert isinstance(record, MetricRecord)
    return replace(record, numerator=record.numerator + 1)


def test_a_record_comes_out_once_more_with_all_that_is_behind_it(world: World) -> None:
    found = audited(world)
    assert found.is_same
    assert found.decided_again == "yes, from the seller's whole past"
    assert [one.id for one in found.behind if one.in_numerator] == ["o1"]
    assert len(found.behind) == 4
    (plot,) = found.plots
    assert [(one.numerator, one.denominator) for one in plot.samples] == [(0, 4), (1, 4)]
    assert plot.changes == (("2026-03-02T09:00:00Z", "breached"),)


def test_a_range_without_an_alert_says_how_near_it_came(world: World) -> None:
    found = ranged(world, "S2")
    assert found.is_same
    assert found.verdicts == ()
    (near,) = found.closest
    assert (near.numerator, near.denominator, near.level) == (0, 1, "ok")
    assert "no alert was said, and none was due" in text(found)


def test_a_range_begins_with_what_was_so_before_it(world: World) -> None:
    found = ranged(world, "S1", begin="2026-03-02T12:00:00Z")
    assert [one.to for one in found.verdicts] == ["ok"]
    (near,) = found.closest
    # Nothing was worse in the range than what it began with.
    assert (near.numerator, near.denominator) == (2, 4)
    assert near.as_of == "2026-03-02T12:00:00Z"


@pytest.mark.parametrize(
    ("seller", "metric"), [("S9", None), ("S1", "pre_fulfillment_cancel_rate")]
)
def test_a_series_that_does_not_exist_proves_nothing(
    world: World, seller: str, metric: str | None
) -> None:
    asked = Asked(seller, parse_instant(BEGIN), parse_instant(END), None, metric)
    with pytest.raises(NothingToExplain, match=metric or seller):
        audit_range(world.open_log, asked, "1.0")


@pytest.mark.parametrize(
    ("year", "why"), [("2020", "begins later"), ("2027", "ends at 2026-03-06T08:00:00Z")]
)
def test_a_range_in_which_nothing_was_decided_proves_nothing(
    world: World, year: str, why: str
) -> None:
    with pytest.raises(UnreadableSource, match=why):
        ranged(world, "S2", f"{year}-01-01T00:00:00Z", f"{year}-12-31T00:00:00Z")


def test_a_quiet_range_between_two_points_is_still_proven(world: World) -> None:
    found = ranged(world, "S2", "2026-03-04T00:00:00Z", "2026-03-05T00:00:00Z")
    assert (found.points, found.verdicts) == (0, ())
    assert [one.level for one in found.closest] == ["ok"]


def test_all_bad_orders_come_first_however_many_they_are() -> None:
    metrics = {"pre_fulfilment_cancel_rate": table("pre_fulfilment_cancel_rate")}
    world = World(parsed(metrics))
    world.at("2026-03-02T08:30:00Z", *(placed(f"o{n:02}") for n in range(60)))
    world.at("2026-03-02T09:00:00Z", *(cancelled(f"o{n:02}") for n in range(0, 60, 2)))
    assert [one.in_numerator for one in audited(world).behind] == [True] * 30 + [False] * 30


def test_each_record_read_is_accounted_for(world: World) -> None:
    world._log("orders", b"S1", b"no event")
    world.at("2026-03-07T08:00:00Z", placed("o0"), cancelled("n0", "2026-03-07T08:00:00Z"))
    balance = ranged(world, "S1").balance
    assert balance.adds_up
    assert (balance.read, balance.redundant, balance.invalid) == (4 + 2 + 400 + 3, 1, 1)


@pytest.mark.parametrize(
    ("change", "outcome", "cause"),
    [
        (more_hits, "different", "unexplained"),
        (lambda one: replace(one, as_of="2026-03-02T09:00:01Z"), "moved", "clock"),
        (lambda one: replace(one, policy="f" * 64), "different", "unexplained"),
        (
            lambda one: replace(more_hits(one), as_of="2026-03-02T09:00:01Z"),
            "moved",
            "unexplained",
        ),
        (None, "missing", "unexplained"),
    ],
)
def test_whatever_is_done_to_the_log_is_named(
    world: World, change: Change | None, outcome: str, cause: str
) -> None:
    assert comparison(world).outcomes == {"same": 2}
    tamper(world, 1, change)
    for verdicts in (comparison(world).verdicts, ranged(world, "S1").verdicts):
        (verdict,) = [one for one in verdicts if one.outcome != "same"]
        assert (verdict.id, verdict.outcome, verdict.cause) == (f"{RATE}#1", outcome, cause)


def test_an_alert_that_was_never_due_is_extra(world: World) -> None:
    first = decode_record(world.topics["alerts"][0].value or b"")
    chain = replace(first.chain, n=3)
    forged = replace(first, seq=9, chain=chain, as_of="2026-03-03T08:00:00Z")
    world._log("alerts", b"S1", forged.encode())
    found = comparison(world)
    assert found.outcomes == {"extra": 1, "same": 2}
    assert found.verdicts[0].id == f"{RATE}#9"
    assert found.verdicts[0].where == "alerts[0]@2"


def test_another_version_explains_what_it_decides_otherwise(world: World) -> None:
    tamper(world, 1, more_hits)
    found = comparison(world, program="2.0")
    assert (found.causes["program version"], found.unexplained) == (1, 0)
    assert "decided it, 2.0 once more" in compared(found)


def test_a_record_that_counts_what_had_not_arrived_is_explained(world: World) -> None:
    world.append(cancelled("o3", "2026-03-02T08:50:00Z"))
    late = audited(world).late
    assert late.events == 400 + 1
    tamper(world, 1, lambda one: replace(one, **late.figures))
    assert audited(world).verdict.cause == "late event"
    assert comparison(world).causes["late event"] == 1


def test_what_retention_took_is_named_and_not_guessed(world: World) -> None:
    del world.topics["orders"][0]
    with pytest.raises(UnreadableSource, match=r"retention has taken orders\[0\] offsets 0 to 0"):
        ranged(world, "S1")
    with pytest.raises(UnreadableSource, match="retention has taken"):
        comparison(world)
    found = audited(world)
    assert found.decided_again.startswith("no: what was decided")


def test_a_policy_that_nobody_published_is_named(world: World) -> None:
    metrics = {"pre_fulfilment_cancel_rate": table("pre_fulfilment_cancel_rate")}
    world.policy = parsed(metrics, retention_days=500)
    with pytest.raises(UnknownPolicy, match="has no policy"):
        comparison(world)


class _Tags(HTMLParser):
    """The tags of a page, and what it would fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.fetched: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.fetched += [str(value) for name, value in attrs if name in ("src", "href")]


HOSTILE = "<script>alert(1)</script>\x1b[2J"


def test_a_page_shows_hostile_text_as_text_and_fetches_nothing() -> None:
    metrics = {"pre_fulfilment_cancel_rate": table("pre_fulfilment_cancel_rate")}
    world = World(parsed(metrics))
    world.at("2026-03-02T08:30:00Z", *(placed(f"o{n}{HOSTILE}") for n in range(4)))
    world.at("2026-03-02T09:00:00Z", cancelled(f"o1{HOSTILE}"))
    for found in (audited(world), ranged(world, "S1")):
        page = _Tags()
        page.feed(html(found))
        assert "svg" in page.tags
        assert "script" not in page.tags
        assert page.fetched == []
    assert "&lt;script&gt;" in html(audited(world))
    assert "\x1b" not in text(audited(world))


def test_what_is_left_for_prometheus_counts_each_cause(world: World) -> None:
    tamper(world, 1, more_hits)
    told = textfile(comparison(world), 1772700000.5)
    samples = dict(re.findall(r"^(seller_health_compare_\S+) (\S+)$", told, re.MULTILINE))
    assert samples['seller_health_compare_differences{cause="unexplained"}'] == "1"
    assert samples['seller_health_compare_differences{cause="clock"}'] == "0"
    assert samples["seller_health_compare_unexplained"] == "1"
    assert samples["seller_health_compare_last_run_timestamp_seconds"] == "1772700000"


def test_json_has_what_text_has(world: World) -> None:
    told: dict[str, Any] = json.loads(as_json(audited(world)))
    assert told["verdict"]["outcome"] == "same"
    assert told["record"]["alert"] == RATE
