"""Routing: which receivers hear of what, and what hides it until when."""

from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.instants import DAY, HOUR, parse_instant
from monitor.core.readings import Level
from monitor.core.rules import Severity
from monitor.notify.examples import example_item, ways_of
from monitor.notify.mute_times import MuteTime
from monitor.notify.routing import Decision, Route, Routing, decide
from monitor.notify.silences import Silence
from tests.notify.messages import HOSTILE, deadline, item, metric

UTC = ZoneInfo("UTC")
# A Thursday.
NOON = parse_instant("2018-03-01T12:00:00Z")
NIGHT = parse_instant("2018-03-01T23:00:00Z")
DELIVER, UNROUTED = Decision("deliver"), Decision("unrouted")


def route(*receivers: str, name: str = "a", **own: object) -> Route:
    return Route(name, frozenset(receivers), **own)  # type: ignore[arg-type]


def night(name: str = "night") -> MuteTime:
    return MuteTime(name, UTC, 22 * 60, 7 * 60)


def silence(**own: object) -> Silence:
    given: dict[str, object] = {"seller": "shop", "id": "s1", "author": "a", "reason": "r"}
    given |= {"begins_at": NOON, "ends_at": NOON + 8 * HOUR}
    return Silence(**(given | own))  # type: ignore[arg-type]


def test_without_routes_each_receiver_gets_everything() -> None:
    for found in (item(), item(deadline(), "info")):
        assert decide(found, "anyone", NOON, Routing(), ()) == DELIVER


@pytest.mark.parametrize(
    ("own", "decision"),
    [
        ({}, DELIVER),
        ({"sellers": ("shop",)}, DELIVER),
        ({"sellers": ("other", "sh?p")}, DELIVER),
        ({"sellers": ("other",)}, UNROUTED),
        ({"marketplaces": ("m",), "metrics": ("order_*",)}, DELIVER),
        ({"marketplaces": ("n",), "metrics": ("order_*",)}, UNROUTED),
        ({"metrics": ("reply", "late_*")}, UNROUTED),
        ({"severities": frozenset({"critical"})}, DELIVER),
        ({"severities": frozenset({"warning", "info"})}, UNROUTED),
    ],
)
def test_a_route_takes_what_fits_all_that_it_names(own: dict[str, Any], decision: Decision) -> None:
    assert decide(item(), "pager", NOON, Routing((route("pager", **own),)), ()) == decision


def test_kinds_of_open_items_are_routed_as_metrics_are() -> None:
    routing = Routing((route("pager", metrics=("reply",)),))
    assert decide(item(deadline()), "pager", NOON, routing, ()) == DELIVER
    assert decide(item(metric()), "pager", NOON, routing, ()) == UNROUTED


def test_every_route_that_fits_delivers() -> None:
    routing = Routing((route("pager", severities=frozenset({"critical"})), route("pager", "mail")))
    assert decide(item(), "mail", NOON, routing, ()) == DELIVER
    assert decide(item(severity="warning"), "pager", NOON, routing, ()) == DELIVER
    assert decide(item(), "slack", NOON, routing, ()) == UNROUTED


@pytest.mark.parametrize("told", [Level.BREACHED, Level.APPROACHING, Level.UNKNOWN])
def test_who_was_told_of_an_alert_hears_how_it_goes_on(told: Level) -> None:
    routing = Routing((route("pager", severities=frozenset({"critical"})),))
    milder = metric(seq=2, to=Level.APPROACHING)
    assert decide(item(milder, "warning"), "pager", NOON, routing, ()) == UNROUTED
    told_before = item(milder, "warning", previous=metric(to=told))
    assert decide(told_before, "pager", NOON, routing, ()) == DELIVER


def test_a_mute_time_postpones_to_its_end() -> None:
    routing = Routing((route("pager", mute_times=(night(),)),))
    assert decide(item(), "pager", NOON, routing, ()) == DELIVER
    end = parse_instant("2018-03-02T07:00:00Z")
    assert decide(item(), "pager", NIGHT, routing, ()) == Decision("muted", end, "night")


def test_one_way_that_is_not_muted_is_enough() -> None:
    muted = route("pager", mute_times=(night(),))
    routing = Routing((muted, route("pager", severities=frozenset({"critical"}))))
    assert decide(item(), "pager", NIGHT, routing, ()) == DELIVER
    assert decide(item(severity="warning"), "pager", NIGHT, routing, ()).outcome == "muted"


