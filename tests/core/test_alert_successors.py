"""What the next owner of a partition knows of its alerts."""

from typing import Any

import msgspec
import pytest

from monitor.core.alert_records import Link
from monitor.core.alerts import AlertBook
from monitor.core.instants import DAY, Instant
from monitor.core.journal import Journal
from monitor.core.ledger_keys import parse_key
from tests.core.alert_shop import LATE, NOON, Shop, moves, policy
from tests.core.test_engine import at, event, placed


def successor_of(shop: Shop, *policies: dict[str, Any], evaluated_at: Instant) -> Shop:
    """Who takes over what the ledger holds, as of a point."""
    other = Shop(*policies, now=evaluated_at)
    other.book.chain, other.book.evaluated_at = Link(100, ""), evaluated_at
    for key, value in shop.journal.take(1).records:
        assert value is not None
        if b"/alert/" in key:
            other.book.restore(parse_key(key), value, superseded=False)
        else:
            other.engine.restore(parse_key(key), value)
    return other


def test_a_hold_goes_on_under_the_next_owner() -> None:
    slow = policy(alert={"hold_minutes": 30})
    shop = Shop(slow)
    shop.at(NOON, LATE)
    shop.at("2018-03-01T13:00:01Z")
    other = successor_of(shop, slow, evaluated_at=shop.engine.now)
    assert other.at("2018-03-01T13:20:00Z", caught_up=True) == []
    assert moves(other.goes_on(at("2018-03-01T13:40:00Z"))) == [("ok", "breached", "time")]
    assert other.said[0].as_of == "2018-03-01T13:30:01Z"


def test_a_hold_that_began_in_a_write_that_was_cut_short_never_began() -> None:
    slow = policy(alert={"hold_minutes": 30})
    shop = Shop(slow)
    shop.at(NOON, LATE)
    shop.at("2018-03-01T13:00:01Z")
    other = successor_of(shop, slow, evaluated_at=NOON)
    other.at("2018-03-01T13:20:00Z", caught_up=True)
    assert moves(other.goes_on(at("2018-03-01T14:00:00Z"))) == [
        ("unknown", "breached", "caught_up")
    ]
    assert other.said[0].as_of == "2018-03-01T13:50:00Z"


def test_a_hold_noted_by_a_superseded_owner_leaves_what_it_said_before() -> None:
    shop = Shop(policy(alert={"recovery_hold_hours": 24}))
    shop.at(NOON, LATE)
    (said,) = shop.at("2018-03-01T13:00:01Z")
    shop.journal.take(1)
    early = event("order_shipped", "2018-03-01T12:30:00Z")
    assert shop.at("2018-03-01T14:00:00Z", early) == []
    (alert,) = [one for one in shop.journal.take(1).records if b"/alert/" in one[0]]
    assert alert[1] is not None
    book = AlertBook("1.0", Journal())
    book.chain, book.evaluated_at = Link(100, ""), shop.engine.now
    book.restore(parse_key(alert[0]), alert[1], superseded=True)
    (state,) = book._states.values()
    assert (state.present.seq, state.present.pending) == (1, "")
    assert book.unpublished(0) == [said.encode()]


def test_an_alert_of_the_ledgers_first_format_is_read() -> None:
    shop = Shop(policy(alert={"repeat_every_hours": 48}))
    shop.at(NOON, LATE)
    (said,) = shop.at("2018-03-01T13:00:01Z")
    old = msgspec.msgpack.encode([1, ["breached", 1, 1], ["ok", 0, 0], 1, said.encode()])
    other = Shop(policy(alert={"repeat_every_hours": 48}))
    other.book.chain = Link(1, "")
    key = parse_key(b"shop/m/alert/late_shipment_rate/10|1")
    other.book.restore(key, old, superseded=False)
    other.hears(LATE)
    shop.goes_on(NOON + 3 * DAY)
    other.at("2018-03-01T13:00:02Z", caught_up=True)
    other.goes_on(NOON + 3 * DAY)
    assert [one.as_of for one in other.said] == ["2018-03-03T13:00:01Z"]
    assert other.said[0].seq == shop.said[1].seq == 2


@pytest.mark.parametrize("change", [{"windows": [20]}, {"metric": "order_defect_rate"}])
def test_what_the_next_owners_policy_does_not_know_is_closed_for_that_reason(
    change: dict[str, Any],
) -> None:
    shop = Shop(policy())
    shop.at(NOON, LATE)
    shop.at("2018-03-01T13:00:01Z")
    metric = change.pop("metric", "late_shipment_rate")
    known = policy(metric)
    known["metrics"][metric] |= change
    other = successor_of(shop, known, evaluated_at=shop.engine.now)
    other.at("2018-03-01T13:20:00Z", caught_up=True)
    closed = [one for one in other.said if one.alert == shop.said[0].alert]
    assert moves(closed) == [("breached", "no_data", "policy")]
    assert closed[0].policy == other.engine.digest("m") != shop.said[0].policy
    assert closed[0].episode == shop.said[0].episode


SLOW_TO_CLOSE = {"recovery_hold_hours": 72, "clear_margin": 0}
GOOD = (
    placed("2018-02-26T08:00:00Z", order="good", ship_by="2018-03-01T11:00:00Z"),
    event("order_shipped", "2018-02-27T08:00:00Z", order="good"),
)


def loosened(alert: dict[str, Any]) -> dict[str, Any]:
    """A policy under which every second shipment may be late."""
    own = policy(alert=alert)
    own["metrics"]["late_shipment_rate"] |= {"limit": "under 90%", "approach": "80%"}
    return own


def test_what_a_loosened_limit_allows_is_closed_at_once_and_for_that_reason() -> None:
    shop = Shop(policy(alert=SLOW_TO_CLOSE))
    shop.at(NOON, LATE, *GOOD)
    shop.at("2018-03-01T13:00:01Z")
    other = successor_of(shop, loosened(SLOW_TO_CLOSE), evaluated_at=shop.engine.now)
    other.at("2018-03-01T13:20:00Z", caught_up=True, ruled_anew=("m",))
    assert moves(other.said) == [("breached", "ok", "policy")]


def test_what_a_tightened_limit_forbids_is_opened_for_that_reason() -> None:
    shop = Shop(loosened({}))
    shop.at(NOON, LATE, *GOOD)
    assert shop.at("2018-03-01T13:00:01Z") == []
    other = successor_of(shop, policy(), evaluated_at=shop.engine.now)
    other.at("2018-03-01T13:20:00Z", caught_up=True, ruled_anew=("m",))
    assert moves(other.said) == [("ok", "breached", "policy")]


def test_another_marketplaces_policy_is_no_reason() -> None:
    shop = Shop(policy(alert=SLOW_TO_CLOSE))
    shop.at(NOON, LATE, *GOOD)
    shop.at("2018-03-01T13:00:01Z")
    other = successor_of(shop, policy(alert=SLOW_TO_CLOSE), evaluated_at=shop.engine.now)
    scanned = event("order_shipped", "2018-03-01T12:30:00Z")
    assert other.at("2018-03-01T13:20:00Z", scanned, caught_up=True, ruled_anew=("other",)) == []
