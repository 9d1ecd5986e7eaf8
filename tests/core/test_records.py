"""Ledger records: what is written comes back, and of foreign ones is said what is wrong."""

import msgspec
import pytest

from monitor.core.facts import Claim, Feedback, Order, Return
from monitor.core.ledger_keys import key_of, parse_key
from monitor.core.limits import ITEMS_MAX, RECORD_BYTES_MAX
from monitor.core.records import CODECS, FORMAT, absorb_order, decode, encode_order
from monitor.errors import LedgerError
from tests.core.test_engine import engine_at, event, placed

KEY = parse_key(key_of("s1", "shop", "order", "o-1", 3))


def test_an_order_comes_back_with_all_that_belongs_to_it() -> None:
    order = Order(
        id="o-1",
        placed_at=1,
        category="shoes",
        ship_by=5,
        ship_by_said_at=1,
        shipped_at=4,
        carrier="UPS",
        tracking="1Z",
        scanned=True,
        other_scans=(("dhl", "2"),),
        feedback=(Feedback(id="f", at=6, removed=False, rating=1),),
        claims={"c": Claim(opened_at=7, decided_at=8, outcome="denied", at_fault="buyer")},
        returns={"r": Return(id="r", order="o-1", requested_at=9, rated_at=10, satisfied=False)},
    )
    again = Order(id="o-1")
    absorb_order(again, decode(encode_order(order), CODECS[Order].decoder, KEY))
    assert encode_order(again) == encode_order(order)
    assert again.returns is not None
    assert again.returns["r"].order == "o-1"


def test_a_record_of_a_newer_program_is_refused_with_what_to_do() -> None:
    newer = msgspec.msgpack.encode([FORMAT + 1, "whatever"])
    with pytest.raises(LedgerError, match="a newer version of the monitor has written it"):
        decode(newer, CODECS[Order].decoder, KEY)


@pytest.mark.parametrize("value", [b"", b"\xff", b"\x90", msgspec.msgpack.encode([FORMAT, "x"])])
def test_a_record_that_is_none_is_refused_by_its_key(value: bytes) -> None:
    with pytest.raises(LedgerError, match="o-1"):
        decode(value, CODECS[Order].decoder, KEY)


def test_an_order_takes_only_as_many_items_as_fit_into_its_record() -> None:
    engine = engine_at("2018-03-09T00:00:00Z")
    engine.apply([placed("2018-03-01T08:00:00Z", order="o-1")])
    feedback = [
        event("feedback_left", "2018-03-02T08:00:00Z", order="o-1", feedback=f"f-{n}", rating=5)
        for n in range(2 * ITEMS_MAX)
    ]
    applied = engine.apply(feedback)
    assert applied.counted + len(applied.too_large) == len(feedback)
    assert applied.counted > RECORD_BYTES_MAX // 100
    (order,) = engine._accounts["shop", "m"].orders.values()
    assert RECORD_BYTES_MAX * 0.9 < len(encode_order(order)) <= RECORD_BYTES_MAX
    # What it knows already, it knows still.
    assert engine.apply(feedback[:1]).redundant == 1


def test_an_order_is_named_by_only_so_many_messages() -> None:
    engine = engine_at("2018-03-09T00:00:00Z")
    received = [
        event("message_received", "2018-03-02T08:00:00Z", message=f"m-{n}", thread="t", order="o-1")
        for n in range(ITEMS_MAX + 5)
    ]
    applied = engine.apply(received)
    assert (applied.counted, applied.too_large) == (ITEMS_MAX, tuple(received[ITEMS_MAX:]))


def test_texts_without_end_are_refused_before_they_are_kept() -> None:
    engine = engine_at("2018-03-09T00:00:00Z")
    long = event("violation_reported", "2018-03-02T08:00:00Z", violation="v", kind="x" * 20_000)
    assert engine.apply([long]).too_large == (long,)
    assert engine.apply([long]).counted == 0
