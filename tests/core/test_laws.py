"""The laws of the engine over generated histories, against a recount that never looks at it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from monitor.core.engine import Engine
from monitor.core.events import Event, decode
from monitor.core.instants import instant_of, utc
from monitor.core.metrics import METRICS
from monitor.core.readings import OpenItems, Reading
from monitor.core.rules import Rulebook
from monitor.policy import parse_policy, rulebook_of
from tests.histories import Document, History, Record, histories, orderly, remembering
from tests.recount import recount
from tests.recount.rules import rules_for


@dataclass(frozen=True)
class Step:
    """Events applied together, and then an instant to go on to (None: stay)."""

    records: list[Record]
    then: datetime | None


@st.composite
def ways(draw: DrawFn, history: History) -> tuple[datetime, list[Step]]:
    """A beginning, and batches of all records in any order, some of them twice, and instants."""
    again = draw(st.lists(st.sampled_from(history.records), max_size=4))
    records = draw(st.permutations([*history.records, *again]))
    cuts = sorted(draw(st.lists(st.integers(0, len(records)), max_size=4)))
    batches = [
        records[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(records)], strict=True)
    ]
    around = [*history.instants, history.as_of]
    before = sorted(
        at
        for at in draw(st.lists(_near(around), min_size=1, max_size=len(batches)))
        if at <= history.as_of
    )
    start = before[0] if before else history.as_of
    stops: list[datetime | None] = [*before, *[None] * (len(batches) - len(before))]
    return start, [Step(batch, stop) for batch, stop in zip(batches, stops, strict=True)]


def _near(instants: Sequence[datetime]) -> st.SearchStrategy[datetime]:
    hours = st.sampled_from([0, 0, 1, 24, 48, 72])
    micros = st.sampled_from([0, 0, 1, -1])
    return st.builds(
        lambda at, hour, micro: at + timedelta(hours=hour, microseconds=micro),
        st.sampled_from(instants),
        hours,
        micros,
    )


def rulebook(policies: Sequence[Document]) -> Rulebook:
    return rulebook_of([parse_policy(one, "generated.toml") for one in policies])


def events_of(records: Sequence[Record]) -> list[Event]:
    return [decode(json.dumps(record).encode()) for record in records]


def went(history: History, start: datetime, steps: Sequence[Step]) -> Engine:
    """An engine that has gone all steps and stands at the instant of the question."""
    engine = Engine(rulebook(history.policies), instant_of(start))
    for step in steps:
        engine.apply(events_of(step.records))
        if step.then is not None:
            engine.advance(instant_of(step.then))
    engine.advance(instant_of(history.as_of))
    return engine


def line(reading: Reading) -> dict[str, Any]:
    """A reading as the contract prints it."""
    found: dict[str, Any] = {
        "seller": reading.seller,
        "marketplace": reading.marketplace,
        "metric": reading.metric,
        "window_days": reading.window_days,
        "category": reading.category,
        "numerator": reading.numerator,
        "denominator": reading.denominator,
        "ratio": None if reading.ratio is None else float(round(reading.ratio, 10)),
        "level": str(reading.level),
        "headroom": reading.headroom,
        "orders_to_recover": reading.orders_to_recover,
    }
    if reading.metric == "contact_response_rate":
        mean = reading.mean_hours
        found["mean_hours"] = None if mean is None else float(round(mean, 3))
    return found


def item(items: OpenItems) -> dict[str, Any]:
    """Open items as the recount names them."""
    return {
        "seller": items.seller,
        "marketplace": items.marketplace,
        "kind": items.kind,
        "open": items.open,
        "overdue": items.overdue,
        "first_due_at": None if items.first_due_at is None else utc(items.first_due_at),
    }


def lines(engine: Engine) -> list[dict[str, Any]]:
    return [line(reading) for reading in engine.readings()]


def items(engine: Engine) -> list[dict[str, Any]]:
    """Kinds with open items, in the order of the recount."""
    found = [item(one) for one in engine.open_items() if one.open]
    return sorted(found, key=lambda one: (one["seller"], one["marketplace"], _KINDS[one["kind"]]))


_KINDS = {"shipment": 0, "reply": 1, "return_answer": 2, "claim_answer": 3}


@given(st.data())
def test_a_replay_in_any_order_is_the_recount(data: st.DataObject) -> None:
    history = data.draw(histories())
    _, steps = data.draw(ways(history))
    records = [record for step in steps for record in step.records]
    engine = Engine(rulebook(history.policies), instant_of(history.as_of))
    held = sum(engine.apply(events_of(step.records)).held for step in steps)
    expected = recount(records, history.as_of, history.policies)

    assert lines(engine) == expected.lines
    assert items(engine) == expected.open_items
    balance = engine.balance()
    assert held == expected.balance.after
    assert balance.late == expected.balance.late
    assert balance.counted + balance.redundant == expected.balance.counted_or_redundant


@given(st.data())
def test_any_way_to_an_instant_ends_in_the_recount(data: st.DataObject) -> None:
    history = remembering(data.draw(histories()))
    start, steps = data.draw(ways(history))
    engine = went(history, start, steps)
    expected = recount(history.records, history.as_of, history.policies)

    assert lines(engine) == expected.lines
    assert items(engine) == expected.open_items


@given(st.data())
def test_what_was_forgotten_on_the_way_is_not_missed(data: st.DataObject) -> None:
    history = orderly(data.draw(histories()))
    assume(history.records)
    start, steps = data.draw(ways(history))
    engine = went(history, start, steps)
    expected = recount(history.records, history.as_of, history.policies)

    assert lines(engine) == expected.lines
    assert items(engine) == expected.open_items


@given(st.data())
def test_stopping_on_the_way_changes_nothing(data: st.DataObject) -> None:
    history = remembering(data.draw(histories()))
    start = min([*history.instants, history.as_of])
    stops = sorted(data.draw(st.lists(_near(history.instants), max_size=5)))
    straight = went(history, start, [Step(history.records, None)])
    halting = Engine(rulebook(history.policies), instant_of(start))
    halting.apply(events_of(history.records))
    for stop in stops:
        if start <= stop <= history.as_of:
            halting.advance(instant_of(stop))
            halting.readings()
    halting.advance(instant_of(history.as_of))

    assert halting.readings() == straight.readings()
    assert items(halting) == items(straight)


@given(histories())
def test_nothing_is_counted_that_is_not_among_the_counted(history: History) -> None:
    engine = went(history, history.as_of, [Step(history.records, None)])
    for reading in engine.readings():
        assert reading.numerator >= 0
        if reading.denominator is not None:
            assert reading.numerator <= reading.denominator
    for found in engine.open_items():
        assert 0 <= found.overdue <= found.open
        assert (found.first_due_at is None) == (found.open == 0)


@given(st.data())
def test_those_on_the_bad_side_are_the_ones_that_the_evidence_shows(data: st.DataObject) -> None:
    history = remembering(data.draw(histories()))
    engine = went(history, *data.draw(ways(history)))
    for reading in engine.readings():
        metric = METRICS[reading.metric]
        where = (reading.metric, reading.window_days, reading.category)
        shown = [
            one.subject_id
            for one in engine.evidence(reading.seller, reading.marketplace, *where)
            if one.in_numerator is (metric.only_counts or metric.bad_side == "high")
        ]
        assert engine.offenders(reading) == (shown, len(shown))
        assert engine.offenders(reading, 1) == (shown[:1], len(shown))


@given(st.data())
def test_what_changed_leads_from_one_instant_to_the_next(data: st.DataObject) -> None:
    history = remembering(data.draw(histories()))
    start, steps = data.draw(ways(history))
    engine = Engine(rulebook(history.policies), instant_of(start))
    known: dict[tuple[Any, ...], dict[str, Any]] = {}
    for step in [*steps, Step([], history.as_of)]:
        engine.apply(events_of(step.records))
        engine.advance(instant_of(step.then or utc(engine.now)))
        for reading in engine.changed():
            known[_series(line(reading))] = line(reading)
    for now in lines(engine):
        assert known[_series(now)] == now
    shown = {_series(now) for now in lines(engine)}
    for series, then in known.items():
        empty = not (then["numerator"] or then["denominator"])
        assert series in shown or empty or not _is_computed(then, history)


def _is_computed(found: dict[str, Any], history: History) -> bool:
    # Of a metric or window that the policy in force has no more, nothing can be read.
    rules = rules_for(history.policies, found["marketplace"], history.as_of)
    table = rules.metrics.get(found["metric"], {"windows": []}) if rules else {"windows": []}
    categories = [None, *table.get("by_category", {})]
    return found["window_days"] in table["windows"] and found["category"] in categories


def _series(found: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(
        found[name] for name in ("seller", "marketplace", "metric", "window_days", "category")
    )
