"""The policies that come with the program, and what each of the three of Amazon's counts."""

import gzip
from collections import Counter
from collections.abc import Callable
from datetime import date
from pathlib import Path

import msgspec
import pytest

from monitor.core.engine import Engine
from monitor.core.events import decode
from monitor.core.instants import HOUR, parse_instant
from monitor.core.metrics import METRICS
from monitor.core.readings import Level
from monitor.core.rules import MarketplaceRules, MetricRule
from monitor.policy import Policy, read_policies, rulebook_of
from monitor.policy.alerting import KINDS

ROOT = Path(__file__).resolve().parent.parent
SHIPPED = sorted((ROOT / "config" / "policies").glob("*.toml"))
OLIST = ROOT / "tests" / "policies" / "olist.toml"

US, JP = "ATVPDKIKX0DER", "A1VC38T7YXB528"
AS_OF = "2026-06-30T18:00:00Z"


def policy(name: str) -> Policy:
    return read_policies([ROOT / "config" / "policies" / f"{name}.toml"])[0]


def rules(name: str, marketplace: str) -> MarketplaceRules:
    return policy(name).marketplaces[marketplace]


def rule(name: str, marketplace: str, metric: str) -> MetricRule:
    found = rules(name, marketplace).rule(metric)
    assert found is not None
    return found


@pytest.mark.parametrize("path", [*SHIPPED, OLIST], ids=lambda path: path.stem)
def test_a_policy_that_comes_along_is_sound_and_leaves_no_doubt(path: Path) -> None:
    (found,) = read_policies([path])
    assert found.name == path.stem
    assert found.warnings == ()


def test_all_policies_that_come_along_can_be_loaded_together() -> None:
    assert len(rulebook_of(read_policies(SHIPPED)).eras) == 9


@pytest.mark.parametrize("name", ["amazon-2015", "demo"])
def test_the_seller_guide_of_2015_and_the_demo_compute_all_eleven_metrics(name: str) -> None:
    for found in policy(name).marketplaces.values():
        assert [metric.metric for metric in found.metrics] == sorted(METRICS)


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("amazon-2015", set(KINDS)),
        ("amazon-current", set(KINDS)),
        ("amazon-jp", {"shipment", "claim_answer"}),
        ("demo", set(KINDS)),
    ],
)
def test_a_policy_that_comes_along_warns_of_each_open_item_for_which_it_has_a_deadline(
    name: str, kinds: set[str]
) -> None:
    for found in policy(name).marketplaces.values():
        assert set(found.deadlines) == kinds
        assert all(deadline.runbook for deadline in found.deadlines.values())


def test_a_message_is_warned_of_at_twenty_of_its_twenty_four_hours() -> None:
    found = rules("amazon-current", US)
    replies = found.rule("contact_response_rate")
    assert replies is not None
    assert replies.reply_within - found.deadlines["reply"].warn_before == 20 * HOUR


def test_the_tests_policy_for_real_orders_knows_all_eleven_metrics() -> None:
    (olist,) = read_policies([OLIST])
    computed = olist.marketplaces["olist-br"].metrics
    assert [metric.metric for metric in computed] == sorted(METRICS)


def event(type_name: str, at: str, marketplace: str, **fields: object) -> bytes:
    own = {"type": type_name, "id": f"{type_name}-{at}-{fields}"[:128], "at": at}
    return msgspec.json.encode(own | {"seller": "S1", "marketplace": marketplace} | fields)


def history(marketplace: str) -> list[bytes]:
    """Seven orders of May, each with another fate, and a bad one of the last 30 days."""

    def happened(type_name: str, at: str, order: str, **fields: object) -> bytes:
        return event(type_name, at, marketplace, order=order, **fields)

    may = {
        name: happened("order_placed", "2026-05-11T12:00:00Z", name)
        for name in ("denied", "withdrawn", "granted", "fraud", "fine")
    }
    by_marketplace = happened(
        "order_placed", "2026-05-11T12:00:00Z", "bad-fba", fulfilled_by="marketplace"
    )
    recent = happened("order_placed", "2026-06-20T12:00:00Z", "recent")
    claims = [
        happened("claim_opened", "2026-05-20T12:00:00Z", name, claim=name, kind="guarantee")
        for name in ("denied", "withdrawn", "granted")
    ]
    decisions = [
        happened("claim_decided", "2026-05-25T12:00:00Z", name, claim=name, outcome=name)
        for name in ("denied", "withdrawn", "granted")
    ]
    chargeback = happened(
        "claim_opened", "2026-05-20T12:00:00Z", "fraud", claim="c", kind="chargeback_fraud"
    )
    ratings = [
        happened("feedback_left", "2026-06-25T12:00:00Z", name, feedback=name, rating=1)
        for name in ("recent", "bad-fba")
    ]
    return [*may.values(), by_marketplace, recent, *claims, *decisions, chargeback, *ratings]


