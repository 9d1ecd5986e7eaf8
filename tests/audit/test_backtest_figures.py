"""What a backtest counts, against hand-made records and against a count by brute force."""

from fractions import Fraction
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from monitor.audit.backtest import backtest
from monitor.audit.backtest_episodes import Episode, episodes_of
from monitor.audit.backtest_figures import ALL, Figures, Span, figures_of, rank
from monitor.core.alert_records import AlertRecord, DeadlineRecord, MetricRecord
from monitor.core.instants import DAY, HOUR, parse_instant
from monitor.core.rules import Rulebook
from tests.audit.backtests import day, limit_of_ten_percent, order, record, records_of
from tests.core.test_alert_laws import ALERTS, life_policy, lives
from tests.core.test_engine import rulebook

YEAR = Span(day(0), day(365.25))
FLAP = 7 * DAY


def rows(records: list[AlertRecord], span: Span = YEAR) -> dict[tuple[str, int], Figures]:
    found = figures_of(records, span, 100, FLAP)
    return {(row.metric, row.orders_min): row for row in found}


def said(seller: str, metric: str, at: float, from_: str, to: str, **over: Any) -> MetricRecord:
    own = {"seller": seller, "metric": metric, "alert": f"{seller}/M1/{metric}/30"}
    return record(day(at), from_, to, **own | over)


TWO_SELLERS: list[AlertRecord] = [
    said("big", "late_shipment_rate", 1, "ok", "approaching", orders=150),
    said("big", "order_defect_rate", 1, "ok", "approaching", orders=150),
    said("small", "late_shipment_rate", 2, "ok", "breached", orders=5),
    said("big", "late_shipment_rate", 4, "approaching", "breached", orders=150),
    said("big", "order_defect_rate", 5, "approaching", "ok", orders=150),
    said("small", "late_shipment_rate", 6, "breached", "ok", orders=5),
    said("small", "late_shipment_rate", 8, "ok", "breached", orders=6, episode=3),
]


def test_breaches_warnings_and_lead_times_are_counted_per_metric_and_size() -> None:
    found = rows(TWO_SELLERS)
    late, late_big = found["late_shipment_rate", 0], found["late_shipment_rate", 100]
    assert (late.breaches, late.warned, late.warnings, late.in_vain) == (3, 1, 1, 0)
    assert (late_big.breaches, late_big.warned) == (1, 1)
    assert late_big.lead_median == late_big.lead_p10 == 3 * DAY
    defects = found["order_defect_rate", 100]
    assert (defects.breaches, defects.warnings, defects.in_vain) == (0, 1, 1)
    assert defects.lead_median is None
    assert (late.flapped, late_big.flapped) == (1, 0)


def test_records_of_one_seller_and_point_are_one_notification() -> None:
    found = rows(TWO_SELLERS)
    assert found["late_shipment_rate", 0].notifications == 5
    assert found["order_defect_rate", 0].notifications == 2
    assert found[ALL, 0].notifications == 6
    assert found[ALL, 100].notifications == 3
    assert found[ALL, 0].per_seller_and_month == Fraction(6, 2 * 12)


def test_weeks_with_more_than_two_are_counted_from_the_begin_of_the_span() -> None:
    found = rows(TWO_SELLERS)[ALL, 0]
    assert (found.week_most, found.weeks, found.busy_weeks) == (3, 3, 1)


def test_what_began_before_the_span_is_not_counted_but_knows_of_flapping() -> None:
    found = rows(TWO_SELLERS, Span(day(7), day(20)))["late_shipment_rate", 0]
    assert (found.episodes, found.breaches, found.flapped, found.notifications) == (1, 1, 1, 1)


def test_open_items_are_notifications_of_all_and_no_episodes() -> None:
    own = {name: getattr(TWO_SELLERS[0], name) for name in DeadlineRecord.__struct_fields__[:15]}
    items = DeadlineRecord(**own, kind="reply", open=1, overdue=0, first_due_at=None)
    found = rows([items])
    assert set(found) == {(ALL, 0), (ALL, 100)}
    assert (found[ALL, 0].notifications, found[ALL, 0].episodes) == (1, 0)


def test_the_rank_is_the_least_value_that_the_share_does_not_exceed() -> None:
    ten = list(range(10, 0, -1))
    assert rank(ten, Fraction(1, 10)) == 1
    assert rank(ten, Fraction(1, 2)) == 5
    assert rank([7], Fraction(1, 10)) == 7
    assert rank([], Fraction(1, 2)) is None


