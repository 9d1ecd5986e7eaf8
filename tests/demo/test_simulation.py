"""The simulated shops: repeatable, whole, and like the real ones where those are known."""

import io
import json
from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from statistics import median
from typing import Any

import pytest

from monitor.core.events import TOPIC_OF, decode
from monitor.demo.wire import SimulationPlan, write_events


def lines(plan: SimulationPlan) -> list[bytes]:
    buffer = io.BytesIO()
    count = write_events(buffer, plan)
    found = buffer.getvalue().splitlines()
    assert count == len(found)
    return found


@pytest.fixture(scope="module")
def year() -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines(SimulationPlan())]


def test_the_same_plan_gives_the_same_bytes_and_another_seed_others() -> None:
    plan = SimulationPlan(days=20)
    assert lines(plan) == lines(plan)
    assert lines(plan) != lines(SimulationPlan(days=20, seed=8))


def test_every_line_is_an_event_of_the_contract() -> None:
    for line in lines(SimulationPlan(days=60)):
        decode(line)


def test_every_type_appears_and_all_are_sorted(year: list[dict[str, Any]]) -> None:
    assert {event["type"] for event in year} == set(TOPIC_OF)
    instants = [event["at"] for event in year]
    assert instants == sorted(instants)


def test_event_ids_are_unique(year: list[dict[str, Any]]) -> None:
    assert len({event["id"] for event in year}) == len(year)


def test_noise_repeats_delays_and_breaks_lines_only_where_asked() -> None:
    noisy = lines(SimulationPlan(days=30, noise=0.2))
    assert len(set(noisy)) < len(noisy)
    assert any(not line.endswith(b"}") for line in noisy)


def test_an_average_shop_is_like_the_real_ones() -> None:
    orders = orders_of(lines(SimulationPlan(sellers=36, days=240, orders_per_day=4)))
    shipped = [order for order in orders if "order_shipped" in order and "ship_by" in order]
    handling = median(hours(order, "order_placed", "order_shipped") for order in shipped)
    late = sum(order["order_shipped"] > order["ship_by"] for order in shipped) / len(shipped)
    delivered = [order for order in shipped if "order_delivered" in order]
    transit = median(hours(order, "order_shipped", "order_delivered") for order in delivered)
    # Olist: 54 h, 9.1 % late, 7.1 days.
    assert handling == pytest.approx(54, rel=0.1)
    assert late == pytest.approx(0.091, abs=0.02)
    assert transit / 24 == pytest.approx(7.1, rel=0.1)


def orders_of(found: list[bytes]) -> list[dict[str, datetime]]:
    """Orders of the average shops that had two months to end."""
    orders: dict[tuple[str, str], dict[str, datetime]] = defaultdict(dict)
    for line in found:
        event = json.loads(line)
        if "order" in event and event["seller"].startswith("shop-"):
            order = orders[event["seller"], event["order"]]
            order.setdefault(event["type"], datetime.fromisoformat(event["at"]))
            if event["type"] == "order_placed" and "ship_by" in event:
                order["ship_by"] = datetime.fromisoformat(event["ship_by"])
    newest = max(order["order_placed"] for order in orders.values())
    return [order for order in orders.values() if (newest - order["order_placed"]).days > 60]


def hours(order: Mapping[str, datetime], first: str, then: str) -> float:
    return (order[then] - order[first]).total_seconds() / 3600
