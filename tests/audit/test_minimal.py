"""What is left of events gives the same figures, and says nothing of buyers."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from monitor.audit.keys import Secret
from monitor.audit.lines import line_of
from monitor.audit.minimal import Rename, as_they_are, minimal
from monitor.audit.pseudonyms import pseudonyms
from monitor.core.engine import Engine
from monitor.core.events import Event, decode
from monitor.core.instants import Instant, instant_of
from monitor.core.rules import Rulebook
from monitor.policy import parse_policy, rulebook_of
from tests.histories import History, histories
from tests.policies.documents import parsed, table

SECRET = Secret(b"0123456789abcdef0123456789abcdef")
RENAMES: list[Rename] = [as_they_are, pseudonyms(SECRET)]


def happened(history: History) -> list[Event]:
    events = [decode(json.dumps(record).encode()) for record in history.records]
    return [event for event in events if event.at <= history.as_of]


def figures(events: list[Event], rulebook: Rulebook, as_of: Instant) -> list[dict[str, Any]]:
    """What replay prints, without the name of the seller; open items."""
    engine = Engine(rulebook, as_of)
    engine.apply(events)
    lines = [line_of(one) | {"seller": ""} for one in engine.readings()]
    items = [(one.kind, one.open, one.overdue, one.first_due_at) for one in engine.open_items()]
    return [*lines, {"items": items}]


@given(histories(), st.sampled_from(RENAMES))
def test_the_figures_of_an_account_are_the_same_from_what_is_left(
    history: History, rename: Rename
) -> None:
    as_of = instant_of(history.as_of)
    rulebook = rulebook_of([parse_policy(one, "p") for one in history.policies])
    every = happened(history)
    for account in sorted({(event.seller, event.marketplace) for event in every}):
        own = [event for event in every if (event.seller, event.marketplace) == account]
        rules = rulebook.in_force(account[1], as_of)
        if rules is not None:
            left = [decode(line) for line in minimal(own, rules, rename)]
            assert figures(left, rulebook, as_of) == figures(own, rulebook, as_of)


@given(histories(), st.randoms())
def test_the_lines_depend_on_the_set_of_events_only(history: History, random: Any) -> None:
    rules = parsed().marketplaces["M1"]
    own = happened(history)
    shuffled = [*own, *own[:3]]
    random.shuffle(shuffled)
    assert minimal(shuffled, rules) == minimal(own, rules)


def test_an_order_placed_twice_at_one_instant_with_other_promises_has_one_line_for_it() -> None:
    rules, promised = parsed().marketplaces["M1"], ("2018-03-03T00:00:00Z", "2018-03-05T00:00:00Z")
    twice = [
        decode(json.dumps(COMMON | TOLD[0] | {"ship_by": ship_by, "id": "i"}).encode())
        for ship_by in promised
    ]
    lines = minimal(twice, rules)
    assert lines == minimal(twice[::-1], rules)
    assert [json.loads(line)["type"] for line in lines].count("order_placed") == 1


CANARY = "Jane Doe"
COMMON = {"at": "2018-03-01T00:00:00Z", "seller": "S", "marketplace": "M1"}
TOLD: list[dict[str, Any]] = [
    {"type": "order_placed", "order": "o", "amount": 17.25, "currency": CANARY}
    | {"category": CANARY, "buyer": CANARY},
    {"type": "order_shipped", "order": "o", "carrier": CANARY, "tracking": CANARY},
    {"type": "order_scanned", "order": "o", "carrier": CANARY, "tracking": f" {CANARY.upper()} "},
    {"type": "order_cancelled", "order": "o", "by": "seller", "reason": CANARY},
    {"type": "order_refunded", "order": "o", "refund": CANARY, "amount": 17.25, "reason": CANARY},
    {"type": "service_rated", "vote": "v", "solved": True, "order": CANARY, "thread": CANARY},
    {"type": "violation_reported", "violation": "x", "kind": CANARY, "product": CANARY},
    {"type": "message_received", "message": "g", "thread": CANARY, "text": CANARY},
    {"type": "message_answered", "message": "g", "thread": CANARY},
    {"type": "message_dismissed", "message": "g", "thread": CANARY},
    {"type": "heartbeat"},
]


def test_what_no_figure_rests_on_is_left_out_and_numbers_of_parcels_are_ranks() -> None:
    events = [decode(json.dumps(COMMON | one | {"id": CANARY}).encode()) for one in TOLD]
    lines = minimal(events, parsed().marketplaces["M1"])
    text = b"\n".join(lines).decode().casefold()
    assert "jane" not in text
    assert "17.25" not in text
    found = {row["type"]: row for row in map(json.loads, lines)}
    assert set(found) == {str(one["type"]) for one in TOLD} - {"heartbeat"}
    assert found["order_shipped"]["tracking"] == found["order_scanned"]["tracking"] == "tracking-1"
    assert found["order_shipped"]["carrier"] == found["order_scanned"]["carrier"] == "carrier-1"


def test_what_the_policy_names_stays() -> None:
    rules = parsed(
        {
            "valid_tracking_rate": table(
                "valid_tracking_rate", by_category={CANARY: "at least 95%"}
            ),
            "pre_fulfilment_cancel_rate": table(
                "pre_fulfilment_cancel_rate", excused_reasons=[CANARY]
            ),
        }
    ).marketplaces["M1"]
    events = [decode(json.dumps(COMMON | one | {"id": "i"}).encode()) for one in TOLD]
    found = {row["type"]: row for row in map(json.loads, minimal(events, rules))}
    assert found["order_placed"]["category"] == CANARY
    assert found["order_cancelled"]["reason"] == CANARY


def test_pseudonyms_are_the_same_for_the_same_id_and_of_its_kind_and_key() -> None:
    rename, other = pseudonyms(SECRET), pseudonyms(Secret(b"x" * 32))
    assert rename("order", "1") == rename("order", "1")
    names = {rename("order", "1"), rename("order", "2"), rename("claim", "1"), other("order", "1")}
    assert len(names) == 4
    events = [decode(json.dumps(COMMON | one | {"id": "i"}).encode()) for one in TOLD]
    rows = [json.loads(line) for line in minimal(events, parsed().marketplaces["M1"], rename)]
    assert {row["seller"] for row in rows} == {rename("seller", "S")}
    assert {row["order"] for row in rows if "order" in row} == {rename("order", "o")}
