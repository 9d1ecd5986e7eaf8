"""What time and policies do to an engine: held events, deadlines, midnights, eras."""

import json
from datetime import date
from typing import Any

from monitor.core.balance import Applied
from monitor.core.engine import Engine
from monitor.core.events import Event, decode
from monitor.core.instants import Instant, parse_instant
from monitor.core.readings import Level, OpenItems, Reading
from monitor.core.rules import Rulebook
from monitor.policy import parse_policy, rulebook_of

SHOP: dict[str, Any] = {"seller": "shop", "marketplace": "m", "order": "o-1"}


def event(type_: str, at: str, **fields: Any) -> Event:
    return decode(
        json.dumps(SHOP | {"type": type_, "id": f"{type_}-{at}", "at": at} | fields).encode()
    )


def placed(at: str, **fields: Any) -> Event:
    return event("order_placed", at, **fields)


def document(**over: Any) -> dict[str, Any]:
    at_once = {"clear_margin": 1, "recovery_hold_hours": 0}
    said: dict[str, Any] = {"source": "a test", "runbook": "none", "alert": at_once}
    return {
        "name": "test",
        "marketplaces": {"m": {"time_zone": "UTC"}},
        "metrics": {
            "late_shipment_rate": said | {"windows": [10], "limit": "under 4%"},
            "order_defect_rate": said
            | {"windows": [60], "limit": "under 1%", "chargeback_kinds": [], "claim_hours": 72},
            "contact_response_rate": said | {"windows": [7], "limit": "at least 90%"},
            "return_dissatisfaction_rate": said | {"windows": [30], "limit": "under 10%"},
        },
    } | over


def rulebook(*documents: dict[str, Any]) -> Rulebook:
    found = documents or (document(),)
    return rulebook_of([parse_policy(one, "test.toml") for one in found])


def engine_at(now: str, *documents: dict[str, Any]) -> Engine:
    return Engine(rulebook(*documents), parse_instant(now))


def counts(engine: Engine) -> dict[str, tuple[int, int | None]]:
    return {found.metric: (found.numerator, found.denominator) for found in engine.readings()}


def at(text: str) -> Instant:
    return parse_instant(text)


def test_an_event_of_the_future_counts_from_its_instant_on() -> None:
    engine = engine_at("2018-03-01T00:00:00Z")
    applied = engine.apply([placed("2018-03-01T08:00:00Z")])
    assert applied == Applied(counted=0, redundant=0, late=0, held=1)
    engine.advance(at("2018-03-01T07:59:59Z"))
    assert engine.readings() == []
    engine.advance(at("2018-03-01T08:00:00Z"))
    assert counts(engine)["order_defect_rate"] == (0, 1)


def test_an_unshipped_order_becomes_late_without_an_event() -> None:
    engine = engine_at("2018-03-01T00:00:00Z")
    engine.apply([placed("2018-02-28T08:00:00Z", ship_by="2018-03-01T12:00:00Z")])
    engine.changed()
    engine.advance(at("2018-03-01T12:00:00Z"))
    assert counts(engine)["late_shipment_rate"] == (0, 1)
    assert engine.changed() == []
    engine.advance(at("2018-03-01T12:00:00.000001Z"))
    assert counts(engine)["late_shipment_rate"] == (1, 1)
    (changed,) = engine.changed()
    assert (changed.metric, changed.moved_by) == ("late_shipment_rate", "time")


def test_a_day_that_leaves_the_window_touches_its_series() -> None:
    engine = engine_at("2018-03-01T00:00:00Z")
    engine.apply([placed("2018-02-28T08:00:00Z"), event("order_shipped", "2018-02-28T09:00:00Z")])
    engine.changed()
    engine.advance(at("2018-03-09T23:59:59Z"))
    assert counts(engine)["late_shipment_rate"] == (0, 1)
    engine.advance(at("2018-03-10T00:00:00Z"))
    assert "late_shipment_rate" not in counts(engine)
    empty = [found for found in engine.changed() if found.metric == "late_shipment_rate"]
    assert [(found.denominator, found.level) for found in empty] == [(0, Level.NO_DATA)]


