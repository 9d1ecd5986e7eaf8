"""What a policy may not say, and how it is told."""

from decimal import Decimal
from typing import Any

import pytest

from monitor.core.metrics import METRICS
from monitor.core.metrics.metric import SubjectKind
from monitor.core.rules import Comparison
from monitor.policy import (
    parse_policy,
)
from tests.policies.documents import document, metric_problems, parsed, problems, rule, table

ORDER_METRICS = [name for name, found in METRICS.items() if found.subject is SubjectKind.ORDER]


def test_every_problem_is_named_at_once_with_its_path() -> None:
    broken = document(
        {
            "late_shipment_rate": table("late_shipment_rate", approach="5%", reply_hours=1),
            "policy_violations": table("policy_violations", limit="under 3%", windows=[]),
            "late_shipping_rate": {},
        },
        marketplaces={"M1": {"time_zone": "Europe/Brelin", "holidays": "XX"}, "M 2": {}},
        valid_from="2025-02-30",
        retention_days=30,
        nmae="x",
    )
    del broken["name"]
    found = problems(broken)
    assert set(found) == {
        "name",
        "nmae",
        "valid_from",
        "retention_days",
        "marketplaces.M1.time_zone",
        "marketplaces.M1.holidays",
        'marketplaces."M 2"',
        'marketplaces."M 2".time_zone',
        "metrics.late_shipping_rate",
        "metrics.late_shipment_rate.approach",
        "metrics.late_shipment_rate.reply_hours",
        "metrics.policy_violations.limit",
        "metrics.policy_violations.windows",
    }
    assert found["name"] == "is required"
    assert found["nmae"] == "unknown key (did you mean name?)"
    assert "did you mean Europe/Berlin?" in found["marketplaces.M1.time_zone"]
    assert "did you mean late_shipment_rate?" in found["metrics.late_shipping_rate"]
    assert "contact_response_rate" in found["metrics.late_shipment_rate.reply_hours"]


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("key", ["windows", "limit", "source", "runbook"])
def test_each_metric_needs_windows_limit_source_and_runbook(metric: str, key: str) -> None:
    incomplete = table(metric)
    del incomplete[key]
    assert problems(document({metric: incomplete})) == {f"metrics.{metric}.{key}": "is required"}


def test_the_kinds_of_chargeback_have_to_be_given() -> None:
    incomplete = table("order_defect_rate")
    del incomplete["chargeback_kinds"]
    path = "metrics.order_defect_rate.chargeback_kinds"
    assert problems(document({"order_defect_rate": incomplete})) == {path: "is required"}


SAMPLES: dict[str, Any] = {
    "count_on": "order",
    "population": "all",
    "negative_rating_max": 2,
    "guarantee_claims": "all",
    "chargeback_kinds": ["chargeback_fraud"],
    "claim_hours": 72,
    "cancelled_by": ["seller"],
    "excused_reasons": ["x"],
    "answer_hours": 48,
    "scan_grace_hours": 72,
    "by_category": {"shoes": "at least 95%"},
    "reply_hours": 24,
}
OWNERS = {
    "count_on": set(ORDER_METRICS),
    "population": set(ORDER_METRICS),
    "negative_rating_max": {"order_defect_rate", "perfect_order_rate"},
    "guarantee_claims": {"order_defect_rate"},
    "chargeback_kinds": {"order_defect_rate"},
    "claim_hours": {"order_defect_rate"},
    "cancelled_by": {"pre_fulfilment_cancel_rate"},
    "excused_reasons": {"pre_fulfilment_cancel_rate"},
    "answer_hours": {"return_dissatisfaction_rate"},
    "scan_grace_hours": {"valid_tracking_rate"},
    "by_category": {"valid_tracking_rate"},
    "reply_hours": {"contact_response_rate"},
}


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("key", SAMPLES)
def test_a_key_is_taken_by_its_metrics_and_refused_by_the_others(metric: str, key: str) -> None:
    given_table = document({metric: table(metric, **{key: SAMPLES[key]})})
    if metric in OWNERS[key]:
        parse_policy(given_table, "p.toml")
    else:
        assert set(problems(given_table)) == {f"metrics.{metric}.{key}"}


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("word", Comparison)
def test_the_words_of_a_limit_fit_the_bad_side(metric: str, word: Comparison) -> None:
    high = metric not in {
        "perfect_order_rate",
        "on_time_delivery_rate",
        "valid_tracking_rate",
        "contact_response_rate",
    }
    value = "3" if metric == "policy_violations" else "50%"
    given_table = document({metric: table(metric, limit=f"{word} {value}")})
    if high == (word in (Comparison.UNDER, Comparison.AT_MOST)):
        parse_policy(given_table, "p.toml")
    else:
        found = problems(given_table)[f"metrics.{metric}.limit"]
        assert "bad side" in found


@pytest.mark.parametrize(
    "limit",
    [
        "under 1",
        "under 100.1%",
        "under -1%",
        "under 1e-2%",
        "under %",
        "under",
        "1%",
        "UNDER 1%",
        "below 1%",
        "under 1%%",
        "under \u0661%",
        "under .5%",
        "",
        Decimal("0.01"),
        1,
        None,
    ],
)
def test_a_limit_that_is_no_percentage_is_refused(limit: Any) -> None:
    path = "metrics.late_shipment_rate.limit"
    assert set(metric_problems("late_shipment_rate", limit=limit)) == {path}


