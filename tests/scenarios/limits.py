"""Levels, headroom and orders to recover of the four kinds of limits, by hand."""

from typing import Any

from tests.builders import Document, Record, delivered, placed, policy, refunded, table
from tests.scenarios import Scenario, counts

AT = "2018-03-20T12:00Z"
DAY = "2018-03-10T10:00Z"


def _refunds(bad: int, of: int) -> list[Record]:
    orders = [placed(f"o{n}", DAY) for n in range(of)]
    return [*orders, *(refunded(f"o{n}", DAY) for n in range(bad))]


def _deliveries(good: int, of: int) -> list[Record]:
    orders = [placed(f"o{n}", DAY, deliver_by="2018-03-12T10:00Z") for n in range(of)]
    return [*orders, *(delivered(f"o{n}", DAY) for n in range(good))]


def _high(limit: str, **own: Any) -> Document:
    return policy(refund_rate=table(limit, **own))


def _low(limit: str, **own: Any) -> Document:
    return policy(on_time_delivery_rate=table(limit, **own))


def _case(
    why: str, rules: Document, events: list[Record], said: tuple[int, int, str, int, int | None]
) -> Scenario:
    metric = next(iter(rules["metrics"]))
    numerator, denominator, level, headroom, recovery = said
    line = counts(metric, numerator, denominator, level=level, headroom=headroom)
    return Scenario(why, rules, AT, events, [line | {"orders_to_recover": recovery}])


SCENARIOS = [
    _case(
        "Under 10%: 2 of 20 is breached; at 21 orders 2 are under it.",
        _high("under 10%"),
        _refunds(2, 20),
        (2, 20, "breached", -1, 1),
    ),
    _case(
        "At most 10%: 2 of 20 holds, exactly.",
        _high("at most 10%"),
        _refunds(2, 20),
        (2, 20, "ok", 0, 0),
    ),
    _case(
        "At most 10%: 3 of 20 needs 10 more good orders.",
        _high("at most 10%"),
        _refunds(3, 20),
        (3, 20, "breached", -1, 10),
    ),
    _case(
        "At least 90%: 18 of 20 holds, exactly.",
        _low("at least 90%"),
        _deliveries(18, 20),
        (18, 20, "ok", 0, 0),
    ),
    _case(
        "At least 90%: 17 of 20 needs 10 more good ones.",
        _low("at least 90%"),
        _deliveries(17, 20),
        (17, 20, "breached", -1, 10),
    ),
    _case(
        "Over 90%: 18 of 20 is breached; 19 of 21 is over it.",
        _low("over 90%"),
        _deliveries(18, 20),
        (18, 20, "breached", -1, 1),
    ),
    _case(
        "Under 0% is breached even by none, and no good order helps.",
        _high("under 0%"),
        _refunds(0, 3),
        (0, 3, "breached", -1, None),
    ),
    _case(
        "At most 0%: one bad order cannot be made good.",
        _high("at most 0%"),
        _refunds(1, 3),
        (1, 3, "breached", -1, None),
    ),
    _case(
        "At most 0% holds with none bad.",
        _high("at most 0%"),
        _refunds(0, 3),
        (0, 3, "ok", 0, 0),
    ),
    _case(
        "At least 100%: a single late delivery cannot be made good.",
        _low("at least 100%"),
        _deliveries(2, 3),
        (2, 3, "breached", -1, None),
    ),
    _case(
        "At least 0% always holds; all may turn bad.",
        _low("at least 0%"),
        _deliveries(2, 3),
        (2, 3, "ok", 2, 0),
    ),
    _case(
        "Under 100%: all bad is breached, one good order helps.",
        _high("under 100%"),
        _refunds(3, 3),
        (3, 3, "breached", -1, 1),
    ),
    _case(
        "Percentages are exact decimals: 0.7% of 1000 is 7, not 6.999…",
        _high("at most 0.7%"),
        _refunds(7, 1000),
        (7, 1000, "ok", 0, 0),
    ),
    _case(
        "The approach is reached at its value where high is bad…",
        _high("under 10%", approach="5%"),
        _refunds(1, 20),
        (1, 20, "approaching", 0, 0),
    ),
    _case(
        "…and where low is bad.",
        _low("at least 90%", approach="95%"),
        _deliveries(19, 20),
        (19, 20, "approaching", 1, 0),
    ),
    Scenario(
        "A ratio is rounded to ten digits.",
        _high("under 50%"),
        AT,
        _refunds(2, 3),
        [counts("refund_rate", 2, 3, ratio=0.6666666667)],
    ),
]