def test_of_muted_ways_the_first_to_be_over_counts() -> None:
    long = MuteTime("long", UTC, dates=frozenset({date(2018, 3, 1), date(2018, 3, 2)}))
    ways = (route("pager", mute_times=(long,)), route("pager", mute_times=(night(),)))
    end = parse_instant("2018-03-02T07:00:00Z")
    assert decide(item(), "pager", NIGHT, Routing(ways), ()) == Decision("muted", end, "night")


def test_mute_times_of_a_route_that_follow_one_another_are_one() -> None:
    weekend = MuteTime("weekend", UTC, weekdays=frozenset({5, 6}))
    routing = Routing((route("pager", mute_times=(weekend, night())),))
    saturday, monday = parse_instant("2018-03-03T12:00:00Z"), parse_instant("2018-03-05T07:00:00Z")
    assert decide(item(), "pager", saturday, routing, ()) == Decision("muted", monday, "night")


def test_a_silence_hides_from_every_receiver_until_it_ends() -> None:
    routing = Routing((route("pager", mute_times=(night(),)),))
    end = NOON + 8 * HOUR
    assert decide(item(), "pager", NOON, routing, [silence()]) == Decision("silenced", end, "s1")
    assert decide(item(), "pager", NOON, Routing(), [silence()]).outcome == "silenced"
    assert decide(item(), "pager", end, Routing(), [silence()]) == DELIVER
    assert decide(item(), "mail", NOON, routing, [silence()]) == UNROUTED


severities = st.sampled_from(["info", "warning", "critical"])
patterns = st.lists(
    st.sampled_from(["shop", "s*", "x", "*", "m", "order_*", "[a"]), max_size=2
).map(tuple)
routes = st.builds(
    Route,
    st.just("r"),
    st.frozensets(st.sampled_from(["pager", "mail"]), min_size=1),
    patterns,
    patterns,
    patterns,
    st.frozensets(severities),
    st.just(()) | st.just((night(),)),
)


@given(st.lists(routes, min_size=1, max_size=4), routes, severities, st.integers(NOON, NOON + DAY))
def test_one_more_route_never_takes_anything_away(
    found: list[Route], more: Route, severity: Severity, at: int
) -> None:
    some, all_ = Routing(tuple(found)), Routing((*found, more))
    before = decide(item(severity=severity), "pager", at, some, ())
    after = decide(item(severity=severity), "pager", at, all_, ())
    rank = {"deliver": 0, "muted": 1, "unrouted": 2}
    assert rank[after.outcome] <= rank[before.outcome]


@given(st.lists(routes, max_size=4), severities, st.integers(NOON, NOON + DAY))
def test_what_is_postponed_is_decided_otherwise_at_its_end(
    found: list[Route], severity: Severity, at: int
) -> None:
    routing, quiet = Routing(tuple(found)), [silence(ends_at=NOON + 3 * HOUR)]
    decision = decide(item(severity=severity), "pager", at, routing, quiet)
    if decision.until is None:
        assert decision.outcome in ("deliver", "unrouted")
        return
    assert decision.until > at
    assert decide(item(severity=severity), "pager", decision.until, routing, quiet) != decision


def test_an_example_shows_who_is_told_through_which_route_and_what_hides_it() -> None:
    routing = Routing(
        (
            route("pager", name="notify.routes.0", severities=frozenset({"critical"})),
            route("team", name="notify.routes.1", mute_times=(night(),)),
        )
    )
    zones = {"pager": UTC, "team": ZoneInfo("Europe/Berlin"), "mail": UTC}
    example = example_item(metric="reply", at=NIGHT)
    assert list(ways_of(example, zones, routing, (), NIGHT)) == [
        "critical reply of seller example-seller in marketplace example-marketplace at"
        " 2018-03-01T23:00:00Z:",
        "  pager: told at once, through notify.routes.0",
        "  team: told when mute time night ends at Fri 2018-03-02 08:00 CET, if it is still so;"
        " through notify.routes.1",
        "  mail: not told, no route to it fits",
    ]


def test_an_example_without_routes_or_receivers_says_so() -> None:
    example = example_item(seller=HOSTILE, at=NOON)
    quiet = [silence(seller="*")]
    lines = [
        *ways_of(example, {"pager": UTC}, Routing(), (), NOON),
        *ways_of(example, {"pager": UTC}, Routing(), quiet, NOON),
        *ways_of(example, {}, Routing(), (), NOON),
    ]
    assert lines[1] == "  pager: told at once, since there are no routes"
    assert "silence s1 ends at Thu 2018-03-01 20:00 UTC" in lines[3]
    assert lines[5] == "  nobody is told: there are no receivers"
    assert all(line.isprintable() for line in lines)
