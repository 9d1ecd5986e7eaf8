"""What a policy says of alerts: holds, margins, severities, deadlines, heartbeats."""

from decimal import Decimal
from typing import Any

import pytest

from monitor.core.instants import HOUR, SECOND
from monitor.core.metrics import METRICS
from monitor.core.rules import AlertRule, DeadlineRule
from monitor.policy import parse_policy, restore_policy
from tests.policies.documents import document, metric_problems, parsed, problems, rule, table

MINUTE = 60 * SECOND
FULL: dict[str, Any] = {
    "hold_minutes": Decimal("7.5"),
    "recovery_hold_hours": 24,
    "clear_margin": 3,
    "approach_headroom": 3,
    "volume_min": 50,
    "page_below_volume_min": False,
    "repeat_every_hours": 168,
    "severity_approaching": "info",
    "severity_breached": "warning",
}


@pytest.mark.parametrize("metric", METRICS)
def test_without_a_table_alerts_open_at_once_and_close_after_three_days_with_a_margin_of_two(
    metric: str,
) -> None:
    assert rule(metric).alert == AlertRule(
        hold=0,
        recovery_hold=72 * HOUR,
        clear_margin=2,
        approach_headroom=None,
        volume_min=0,
        page_below_volume_min=True,
        repeat_every=None,
        severity_approaching="warning",
        severity_breached="critical",
    )


def test_everything_that_can_be_said_of_an_alert_is_heard() -> None:
    assert rule("refund_rate", alert=FULL).alert == AlertRule(
        hold=7 * MINUTE + 30 * SECOND,
        recovery_hold=24 * HOUR,
        clear_margin=3,
        approach_headroom=3,
        volume_min=50,
        page_below_volume_min=False,
        repeat_every=168 * HOUR,
        severity_approaching="info",
        severity_breached="warning",
    )


def test_deadlines_are_watched_for_the_kinds_that_have_a_table() -> None:
    assert parsed().marketplaces["M1"].deadlines == {}
    found = parsed(deadlines={"reply": {"warn_before_hours": 2}, "shipment": {"runbook": "Ship."}})
    assert found.marketplaces["M1"].deadlines == {
        "reply": DeadlineRule(warn_before=2 * HOUR),
        "shipment": DeadlineRule(warn_before=6 * HOUR, runbook="Ship."),
    }


def test_heartbeats_are_watched_where_the_policy_says_how_long_one_may_take() -> None:
    assert parsed().marketplaces["M1"].heartbeat_within is None
    assert parsed(heartbeat_hours=6).marketplaces["M1"].heartbeat_within == 6 * HOUR


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("hold_minutes", -1),
        ("hold_minutes", "5"),
        ("recovery_hold_hours", Decimal("NaN")),
        ("clear_margin", -1),
        ("clear_margin", True),
        ("approach_headroom", Decimal("0.5")),
        ("volume_min", -1),
        ("page_below_volume_min", "no"),
        ("repeat_every_hours", -1),
        ("severity_approaching", "page"),
        ("severity_breached", None),
    ],
)
def test_what_cannot_be_said_of_an_alert_is_refused(key: str, value: Any) -> None:
    found = metric_problems("refund_rate", alert={key: value})
    assert set(found) == {f"metrics.refund_rate.alert.{key}"}


def test_every_problem_of_alerts_and_deadlines_is_named_at_once_with_its_path() -> None:
    broken = document(
        {"refund_rate": table("refund_rate", limit="1", alert={"hold_minutse": 1})},
        deadlines={"shipmnet": {}, "reply": {"warn_before": 1}, "claim_answer": 3},
        heartbeat_hours="6",
    )
    assert problems(broken) == {
        "metrics.refund_rate.limit": 'must be a text such as "under 4%"',
        "metrics.refund_rate.alert.hold_minutse": "unknown key (did you mean hold_minutes?)",
        "deadlines.shipmnet": "unknown kind of item (did you mean shipment?);"
        " there are shipment, reply, return_answer, claim_answer",
        "deadlines.reply.warn_before": "unknown key (did you mean warn_before_hours?)",
        "deadlines.claim_answer": "must be a table",
        "heartbeat_hours": "must be a number of hours",
    }
    assert "deadlines" in problems(document(deadlines=[]))
    assert "metrics.refund_rate.alert" in metric_problems("refund_rate", alert=3)


@pytest.mark.parametrize("key", FULL)
def test_each_word_on_an_alert_changes_the_digest(key: str) -> None:
    plain = parsed({"refund_rate": table("refund_rate")}).digest
    assert parsed({"refund_rate": table("refund_rate", alert={key: FULL[key]})}).digest != plain


@pytest.mark.parametrize(
    "own",
    [
        {"heartbeat_hours": 6},
        {"deadlines": {"shipment": {}}},
        {"deadlines": {"shipment": {"warn_before_hours": 5}}},
        {"deadlines": {"shipment": {"runbook": "Ship."}}},
    ],
)
def test_each_word_on_deadlines_changes_the_digest(own: dict[str, Any]) -> None:
    others = [parsed().digest, parsed(deadlines={"shipment": {"severity_breached": "info"}}).digest]
    assert parsed(**own).digest not in others


def test_a_default_that_is_written_out_leaves_the_digest() -> None:
    spelled = parsed({"late_shipment_rate": table("late_shipment_rate", alert={"hold_minutes": 0})})
    assert spelled.digest == parsed().digest
    told = parsed(deadlines={"reply": {"warn_before_hours": Decimal("4.0")}})
    assert told.digest == parsed(deadlines={"reply": {}}).digest


def test_rules_of_alerts_come_back_from_the_canonical_form() -> None:
    limits = {"seven_hours": "at least 95%"}
    policy = parsed(
        {"valid_tracking_rate": table("valid_tracking_rate", alert=FULL, by_category=limits)},
        deadlines={"reply": {"warn_before_hours": Decimal("0.1")}, "shipment": {}},
        heartbeat_hours=Decimal("1.5"),
    )
    restored = restore_policy(policy.canonical, "topic")
    assert restored.digest == policy.digest
    assert restored.marketplaces["M1"] == policy.marketplaces["M1"]


def test_limits_may_change_with_alerts_and_what_is_counted_stays() -> None:
    loud = parsed({"late_shipment_rate": table("late_shipment_rate", alert=FULL)})
    assert loud.marketplaces["M1"].counts_like(parsed().marketplaces["M1"])


@pytest.mark.parametrize(
    ("deadline", "path"),
    [
        ({"claim_answer": {}}, "deadlines.claim_answer"),
        ({"return_answer": {}}, "deadlines.return_answer"),
        ({"reply": {"warn_before_hours": 24}}, "deadlines.reply.warn_before_hours"),
    ],
)
def test_a_deadline_that_is_never_due_or_always_warned_of_is_hardly_meant(
    deadline: dict[str, Any], path: str
) -> None:
    tables = {name: table(name) for name in ("contact_response_rate", "order_defect_rate")}
    found = parse_policy(document(tables, deadlines=deadline), "p").warnings
    assert path in {warning.path for warning in found}
