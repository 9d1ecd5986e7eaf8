"""Decoding: what is an event, and which reason a record that is none gets."""

import json
from typing import Any

import pytest

from monitor.core import events as ev
from monitor.core.instants import DAY, instant_of
from monitor.errors import InvalidEvent, InvalidReason

PLACED: dict[str, Any] = {
    "type": "order_placed",
    "id": "e-1",
    "at": "2018-03-01T10:00:00Z",
    "seller": "shop-1",
    "marketplace": "olist-br",
    "order": "o-1",
}


def wire(**fields: Any) -> bytes:
    return json.dumps(PLACED | fields).encode()


def reason_of(value: bytes) -> InvalidReason:
    with pytest.raises(InvalidEvent) as caught:
        ev.decode(value)
    return caught.value.reason


def test_null_means_absent() -> None:
    event = ev.decode(wire(category=None, ship_by=None, fulfilled_by=None))
    assert isinstance(event, ev.OrderPlaced)
    assert event.category is None
    assert event.ship_by is None


def test_unknown_fields_are_ignored() -> None:
    assert ev.decode(wire(colour="red")).id == "e-1"


def test_an_offset_names_the_same_instant_as_utc() -> None:
    there = ev.decode(wire(at="2018-03-01T07:00:00-03:00"))
    assert instant_of(there.at) == instant_of(ev.decode(wire()).at)


@pytest.mark.parametrize("value", [b"", b"\xff", b"{", wire() + b"x", b'{"type":NaN}'])
def test_bytes_that_are_not_json_are_told_apart(value: bytes) -> None:
    assert reason_of(value) is InvalidReason.NOT_JSON


def test_text_that_is_not_utf8_is_not_json_even_in_an_unknown_field() -> None:
    value = wire(colour="red").replace(b"red", b"\xff")
    assert reason_of(value) is InvalidReason.NOT_JSON


@pytest.mark.parametrize("type_", ["order_lost", "", "ORDER_PLACED"])
def test_an_unknown_type_is_named_as_such(type_: str) -> None:
    assert reason_of(wire(type=type_)) is InvalidReason.UNKNOWN_TYPE


@pytest.mark.parametrize(
    "fields",
    [
        {"at": "2018-03-01T10:00:00"},
        {"at": "2018-03-01"},
        {"at": 1519898400},
        {"at": None},
        {"id": ""},
        {"id": "x" * 129},
        {"seller": "a b"},
        {"seller": "shop\n"},
        {"seller": "ü"},
        {"seller": ""},
        {"seller": "s" * 65},
        {"marketplace": "a/b"},
        {"order": None},
        {"order": 7},
        {"fulfilled_by": "carrier"},
        {"ship_by": "soon"},
        {"type": 3},
        {"type": "feedback_left", "feedback": "f", "rating": 6},
        {"type": "feedback_left", "feedback": "f", "rating": 0},
        {"type": "feedback_left", "feedback": "f", "rating": True},
        {"type": "feedback_left", "feedback": "f"},
        {"type": "order_cancelled", "by": "carrier"},
        {"type": "return_requested"},
    ],
)
def test_a_missing_or_malformed_field_is_named(fields: dict[str, Any]) -> None:
    assert reason_of(wire(**fields)) is InvalidReason.MALFORMED


@pytest.mark.parametrize("value", [b"[]", b"3", b'"order_placed"', b"{}"])
def test_json_that_is_no_object_with_a_type_is_malformed(value: bytes) -> None:
    assert reason_of(value) is InvalidReason.MALFORMED


def test_a_seller_may_use_all_of_its_64_characters() -> None:
    name = "aZ09_-" + "s" * 58
    assert ev.decode(wire(seller=name)).seller == name


def test_the_key_must_be_the_seller() -> None:
    event = ev.decode(wire())
    ev.check_recorded(event, b"shop-1", instant_of(event.at))
    for key in (b"shop-2", b"", None):
        with pytest.raises(InvalidEvent) as caught:
            ev.check_recorded(event, key, instant_of(event.at))
        assert caught.value.reason is InvalidReason.FOREIGN_KEY


def test_an_event_may_be_a_day_ahead_of_its_record_and_no_more() -> None:
    event = ev.decode(wire())
    at = instant_of(event.at)
    ev.check_recorded(event, b"shop-1", at - DAY)
    with pytest.raises(InvalidEvent) as caught:
        ev.check_recorded(event, b"shop-1", at - DAY - 1)
    assert caught.value.reason is InvalidReason.FUTURE


def test_every_type_has_a_topic_and_a_place_in_the_schema() -> None:
    schema = ev.json_schema()
    mapping = schema["discriminator"]["mapping"]
    assert set(mapping) == set(ev.TOPIC_OF)
    assert set(ev.TOPIC_OF.values()) == set(ev.SOURCE_TOPICS)


def test_the_schema_names_fields_as_they_travel() -> None:
    definitions = ev.json_schema()["$defs"]
    assert "return" in definitions["ReturnRequested"]["required"]
    assert definitions["OrderPlaced"]["properties"]["seller"]["pattern"] == "^[A-Za-z0-9_-]{1,64}$"
    assert definitions["FeedbackLeft"]["properties"]["rating"]["maximum"] == 5
