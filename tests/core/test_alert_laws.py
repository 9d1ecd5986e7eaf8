"""Alerts over lives: what holds whatever happens, in whatever order."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from monitor.core.alert_records import MetricRecord
from monitor.core.alerts import AlertBook
from monitor.core.events import Event
from monitor.core.instants import DAY, HOUR, SECOND, Instant, isoformat
from monitor.core.readings import Level
from monitor.core.standing import QUIET
from tests.core.alert_shop import DEADLINES, NOON, Shop, heartbeat
from tests.core.test_engine import at, document, event, placed

MOMENTS = [NOON + hour * HOUR for hour in range(0, 15 * 24, 5)]


@st.composite
def lives(draw: st.DrawFn) -> list[Event]:
    """Orders of a fortnight, some late, some bad, some spoken of."""
    events: list[Event] = []
    for number in range(draw(st.integers(1, 6))):
        name = f"o-{number}"
        began = draw(st.sampled_from(MOMENTS))
        ship_by = began + draw(st.integers(1, 60)) * HOUR
        events.append(placed(isoformat(began), order=name, ship_by=isoformat(ship_by)))
        if draw(st.booleans()):
            amended, promised = (isoformat(began + draw(st.integers(1, 90)) * HOUR) for _ in "12")
            events.append(event("order_amended", amended, order=name, ship_by=promised))
        if draw(st.booleans()):
            shipped = began + draw(st.integers(1, 90)) * HOUR
            events.append(event("order_shipped", isoformat(shipped), order=name))
        if draw(st.booleans()):
            left = began + draw(st.integers(1, 90)) * HOUR
            events.append(
                event("feedback_left", isoformat(left), order=name, feedback="f", rating=1)
            )
            if draw(st.booleans()):
                gone = left + draw(st.integers(0, 30)) * HOUR
                events.append(event("feedback_removed", isoformat(gone), order=name, feedback="f"))
        if draw(st.booleans()):
            beat = draw(st.sampled_from(MOMENTS))
            events.append(heartbeat(isoformat(beat)))
    return events


ALERTS = st.fixed_dictionaries(
    {
        "hold_minutes": st.sampled_from([0, 30, 600]),
        "recovery_hold_hours": st.sampled_from([0, 24]),
        "repeat_every_hours": st.sampled_from([24, 72]),
        "approach_headroom": st.sampled_from([0, 3]),
    }
)


def life_policy(alert: dict[str, Any], heartbeat_hours: int | None) -> dict[str, Any]:
    tables = {
        name: table | {"alert": alert, "approach": "3%"}
        for name, table in document()["metrics"].items()
        if name in ("late_shipment_rate", "order_defect_rate")
    }
    tables["order_defect_rate"] |= {"approach": "0.5%"}
    own = {} if heartbeat_hours is None else {"heartbeat_hours": heartbeat_hours}
    return document(metrics=tables, deadlines=DEADLINES) | own


class Attentive(AlertBook):
    """Looks at open items of which nothing is due too."""

    def _is_calm(self, *_: object) -> bool:
        return False


def lived(
    events: list[Event],
    own: dict[str, Any],
    idle: set[Instant],
    order: int,
    book: type[AlertBook] = AlertBook,
) -> Shop:
    """A fortnight with points at each event, each wake, and at ``idle`` instants."""
    shop = Shop(own)
    shop.book = book("1.0", shop.journal)
    by_instant: dict[Instant, list[Event]] = {}
    for one in events[::order]:
        by_instant.setdefault(at(one.at.isoformat()), []).append(one)
    for instant in sorted({*by_instant, *idle, *(NOON + day * DAY for day in range(30))}):
        shop.goes_on(instant - SECOND)
        shop.at(instant, *by_instant.get(instant, ()))
    return shop


@given(
    lives(),
    ALERTS,
    st.sampled_from([None, 30]),
    st.sets(st.sampled_from([NOON + hour * HOUR for hour in range(0, 700, 7)]), max_size=5),
    st.sampled_from([1, -1]),
)
def test_neither_idle_points_nor_the_order_of_events_change_a_byte(
    events: list[Event],
    alert: dict[str, Any],
    heartbeat_hours: int | None,
    idle: set[Instant],
    order: int,
) -> None:
    own = life_policy(alert, heartbeat_hours)
    one = lived(events, own, idle, 1)
    other = lived(events, own, set(), order)
    assert [record.encode() for record in one.said] == [record.encode() for record in other.said]


@given(lives(), ALERTS, st.sampled_from([None, 30]))
def test_items_that_are_passed_over_have_nothing_to_say(
    events: list[Event], alert: dict[str, Any], heartbeat_hours: int | None
) -> None:
    own = life_policy(alert, heartbeat_hours)
    one = lived(events, own, set(), 1)
    every = lived(events, own, set(), 1, Attentive)
    assert [record.encode() for record in one.said] == [record.encode() for record in every.said]


@given(lives(), ALERTS, st.sampled_from([None, 30]))
def test_each_alert_counts_its_words_and_closes_what_it_opens(
    events: list[Event], alert: dict[str, Any], heartbeat_hours: int | None
) -> None:
    shop = lived(events, life_policy(alert, heartbeat_hours), set(), 1)
    for name in {one.alert for one in shop.said}:
        level, episode = Level.OK, 0
        for seq, one in enumerate((one for one in shop.said if one.alert == name), start=1):
            assert one.seq == seq
            assert one.from_ == level or (level in QUIET and one.reason == "caught_up")
            assert (one.to == one.from_) == (one.reason == "reminder")
            assert not (level in QUIET and one.to in QUIET)
            episode = seq if level in QUIET else episode
            assert one.episode == episode
            level = one.to
    figures = [one for one in shop.said if isinstance(one, MetricRecord)]
    assert all(one.denominator or one.to in QUIET or one.to is Level.UNKNOWN for one in figures)