@pytest.mark.parametrize("limit", ["under 3%", "under 2.5", "at least 3", "under -1", 3])
def test_a_limit_that_is_no_count_is_refused(limit: Any) -> None:
    path = "metrics.policy_violations.limit"
    assert set(metric_problems("policy_violations", limit=limit)) == {path}


@pytest.mark.parametrize(
    ("metric", "limit", "sound", "beyond"),
    [
        ("late_shipment_rate", "under 4%", "4%", "4.001%"),
        ("late_shipment_rate", "at most 4%", "0%", "100%"),
        ("on_time_delivery_rate", "at least 90%", "90%", "89.999%"),
        ("on_time_delivery_rate", "over 90%", "100%", "0%"),
        ("policy_violations", "under 3", "3", "4"),
    ],
)
def test_an_approach_beyond_the_limit_is_refused(
    metric: str, limit: str, sound: str, beyond: str
) -> None:
    assert rule(metric, limit=limit, approach=sound).approach is not None
    found = metric_problems(metric, limit=limit, approach=beyond)
    assert found == {f"metrics.{metric}.approach": f"lies on the wrong side of the limit, {limit}"}


def test_the_approach_holds_for_the_categories_too() -> None:
    limits = {"shoes": "at least 98%", "toys": "at least 95%"}
    found = metric_problems("valid_tracking_rate", approach="97%", by_category=limits)
    assert set(found) == {"metrics.valid_tracking_rate.by_category"}
    assert "shoes: at least 98%" in found["metrics.valid_tracking_rate.by_category"]
    assert "toys" not in found["metrics.valid_tracking_rate.by_category"]


@pytest.mark.parametrize(
    ("windows", "place"),
    [
        ([], ""),
        ([30, 30], ""),
        (["all", "all"], ""),
        ([0], ".0"),
        ([-1], ".0"),
        ([30, "ever"], ".1"),
        ([Decimal("1.5")], ".0"),
        ([True], ".0"),
        (30, ""),
        ("ever", ""),
    ],
)
def test_windows_that_are_no_days_are_refused(windows: Any, place: str) -> None:
    found = metric_problems("late_shipment_rate", windows=windows)
    assert set(found) == {f"metrics.late_shipment_rate.windows{place}"}


@pytest.mark.parametrize("hours", [-1, True, "24", Decimal("NaN"), Decimal("Infinity"), 10**9])
def test_hours_that_are_no_duration_are_refused(hours: Any) -> None:
    path = "metrics.contact_response_rate.reply_hours"
    assert set(metric_problems("contact_response_rate", reply_hours=hours)) == {path}


@pytest.mark.parametrize(
    ("metric", "key", "value"),
    [
        ("order_defect_rate", "chargeback_kinds", ["chargeback"]),
        ("order_defect_rate", "chargeback_kinds", "chargeback_fraud"),
        ("order_defect_rate", "chargeback_kinds", ["chargeback_fraud"] * 2),
        ("order_defect_rate", "guarantee_claims", "granted"),
        ("order_defect_rate", "negative_rating_max", 6),
        ("order_defect_rate", "lag_days", -1),
        ("late_shipment_rate", "count_on", "placed"),
        ("late_shipment_rate", "population", "fba"),
        ("pre_fulfilment_cancel_rate", "cancelled_by", ["amazon"]),
        ("valid_tracking_rate", "by_category", []),
        ("late_shipment_rate", "source", " "),
        ("late_shipment_rate", "runbook", 3),
    ],
)
def test_a_value_that_no_one_knows_is_refused(metric: str, key: str, value: Any) -> None:
    assert set(metric_problems(metric, **{key: value})) == {f"metrics.{metric}.{key}"}


@pytest.mark.parametrize("window", [399, 400])
def test_a_window_must_lie_within_the_retention(window: int) -> None:
    tables = {"late_shipment_rate": table("late_shipment_rate", windows=[window])}
    if window == 399:
        assert parsed(tables).marketplaces["M1"].retention_days == 400
        return
    found = problems(document(tables))
    assert set(found) == {"retention_days"}
    assert "401" in found["retention_days"]


def test_lag_lengthens_what_the_retention_must_hold() -> None:
    tables = {"late_shipment_rate": table("late_shipment_rate", windows=[60], lag_days=14)}
    assert set(problems(document(tables, retention_days=74))) == {"retention_days"}
    assert parsed(tables, retention_days=75).marketplaces["M1"].retention_days == 75


def test_all_needs_no_retention_of_its_own() -> None:
    tables = {"late_shipment_rate": table("late_shipment_rate", windows="all", lag_days=30)}
    assert parsed(tables, retention_days=1).marketplaces["M1"].retention_days == 1


@pytest.mark.parametrize("key", ["metrics", "marketplaces"])
@pytest.mark.parametrize("value", [{}, [], 3])
def test_a_policy_needs_marketplaces_and_metrics(key: str, value: object) -> None:
    assert set(problems(document() | {key: value})) == {key}