def test_time_never_goes_back() -> None:
    engine = engine_at("2018-03-01T00:00:00Z")
    engine.advance(at("2018-02-01T00:00:00Z"))
    assert engine.now == at("2018-03-01T00:00:00Z")


def test_what_is_past_retention_is_forgotten_and_late() -> None:
    engine = engine_at("2018-01-01T00:00:00Z", document(retention_days=70))
    engine.apply([placed("2017-12-31T08:00:00Z")])
    for day in range(1, 80):
        engine.advance(at("2018-01-01T00:00:00Z") + day * 86_400_000_000)
    assert engine.readings() == []
    assert engine.open_items() == []
    assert engine.balance().counted == 0
    again = engine.apply([placed("2017-12-31T08:00:00Z")])
    assert again == Applied(counted=0, redundant=0, late=1, held=0)


def test_lateness_does_not_depend_on_the_order_of_reading() -> None:
    old = placed("2016-01-01T08:00:00Z")
    vote = event("feedback_left", "2016-01-09T08:00:00Z", feedback="f", rating=1)
    for events in ([old, vote], [vote, old], [vote, old, vote]):
        engine = engine_at("2018-01-01T00:00:00Z")
        engine.apply(events)
        balance = engine.balance()
        assert (balance.counted, balance.redundant, balance.late) == (0, 0, len(events))


def test_open_items_know_what_is_overdue_and_what_comes_first() -> None:
    engine = engine_at("2018-03-02T12:00:00Z")
    engine.apply(
        [
            placed("2018-03-01T08:00:00Z", ship_by="2018-03-02T00:00:00Z"),
            placed("2018-03-01T08:00:00Z", order="o-2", ship_by="2018-03-03T00:00:00Z"),
            event("message_received", "2018-03-02T00:00:00Z", message="n-1", thread="t"),
            event("return_requested", "2018-03-01T00:00:00Z", **{"return": "r-1"}),
            event("claim_opened", "2018-03-01T00:00:00Z", claim="c-1", kind="guarantee"),
            event("claim_opened", "2018-03-01T00:00:00Z", claim="c-2", kind="chargeback_fraud"),
        ]
    )
    found = {items.kind: items for items in engine.open_items()}
    assert found["shipment"] == OpenItems(
        seller="shop",
        marketplace="m",
        kind="shipment",
        open=2,
        overdue=1,
        first_due_at=at("2018-03-02T00:00:00Z"),
    )
    assert found["reply"].first_due_at == at("2018-03-03T00:00:00Z")
    assert found["return_answer"].first_due_at == at("2018-03-03T00:00:00Z")
    assert found["claim_answer"].open == 1
    engine.apply(
        [
            event("order_shipped", "2018-03-02T11:00:00Z"),
            event("order_cancelled", "2018-03-02T11:00:00Z", order="o-2", by="buyer"),
            event("message_dismissed", "2018-03-02T11:00:00Z", message="n-1", thread="t"),
            event(
                "return_answered", "2018-03-02T11:00:00Z", decision="replied", **{"return": "r-1"}
            ),
            event("claim_decided", "2018-03-02T11:00:00Z", claim="c-1", outcome="denied"),
        ]
    )
    assert engine.open_items() == []


def test_a_policy_holds_from_midnight_in_its_own_time_zone() -> None:
    before = document(marketplaces={"m": {"time_zone": "Asia/Tokyo"}})
    after = document(
        valid_from=date(2018, 3, 2),
        marketplaces={"m": {"time_zone": "Asia/Tokyo"}},
        metrics={
            "late_shipment_rate": {
                "windows": [3, 30],
                "limit": "under 4%",
                "source": "a test",
                "runbook": "none",
            }
        },
    )
    engine = engine_at("2018-03-01T12:00:00Z", before, after)
    engine.apply([placed("2018-03-01T08:00:00Z")])
    engine.advance(at("2018-03-01T14:59:59Z"))
    assert set(counts(engine)) == {"late_shipment_rate", "order_defect_rate"}
    engine.advance(at("2018-03-01T15:00:00Z"))
    ended = [
        (found.metric, found.window_days, found.level, found.moved_by)
        for found in engine.changed()
        if not found.denominator
    ]
    assert ended == [
        ("late_shipment_rate", 10, Level.NO_DATA, "policy"),
        ("order_defect_rate", 60, Level.NO_DATA, "policy"),
    ]
    windows = [(found.metric, found.window_days) for found in engine.readings()]
    assert windows == [("late_shipment_rate", 3), ("late_shipment_rate", 30)]
    fresh = Engine(rulebook(before, after), at("2018-03-01T15:00:00Z"))
    fresh.apply([placed("2018-03-01T08:00:00Z")])
    assert fresh.readings() == engine.readings()
    assert fresh.open_items() == engine.open_items()


