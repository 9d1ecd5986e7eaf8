"""What is read from a policy file, its digest and its warnings."""

from copy import deepcopy
from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.calendar import day_number
from monitor.core.instants import HOUR
from monitor.core.metrics import METRICS
from monitor.core.rules import AlertRule, Comparison, CountOn, Limit, MetricRule, Population
from monitor.policy import (
    parse_policy,
    read_policies,
    restore_policy,
)
from monitor.policy.quantities import Scale, decimal_text
from tests.policies.documents import document, parsed, rule, table


def test_what_is_not_said_has_the_contracts_defaults() -> None:
    rules = parsed({name: table(name) for name in METRICS}).marketplaces["M1"]
    assert (rules.retention_days, rules.handling_days) == (400, 2)
    assert rules.calendar.is_business_day(day_number(date(2018, 1, 1)))
    found = {metric.metric: metric for metric in rules.metrics}
    assert sorted(found) == list(found) == sorted(METRICS)
    for metric in found.values():
        assert (metric.lag_days, metric.approach) == (0, None)
        assert metric.count_on is CountOn.ORDER
        assert metric.population is METRICS[metric.metric].population
    assert found["order_defect_rate"].guarantee_claims == "all"
    assert found["order_defect_rate"].claim_within is None
    assert found["pre_fulfilment_cancel_rate"].cancelled_by == {"seller"}
    assert found["return_dissatisfaction_rate"].answer_within == 48 * HOUR
    assert found["contact_response_rate"].reply_within == 24 * HOUR
    assert found["valid_tracking_rate"].scan_grace == 72 * HOUR


@pytest.mark.parametrize("metric", METRICS)
def test_seller_fulfilled_metrics_count_the_sellers_own_shipments(metric: str) -> None:
    own = {"pre_fulfilment_cancel_rate", "late_shipment_rate"}
    own |= {"on_time_delivery_rate", "valid_tracking_rate"}
    assert rule(metric).population is (Population.SELLER if metric in own else Population.ALL)


def test_everything_that_can_be_said_of_a_metric_is_heard() -> None:
    found = rule(
        "order_defect_rate",
        windows=["all", 60, 7],
        lag_days=14,
        limit="at most 2.5%",
        approach="1.875%",
        count_on="ship_by",
        population="marketplace",
        negative_rating_max=3,
        guarantee_claims="unless_cleared",
        chargeback_kinds=["chargeback_fraud", "chargeback_service"],
        claim_hours=Decimal("0.5"),
    )
    assert found == MetricRule(
        metric="order_defect_rate",
        windows=(7, 60, "all"),
        lag_days=14,
        limit=Limit(Comparison.AT_MOST, Fraction(1, 40)),
        approach=Fraction(3, 160),
        source="a test",
        runbook="none",
        count_on=CountOn.SHIP_BY,
        population=Population.MARKETPLACE,
        negative_rating_max=3,
        guarantee_claims="unless_cleared",
        chargeback_kinds=frozenset({"chargeback_fraud", "chargeback_service"}),
        claim_within=HOUR // 2,
        alert=AlertRule(recovery_hold=72 * HOUR, clear_margin=2),
    )


@pytest.mark.parametrize(
    ("key", "field", "metric"),
    [
        ("answer_hours", "answer_within", "return_dissatisfaction_rate"),
        ("reply_hours", "reply_within", "contact_response_rate"),
        ("scan_grace_hours", "scan_grace", "valid_tracking_rate"),
        ("claim_hours", "claim_within", "order_defect_rate"),
    ],
)
def test_decimal_hours_are_exact_to_the_microsecond(key: str, field: str, metric: str) -> None:
    found = rule(metric, **{key: Decimal("36.1")})
    assert getattr(found, field) == 36 * HOUR + 360_000_000


def test_a_bare_all_is_a_window_too() -> None:
    assert rule("late_shipment_rate", windows="all").windows == ("all",)


def test_categories_have_limits_of_their_own() -> None:
    found = rule("valid_tracking_rate", by_category={"shoes": "over 90%"})
    assert found.by_category == {"shoes": Limit(Comparison.OVER, Fraction(9, 10))}


@pytest.mark.parametrize(
    ("defects", "perfect", "expected"), [(None, None, 2), (3, None, 3), (3, 1, 1), (None, 1, 1)]
)
def test_the_perfect_order_rate_takes_the_defect_rates_negative_rating(
    defects: int | None, perfect: int | None, expected: int
) -> None:
    own = {"order_defect_rate": defects, "perfect_order_rate": perfect}
    tables = {
        name: table(name, **({} if stars is None else {"negative_rating_max": stars}))
        for name, stars in own.items()
    }
    found = parsed(tables).marketplaces["M1"].rule("perfect_order_rate")
    assert found is not None
    assert found.negative_rating_max == expected


def test_without_a_defect_rate_two_stars_are_negative() -> None:
    assert rule("perfect_order_rate").negative_rating_max == 2