def cancellations(marketplace: str) -> list[bytes]:
    """Orders of yesterday, cancelled by everyone for every reason that some policy knows."""
    causes = {
        "stock": {"by": "seller"},
        "mistake": {"by": "seller", "reason": "buyer_mistake"},
        "request": {"by": "seller", "reason": "buyer_request"},
        "unconfirmed": {"by": "marketplace"},
        "changed-mind": {"by": "buyer"},
    }
    events = []
    for order, cause in causes.items():
        events.append(event("order_placed", "2026-06-29T10:00:00Z", marketplace, order=order))
        events.append(
            event("order_cancelled", "2026-06-29T12:00:00Z", marketplace, order=order, **cause)
        )
    return events


def counts(name: str, marketplace: str, metric: str, events: list[bytes]) -> set[tuple[int, int]]:
    """Numerator and denominator of a metric, of whatever windows."""
    engine = Engine(rulebook_of([policy(name)]), parse_instant(AS_OF))
    engine.apply(decode(value) for value in events)
    return {
        (reading.numerator, reading.denominator or 0)
        for reading in engine.readings()
        if reading.metric == metric and reading.category is None
    }


@pytest.mark.parametrize(
    ("name", "marketplace", "defects", "orders"),
    [
        # All claims and chargebacks of any cause, all orders up to today.
        ("amazon-2015", US, 6, 7),
        # Neither denied nor withdrawn claims nor fraud, and nothing of the last 30 days.
        ("amazon-jp", JP, 2, 6),
        # The same claims, without the last 14 days, and only what the seller shipped.
        ("amazon-current", US, 1, 5),
    ],
)
def test_the_three_policies_of_amazon_count_different_order_defects(
    name: str, marketplace: str, defects: int, orders: int
) -> None:
    events = history(marketplace)
    assert counts(name, marketplace, "order_defect_rate", events) == {(defects, orders)}


@pytest.mark.parametrize(
    ("name", "marketplace", "cancelled"),
    [
        ("amazon-2015", US, 2),  # out of stock; at the buyer's request (only a mistake excuses)
        ("amazon-jp", JP, 2),  # out of stock; the buyer's mistake (only a request excuses)
        ("amazon-current", US, 3),  # out of stock; mistake; and Amazon's own for no confirmation
    ],
)
def test_the_three_policies_of_amazon_count_different_cancellations(
    name: str, marketplace: str, cancelled: int
) -> None:
    events = cancellations(marketplace)
    found = counts(name, marketplace, "pre_fulfilment_cancel_rate", events)
    assert found == {(cancelled, 5)}


def test_the_order_defect_rate_in_japan_begins_when_an_order_is_thirty_days_old() -> None:
    defects = rule("amazon-jp", JP, "order_defect_rate")
    assert (defects.windows, defects.lag_days) == (("all",), 30)


def test_amazon_today_computes_neither_perfect_orders_nor_refunds() -> None:
    absent = set(METRICS) - {found.metric for found in rules("amazon-current", US).metrics}
    assert absent == {"perfect_order_rate", "refund_rate"}


@pytest.mark.parametrize(
    ("name", "marketplace", "independence_day_is_worked"),
    [("amazon-2015", "*", True), ("amazon-current", US, False)],
)
def test_holidays_are_business_days_in_2015_and_not_today(
    name: str, marketplace: str, independence_day_is_worked: bool
) -> None:
    calendar = rules(name, marketplace).calendar
    observed = date(2026, 7, 3).toordinal() - date(1970, 1, 1).toordinal()
    assert calendar.is_business_day(observed) is independence_day_is_worked


def test_real_orders_lie_on_every_side_of_the_tests_limits(
    shared_data: Callable[[str], Path],
) -> None:
    engine = Engine(rulebook_of(read_policies([OLIST])), parse_instant("2018-06-30T12:00:00Z"))
    with gzip.open(shared_data("olist-events.jsonl.gz")) as lines:
        engine.apply(decode(line) for line in lines)
    found = Counter((reading.metric, reading.level) for reading in engine.readings())
    for metric in ("order_defect_rate", "late_shipment_rate", "on_time_delivery_rate"):
        for level in (Level.OK, Level.APPROACHING, Level.BREACHED):
            assert found[metric, level] > 10
    assert found.total() > 10_000