def test_a_marketplace_that_no_policy_names_gives_no_series() -> None:
    engine = engine_at("2018-03-02T00:00:00Z")
    engine.apply([placed("2018-03-01T08:00:00Z", marketplace="elsewhere")])
    assert engine.readings() == []
    assert engine.open_items() == []
    assert engine.unknown_marketplaces == ["elsewhere"]


def test_a_named_marketplace_beats_the_star() -> None:
    late = {"late_shipment_rate": document()["metrics"]["late_shipment_rate"]}
    star = document(name="star", marketplaces={"*": {"time_zone": "UTC"}}, metrics=late)
    engine = engine_at("2018-03-02T00:00:00Z", document(), star)
    engine.apply(
        [
            placed("2018-03-01T08:00:00Z"),
            placed("2018-03-01T08:00:00Z", marketplace="elsewhere"),
        ]
    )
    found = [(reading.marketplace, reading.metric) for reading in engine.readings()]
    assert found == [
        ("elsewhere", "late_shipment_rate"),
        ("m", "late_shipment_rate"),
        ("m", "order_defect_rate"),
    ]
    assert engine.unknown_marketplaces == []


def test_the_evidence_adds_up_to_the_reading() -> None:
    engine = engine_at("2018-03-09T00:00:00Z")
    engine.apply(
        [
            placed("2018-03-01T08:00:00Z"),
            placed("2018-03-01T08:00:00Z", order="o-2"),
            event("feedback_left", "2018-03-02T08:00:00Z", feedback="f-12", rating=1),
        ]
    )
    found = engine.evidence("shop", "m", "order_defect_rate", 60)
    assert [(one.subject_id, one.in_numerator, one.reasons) for one in found] == [
        ("o-1", True, ("feedback f-12, 1 star, 2018-03-02",)),
        ("o-2", False, ("no defect",)),
    ]
    reading = reading_of(engine, "order_defect_rate")
    assert engine.offenders(reading) == (["o-1"], 1)


def reading_of(engine: Engine, metric: str) -> Reading:
    (found,) = (reading for reading in engine.readings() if reading.metric == metric)
    return found


def test_a_scan_counts_as_the_shipments_whichever_shipment_turns_out_the_earliest() -> None:
    engine = engine_at("2018-03-09T00:00:00Z")
    parcel = {"order": "o-1", "carrier": "UPS"}
    engine.apply(
        [
            placed("2018-03-01T08:00:00Z", order="o-1"),
            event("order_shipped", "2018-03-02T08:00:00Z", **parcel, tracking="1Z"),
            event("order_scanned", "2018-03-02T09:00:00Z", **parcel, tracking=" 1z"),
            event("order_scanned", "2018-03-02T10:00:00Z", **parcel, tracking="2Z"),
        ]
    )
    (order,) = (account.orders["o-1"] for account in engine._accounts.values())
    assert (order.scanned, order.scans) == (True, (("ups", "1z"), ("ups", "2z")))
    engine.apply([event("order_shipped", "2018-03-01T09:00:00Z", **parcel, tracking="3Z")])
    assert (order.scanned, order.scans) == (False, (("ups", "1z"), ("ups", "2z")))
    engine.apply([event("order_shipped", "2018-03-01T08:30:00Z", **parcel, tracking="2z")])
    assert (order.scanned, order.scans) == (True, (("ups", "1z"), ("ups", "2z")))