def test_the_digest_is_of_the_rules_and_not_of_their_spelling(tmp_path: Path) -> None:
    plain = tmp_path / "plain.toml"
    plain.write_text(
        """
        name = "x"
        [marketplaces.M1]
        time_zone = "UTC"
        [metrics.order_defect_rate]
        windows = [7, 60]
        limit = "under 1%"
        approach = "0.75%"
        chargeback_kinds = ["chargeback_fraud", "chargeback_service"]
        source = "s"
        runbook = "r"
        claim_hours = 72
        """
    )
    spelled = tmp_path / "spelled.toml"
    spelled.write_text(
        """
        retention_days = 400     # the default
        metrics.order_defect_rate.windows = [60, 7]
        metrics.order_defect_rate.limit = "under  1.00%"
        metrics.order_defect_rate.approach = "00.750 %"
        metrics.order_defect_rate.chargeback_kinds = ["chargeback_service", "chargeback_fraud"]
        metrics.order_defect_rate.source = "s"
        metrics.order_defect_rate.runbook = "r"
        metrics.order_defect_rate.claim_hours = 72.0
        metrics.order_defect_rate.population = "all"
        name = "x"
        marketplaces = { M1 = { holidays = [], time_zone = "UTC" } }
        """
    )
    first, second = read_policies([plain])[0], read_policies([spelled])[0]
    assert first.canonical == second.canonical
    assert first.digest == second.digest


CHANGES: list[dict[str, Any]] = [
    {"name": "y"},
    {"valid_from": date(2025, 1, 1)},
    {"retention_days": 401},
    {"marketplaces": {"M2": {"time_zone": "UTC"}}},
    {"marketplaces": {"M1": {"time_zone": "Asia/Tokyo"}}},
    {"marketplaces": {"M1": {"time_zone": "UTC", "holidays": "JP"}}},
    {"marketplaces": {"M1": {"time_zone": "UTC", "handling_days": 1}}},
    {"metrics": {"refund_rate": table("refund_rate")}},
    *(
        {"metrics": {"late_shipment_rate": table("late_shipment_rate", **change)}}
        for change in (
            {"windows": [31]},
            {"lag_days": 1},
            {"limit": "at most 4%"},
            {"limit": "under 4.000001%"},
            {"approach": "3%"},
            {"count_on": "ship_by"},
            {"population": "all"},
            {"source": "another"},
        )
    ),
]


def test_every_change_of_the_rules_changes_the_digest() -> None:
    digests = [parse_policy(document() | change, "p").digest for change in CHANGES]
    assert len({parsed().digest, *digests}) == len(CHANGES) + 1


@given(
    share=st.fractions(0, 1).map(lambda value: Fraction(round(value * 10**9), 10**9)),
    hours=st.decimals(0, 1000, places=6),
    windows=st.lists(st.one_of(st.integers(1, 300), st.just("all")), min_size=1, unique=True),
)
def test_a_policy_can_be_restored_from_its_canonical_form(
    share: Fraction, hours: Decimal, windows: list[int | str]
) -> None:
    high = Scale(high_is_bad=True)
    tables = {
        "contact_response_rate": table("contact_response_rate", reply_hours=hours),
        "refund_rate": table(
            "refund_rate", windows=windows, limit=f"at most {high.value_text(share)}"
        ),
    }
    policy = parsed(tables, valid_from=date(2025, 1, 1))
    restored = restore_policy(policy.canonical, "topic")
    assert restored.digest == policy.digest
    assert restored.valid_from == policy.valid_from
    rules, again = policy.marketplaces["M1"], restored.marketplaces["M1"]
    assert again.metrics == rules.metrics
    found = rules.rule("refund_rate")
    assert found is not None
    assert found.limit.value == share


@given(st.decimals(0, 100, places=12))
def test_a_percentage_is_written_as_it_was_read(percent: Decimal) -> None:
    share = Scale(high_is_bad=True).value(f"{percent:f}%")
    assert share == Fraction(percent) / 100
    assert Decimal(decimal_text(share * 100)) == percent


def test_parsing_does_not_touch_the_document() -> None:
    given_document = document()
    before = deepcopy(given_document)
    parse_policy(given_document, "p.toml")
    assert given_document == before


@pytest.mark.parametrize(
    ("metric", "own", "path"),
    [
        ("late_shipment_rate", {"approach": "4%"}, "approach"),
        ("late_shipment_rate", {}, "approach"),
        ("late_shipment_rate", {"approach": "0%"}, "approach"),
        ("late_shipment_rate", {"limit": "under 0%", "approach": "0%"}, "limit"),
        ("late_shipment_rate", {"limit": "at most 100%", "approach": "3%"}, "limit"),
        ("on_time_delivery_rate", {"limit": "over 100%", "approach": "100%"}, "limit"),
        ("order_defect_rate", {"approach": "3%", "chargeback_kinds": []}, "chargeback_kinds"),
        (
            "valid_tracking_rate",
            {"approach": "97%", "by_category": {"shoes": "over 97%"}},
            "approach",
        ),
    ],
)
def test_what_is_hardly_meant_is_a_warning(metric: str, own: dict[str, Any], path: str) -> None:
    warnings = parsed({metric: table(metric, **own)}).warnings
    assert f"metrics.{metric}.{path}" in {warning.path for warning in warnings}


def test_where_nothing_is_allowed_no_approach_is_missed() -> None:
    assert (
        parsed({"policy_violations": table("policy_violations", limit="at most 0")}).warnings == ()
    )
