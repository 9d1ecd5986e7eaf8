"""Hand-made histories of late shipments for the backtest's tests."""

from fractions import Fraction
from typing import Any

import msgspec

from monitor.audit.backtest import backtest
from monitor.core.alert_records import AlertRecord, Link, MetricRecord
from monitor.core.events import Event, decode
from monitor.core.instants import DAY, HOUR, Instant, isoformat, parse_instant
from monitor.core.readings import Level
from monitor.core.rules import AlertRule, Rulebook
from tests.audit.histories import event, rule, rulebook

BEGIN = parse_instant("2018-01-01T00:00:00Z")


def day(number: float) -> Instant:
    """So many days after the beginning."""
    return BEGIN + int(number * DAY)


def order(name: str, placed_day: float, late: bool = False) -> list[dict[str, Any]]:
    """An order that is to be shipped a day later; a late one goes out three hours after that."""
    at = day(placed_day)
    shipped = at + DAY + 3 * HOUR if late else at + 12 * HOUR
    ship_by = isoformat(at + DAY)
    return [
        event("order_placed", isoformat(at), order=name, ship_by=ship_by),
        event("order_shipped", isoformat(shipped), order=name),
    ]


def limit_of_ten_percent(**alert: Any) -> Rulebook:
    """Late shipments under 10 % of 30 days, approaching from 5 % on."""
    late = rule(
        "late_shipment_rate",
        30,
        limit="1/10",
        approach=Fraction(1, 20),
        alert=AlertRule(**{"clear_margin": 0} | alert),
    )
    return rulebook(late)


def decoded(events: list[dict[str, Any]]) -> list[Event]:
    return [decode(msgspec.json.encode(one)) for one in events]


def records_of(
    events: list[dict[str, Any]], rules: Rulebook, every: int = HOUR
) -> list[AlertRecord]:
    """What a backtest of them says; nothing may be refused."""

    def refuse(too_large: object) -> None:
        assert not too_large

    return list(backtest(decoded(events), rules, every, refuse, lambda _: None))


def record(
    at: Instant, from_: str, to: str, episode: int = 1, orders: int = 10, **over: Any
) -> MetricRecord:
    """A record of late shipments, unless ``over`` says otherwise."""
    own: dict[str, Any] = {
        "alert": "S1/M1/late_shipment_rate/30",
        "seq": 1,
        "episode": episode,
        "chain": Link(1, ""),
        "from_": Level(from_),
        "to": Level(to),
        "reason": "events",
        "seller": "S1",
        "marketplace": "M1",
        "subjects": (),
        "subjects_total": 0,
        "as_of": isoformat(at),
        "cut": {},
        "policy": "",
        "program": "1",
        "metric": "late_shipment_rate",
        "window_days": 30,
        "category": None,
        "numerator": 1,
        "denominator": orders,
        "limit": "under 10%",
        "approach": "5%",
        "headroom": 0,
        "orders_to_recover": 0,
    }
    return MetricRecord(**own | over)
