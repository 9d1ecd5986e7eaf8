"""How near open items came to their deadlines in a range, from topics in memory."""

import json

import pytest

from monitor.audit.due_tracks import ClosestItem
from monitor.audit.html_report import html
from monitor.audit.range_audit import Asked, RangeAudit, audit_range
from monitor.audit.reports import as_json, text
from monitor.core.instants import parse_instant
from monitor.errors import NothingToExplain
from tests.audit.test_bundle import event, placed
from tests.audit.world import Event, World
from tests.policies.documents import parsed, table

RATE = "contact_response_rate"


def received(name: str, at: str) -> Event:
    return event("message_received", at, f"o-{name}", message=name, thread="t")


def answered(name: str, at: str) -> Event:
    return event("message_answered", at, f"o-{name}", message=name, thread="t")


@pytest.fixture
def world() -> World:
    """Of three messages one is answered at once, one after 19 hours, one never."""
    world = World(parsed({RATE: table(RATE)}, deadlines={"reply": {"warn_before_hours": 4}}))
    world.at("2026-03-02T08:00:00Z", received("m-1", "2026-03-02T08:00:00Z"))
    world.at("2026-03-02T09:00:00Z", answered("m-1", "2026-03-02T09:00:00Z"))
    world.at("2026-03-02T10:00:00Z", received("m-2", "2026-03-02T10:00:00Z"))
    world.at("2026-03-03T05:00:00Z", answered("m-2", "2026-03-03T05:00:00Z"))
    world.at("2026-03-03T12:00:00Z", received("m-3", "2026-03-03T12:00:00Z"))
    return world


def ranged(
    world: World, end: str, begin: str = "2026-03-01T00:00:00Z", metric: str | None = None
) -> RangeAudit:
    between = (parse_instant(begin), parse_instant(end))
    return audit_range(world.open_log, Asked("S1", *between, "M1", metric), "1.0")


def nearest(found: RangeAudit) -> tuple[str, int, str]:
    (item,) = found.closest_items
    return item.item, item.left_seconds // 3600, item.level


def test_the_item_that_was_open_longest_towards_its_deadline_is_named(world: World) -> None:
    found = ranged(world, "2026-03-03T12:00:00Z")
    assert found.verdicts == ()
    (item,) = found.closest_items
    assert item == ClosestItem(
        alert="S1/M1/reply",
        item="m-2",
        due_at="2026-03-03T10:00:00Z",
        open_to="2026-03-03T05:00:00Z",
        left_seconds=5 * 3600,
        warn_before_seconds=4 * 3600,
        level="ok",
    )


def test_an_item_that_is_still_open_counts_up_to_the_last_point(world: World) -> None:
    # Until 08:00 nothing was due: no point is needed for it to be known.
    world.at("2026-03-04T07:59:59Z", placed("o-9"))
    assert nearest(ranged(world, "2026-03-04T07:59:59Z")) == ("m-3", 4, "ok")


def test_an_item_that_was_warned_of_and_one_that_is_overdue_have_their_levels(
    world: World,
) -> None:
    world.at("2026-03-04T08:00:00Z")
    assert nearest(ranged(world, "2026-03-04T08:00:00Z")) == ("m-3", 4, "approaching")
    world.at("2026-03-04T12:00:01Z")
    world.at("2026-03-04T14:00:00Z", answered("m-3", "2026-03-04T14:00:00Z"))
    found = ranged(world, "2026-03-04T14:00:00Z")
    assert nearest(found) == ("m-3", -2, "breached")
    said = [one.to for one in found.verdicts if one.id.startswith("S1/M1/reply#")]
    assert said == ["approaching", "breached", "ok"]


def test_what_was_done_before_the_range_is_not_in_it(world: World) -> None:
    found = ranged(world, "2026-03-03T12:00:00Z", begin="2026-03-03T06:00:00Z")
    assert nearest(found) == ("m-3", 24, "ok")


def test_an_item_that_was_open_before_the_range_is_in_it(world: World) -> None:
    found = ranged(world, "2026-03-03T05:00:00Z", begin="2026-03-03T04:00:00Z")
    assert nearest(found) == ("m-2", 5, "ok")


def test_a_kind_can_be_asked_for_as_a_metric_can(world: World) -> None:
    world.at("2026-03-04T08:00:00Z")
    of_kind = ranged(world, "2026-03-04T08:00:00Z", metric="reply")
    assert [one.id for one in of_kind.verdicts] == ["S1/M1/reply#1"]
    assert (len(of_kind.closest), len(of_kind.closest_items)) == (0, 1)
    of_rate = ranged(world, "2026-03-04T08:00:00Z", metric=RATE)
    assert (of_rate.verdicts, of_rate.closest_items) == ((), ())
    with pytest.raises(NothingToExplain, match="no series of S1, M1, shipment"):
        ranged(world, "2026-03-04T08:00:00Z", metric="shipment")


def test_every_form_tells_it(world: World) -> None:
    found = ranged(world, "2026-03-03T12:00:00Z")
    assert (
        "S1/M1/reply: ok with m-2, open to 2026-03-03T05:00:00Z, 5.0 h before it was due"
        " (warned from 4 h before)" in text(found)
    )
    assert json.loads(as_json(found))["closest_items"][0]["item"] == "m-2"
    assert "<td>m-2</td>" in html(found)
