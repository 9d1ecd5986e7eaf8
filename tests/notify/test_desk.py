"""The desk: how urgent a record is by its policy, who is told of it, and in which words."""

from dataclasses import replace
from zoneinfo import ZoneInfo

import msgspec
import pytest

from monitor.core.alert_records import AlertRecord
from monitor.core.readings import Level
from monitor.core.rules import AlertRule, Era, Rulebook, Severity
from monitor.notify.desk import desk_of, judge_of
from monitor.notify.notification import Notification
from monitor.notify.reader import TextStyle
from monitor.notify.routing import Route, Routing
from tests.stream.delivery.fakes import NOON, record
from tests.stream.live import one_metric_rulebook

METRIC = "pre_fulfilment_cancel_rate"


def rulebook(**alert: object) -> Rulebook:
    """The rules of one metric, whose alerts are as given."""
    (era,) = one_metric_rulebook().eras["*"]
    (rule,) = era.rules.metrics
    changed = replace(rule, runbook="Look into it.", alert=AlertRule(**alert))  # type: ignore[arg-type]
    return Rulebook({"*": (Era(None, replace(era.rules, metrics=(changed,))),)})


@pytest.mark.parametrize(
    ("level", "severity"),
    [(Level.BREACHED, "warning"), (Level.APPROACHING, "info"), (Level.OK, "warning")],
)
def test_how_urgent_a_record_is_says_the_policy(level: Level, severity: Severity) -> None:
    judge = judge_of(
        rulebook(severity_breached="warning", severity_approaching="info", volume_min=30)
    )
    item = judge(record(2, level, from_=Level.BREACHED, metric=METRIC), record(1, metric=METRIC))
    assert (item.severity, item.runbook, item.volume_min) == (severity, "Look into it.", 30)
    assert item.previous == record(1, metric=METRIC)


def counted(denominator: int, found: AlertRecord) -> AlertRecord:
    return msgspec.structs.replace(found, denominator=denominator)


def test_a_closing_with_little_left_to_count_is_as_severe_as_what_was_told() -> None:
    judge = judge_of(rulebook(volume_min=30, page_below_volume_min=False))
    opened = record(1, metric=METRIC)
    closed = record(2, Level.OK, from_=Level.BREACHED, metric=METRIC)
    assert judge(counted(30, opened), None).severity == "critical"
    assert judge(counted(29, closed), counted(30, opened)).severity == "critical"
    assert judge(counted(29, opened), None).severity == "info"
    assert judge(counted(30, closed), counted(29, opened)).severity == "info"


def test_a_record_of_what_no_policy_names_any_more_is_information() -> None:
    assert judge_of(rulebook())(record(1, metric="gone"), None).severity == "info"
    assert judge_of(Rulebook({}))(record(1), None).severity == "info"


def test_each_receiver_is_told_by_its_routes_and_in_its_own_time_zone() -> None:
    tokyo = TextStyle(zone=ZoneInfo("Asia/Tokyo"))
    routing = Routing((Route("critical", frozenset({"pager"}), sellers=("s1",)),))
    desk = desk_of(rulebook(), {"pager": tokyo, "mail": TextStyle()}, routing)
    item = desk.judge(record(1, metric=METRIC), None)
    assert desk.rule(item, "pager", NOON).outcome == "deliver"
    assert desk.rule(item, "mail", NOON).outcome == "unrouted"
    (section,) = desk.compose(Notification((item,)), "pager").sections
    assert section.severity == "critical"
    assert METRIC.replace("_", " ") in section.headline