def test_a_history_made_by_hand_has_the_figures_that_it_was_made_for() -> None:
    events = [one for number in range(118) for one in order(f"g-{number}", 0)]
    for number in range(14):
        events += order(f"l-{number}", 2 + number, late=True)
    records = records_of(events, limit_of_ten_percent())
    # With 118 good orders the 7th late one is 5 % of 125, the 14th 10 % of 132 or more.
    found = rows(records)["late_shipment_rate", 100]
    assert (found.breaches, found.warned, found.in_vain, found.flapped) == (1, 1, 0, 0)
    assert found.lead_median == 7 * DAY
    assert (found.notifications, found.week_most) == (2, 1)


def lead_by_hand(records: list[MetricRecord]) -> int | None:
    """From the first warning to the first breach of the records of one episode."""
    warned = [parse_instant(one.as_of) for one in records if one.to == "approaching"]
    breached = [parse_instant(one.as_of) for one in records if one.to == "breached"]
    if not warned or not breached or min(warned) >= min(breached):
        return None
    return min(breached) - min(warned)


@given(lives(), ALERTS, st.integers(0, 400), st.integers(0, 400), st.integers(1, 5))
def test_the_figures_are_what_a_plain_count_over_the_records_gives(
    events: list[Any], alert: dict[str, Any], first: int, second: int, least: int
) -> None:
    rules: Rulebook = rulebook(life_policy(alert, None))
    records = list(backtest(events, rules, HOUR, lambda _: None, lambda _: None))
    begin = min((parse_instant(one.as_of) for one in records), default=0)
    span = Span(begin + min(first, second) * HOUR, begin + max(first, second) * HOUR)
    for row in figures_of(records, span, least, FLAP):
        metrics = [one for one in records if isinstance(one, MetricRecord)]
        mine = [one for one in metrics if row.metric in (ALL, one.metric)]
        groups = [
            [one for one in mine if (one.alert, one.episode) == name]
            for name in {(one.alert, one.episode) for one in mine}
        ]
        begun = [group for group in groups if parse_instant(group[0].as_of) in span]
        sized = [
            group
            for group in begun
            if (next((one for one in group if one.to == "breached"), group[0]).denominator or 0)
            >= row.orders_min
        ]
        breached = [group for group in sized if any(one.to == "breached" for one in group)]
        leads = [lead for lead in map(lead_by_hand, sized) if lead is not None]
        closed = [group for group in sized if group[-1].to in ("ok", "no_data")]
        assert row.episodes == len(sized)
        assert row.breaches == len(breached)
        assert row.warned == len(leads)
        assert row.warnings == sum(group[0].to == "approaching" for group in sized)
        assert row.in_vain == sum(group not in breached for group in closed)
        assert row.notifications == len(
            {
                (one.seller, one.as_of)
                for one in records
                if parse_instant(one.as_of) in span
                and (
                    (one in mine and (one.denominator or 0) >= row.orders_min)
                    if isinstance(one, MetricRecord)
                    else (row.metric == ALL and row.orders_min == 0)
                )
            }
        )


@given(lives(), ALERTS)
def test_an_episode_flapped_where_the_one_before_had_just_closed(
    events: list[Any], alert: dict[str, Any]
) -> None:
    rules = rulebook(life_policy(alert, None))
    records = list(backtest(events, rules, HOUR, lambda _: None, lambda _: None))
    episodes = episodes_of(records, FLAP)
    for one in episodes:
        assert one.flapped == (back_at_once(one, episodes) or breached_again_at_once(one))


def back_at_once(one: Episode, episodes: list[Episode]) -> bool:
    return any(
        other.alert == one.alert
        and other.closed_at is not None
        and other.closed_at <= one.opened_at
        and one.opened_at - other.closed_at < FLAP
        for other in episodes
        if other is not one
    )


def breached_again_at_once(one: Episode) -> bool:
    gone = [max((left for left in one.left if left <= back), default=None) for back in one.again]
    return any(
        left is not None and back - left < FLAP for left, back in zip(gone, one.again, strict=True)
    )


def test_a_span_ends_with_its_last_instant() -> None:
    assert day(365.25) in YEAR
    assert day(0) in YEAR
    assert day(0) - 1 not in YEAR
