"""The golden scenarios, told to the engine and to the recount."""

import json
from typing import Any

import pytest

from monitor.core.engine import Engine
from monitor.core.events import decode
from monitor.core.instants import isoformat, parse_instant
from monitor.core.readings import Reading
from monitor.policy import parse_policy, rulebook_of
from tests.builders import Document, seconds
from tests.recount import recount
from tests.recount.wire import instant
from tests.scenarios import Line, Scenario, calendar, contacts, defects, deliveries, limits

EVERY = [
    pytest.param(scenario, id=f"{module.__name__.rpartition('.')[2]}-{number}")
    for module in (defects, deliveries, contacts, calendar, limits)
    for number, scenario in enumerate(module.SCENARIOS, 1)
]


def documents(scenario: Scenario) -> list[Document]:
    given = scenario.policies
    return given if isinstance(given, list) else [given]


def only(expected: list[Line], found: list[Line]) -> list[Line]:
    """Of each found line, the fields that the scenario names."""
    if len(expected) != len(found):
        return found
    return [
        {name: line[name] for name in wanted} for wanted, line in zip(expected, found, strict=True)
    ]


@pytest.mark.parametrize("scenario", EVERY)
def test_the_engine_says_what_the_scenario_says(scenario: Scenario) -> None:
    rulebook = rulebook_of([parse_policy(one, "scenario.toml") for one in documents(scenario)])
    engine = Engine(rulebook, parse_instant(seconds(scenario.at)))
    engine.apply(decode(json.dumps(event).encode()) for event in scenario.events)

    found = [_line(reading) for reading in engine.readings()]
    assert only(scenario.expect, found) == scenario.expect, scenario.why
    if scenario.open_items is not None:
        items = [
            {
                "kind": one.kind,
                "open": one.open,
                "overdue": one.overdue,
                "first_due_at": None if one.first_due_at is None else isoformat(one.first_due_at),
            }
            for one in engine.open_items()
            if one.open
        ]
        assert _by_kind(items) == _with_seconds(scenario.open_items), scenario.why
    if scenario.late is not None:
        assert engine.balance().late == scenario.late, scenario.why


@pytest.mark.parametrize("scenario", EVERY)
def test_the_recount_says_what_the_scenario_says(scenario: Scenario) -> None:
    found = recount(scenario.events, instant(seconds(scenario.at)), documents(scenario))
    assert found.balance.invalid == 0
    assert only(scenario.expect, found.lines) == scenario.expect, scenario.why
    if scenario.open_items is not None:
        items = [
            {name: one[name] for name in ("kind", "open", "overdue")}
            | {"first_due_at": one["first_due_at"].isoformat().replace("+00:00", "Z")}
            for one in found.open_items
        ]
        assert _by_kind(items) == _with_seconds(scenario.open_items), scenario.why
    if scenario.late is not None:
        assert found.balance.late == scenario.late, scenario.why


def _with_seconds(items: list[Line]) -> list[Line]:
    return _by_kind([one | {"first_due_at": seconds(one["first_due_at"])} for one in items])


def _by_kind(items: list[Line]) -> list[Line]:
    return sorted(items, key=lambda one: str(one["kind"]))


def _line(reading: Reading) -> dict[str, Any]:
    mean, ratio = reading.mean_hours, reading.ratio
    return {
        "marketplace": reading.marketplace,
        "metric": reading.metric,
        "window_days": reading.window_days,
        "category": reading.category,
        "numerator": reading.numerator,
        "denominator": reading.denominator,
        "ratio": None if ratio is None else float(round(ratio, 10)),
        "level": str(reading.level),
        "headroom": reading.headroom,
        "orders_to_recover": reading.orders_to_recover,
        "mean_hours": None if mean is None else float(round(mean, 3)),
    }
