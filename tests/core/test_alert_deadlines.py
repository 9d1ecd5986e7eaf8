"""Alerts of open items: when they warn, how often, and their end."""

from monitor.core.instants import DAY
from monitor.core.readings import Level
from tests.core.alert_shop import DEADLINES, NOON, Shop, deadline_shop, due, items, moves
from tests.core.test_engine import at, document, event


def test_a_deadline_warns_escalates_and_is_over_when_done() -> None:
    shop = deadline_shop()
    shop.at(NOON, due("o-1", "2018-03-01T20:00:00Z"), due("o-2", "2018-03-02T20:00:00Z"))
    shop.goes_on(at("2018-03-01T21:00:00Z"))
    shop.at("2018-03-01T22:00:00Z", event("order_shipped", "2018-03-01T21:59:00Z", order="o-1"))
    near, over, done = items(shop.said)
    assert (near.alert, near.kind, near.as_of) == (
        "shop/m/shipment",
        "shipment",
        "2018-03-01T14:00:00Z",
    )
    assert (near.open, near.overdue, near.subjects) == (2, 0, ("o-1",))
    assert near.first_due_at == "2018-03-01T20:00:00Z"
    assert (over.as_of, over.overdue) == ("2018-03-01T20:00:01Z", 1)
    assert moves(shop.said) == [
        ("ok", "approaching", "time"),
        ("approaching", "breached", "time"),
        ("breached", "ok", "events"),
    ]
    assert (done.open, done.overdue, done.subjects, done.subjects_total) == (1, 0, (), 0)


def test_more_items_are_told_at_most_once_an_hour() -> None:
    shop = deadline_shop()
    names = ("o-1", "o-2", "o-3")
    for minute, name in enumerate(names):
        shop.hears(due(name, f"2018-03-01T20:{20 * minute:02d}:00Z"))
    shop.at(NOON)
    shop.goes_on(at("2018-03-01T16:00:00Z"))
    assert [(one.reason, one.as_of, one.subjects_total) for one in items(shop.said)] == [
        ("time", "2018-03-01T14:00:00Z", 1),
        ("reminder", "2018-03-01T15:00:00Z", 3),
    ]
    assert items(shop.said)[1].subjects == names[::-1]


def test_other_items_are_told_where_as_many_were_done_meanwhile() -> None:
    shop = deadline_shop()
    shop.at(NOON, *(due(f"o-{n}", f"2018-03-01T2{n}:00:00Z") for n in range(4)))
    for done, hour in enumerate((16, 17, 18)):
        shop.goes_on(at(f"2018-03-01T{hour}:30:00Z"))
        shipped = event("order_shipped", f"2018-03-01T{hour}:30:00Z", order=f"o-{done}")
        shop.at(f"2018-03-01T{hour}:30:01Z", shipped)
    # One after the other came within its six hours, never more than three at a time.
    assert [(one.as_of, one.subjects) for one in items(shop.said)] == [
        ("2018-03-01T14:00:00Z", ("o-0",)),
        ("2018-03-01T15:00:00Z", ("o-1", "o-0")),
        ("2018-03-01T16:00:00Z", ("o-2", "o-1", "o-0")),
        ("2018-03-01T17:00:00Z", ("o-3", "o-2", "o-1")),
    ]


def test_each_item_that_is_overdue_is_told_of() -> None:
    shop = deadline_shop()
    shop.at(NOON, *(due(f"o-{n}", f"2018-03-01T18:0{n}:00Z") for n in range(2)))
    shop.goes_on(at("2018-03-02T12:00:00Z"))
    assert [(one.reason, one.as_of, one.overdue) for one in items(shop.said)] == [
        ("events", "2018-03-01T12:00:00Z", 0),
        ("reminder", "2018-03-01T13:00:00Z", 0),
        ("time", "2018-03-01T18:00:01Z", 1),
        ("reminder", "2018-03-01T19:00:01Z", 2),
    ]


def test_a_message_is_warned_of_at_twenty_of_its_twenty_four_hours() -> None:
    shop = deadline_shop()
    message = {"message": "n-1", "thread": "t"}
    shop.at(NOON, event("message_received", "2018-03-01T12:00:00Z", **message))
    shop.goes_on(at("2018-03-02T11:00:00Z"))
    shop.at("2018-03-02T11:00:00Z", event("message_answered", "2018-03-02T11:00:00Z", **message))
    near, done = items(shop.said)
    assert (near.alert, near.as_of, near.subjects) == (
        "shop/m/reply",
        "2018-03-02T08:00:00Z",
        ("n-1",),
    )
    assert (near.first_due_at, done.to) == ("2018-03-02T12:00:00Z", Level.OK)


def test_a_kind_without_a_table_is_not_watched() -> None:
    shop = Shop(document())
    shop.at(NOON, event("claim_opened", "2018-03-01T12:00:00Z", claim="c", kind="guarantee"))
    assert items(shop.goes_on(NOON + 10 * DAY)) == []


def test_a_new_policy_that_knows_no_deadline_ends_it() -> None:
    lax = document()["metrics"] | {}
    lax = {"contact_response_rate": lax["contact_response_rate"] | {"limit": "over 0%"}}
    shop = deadline_shop(
        document(metrics=lax, deadlines=DEADLINES),
        document(metrics=lax, valid_from="2018-03-02"),
    )
    shop.at(NOON, due("o-1", "2018-03-01T20:00:00Z"))
    shop.goes_on(at("2018-03-02T00:00:00Z"))
    (*_, last) = items(shop.said)
    assert (last.from_, last.to, last.reason) == (Level.BREACHED, Level.NO_DATA, "policy")
    assert (last.open, last.overdue, last.first_due_at) == (0, 0, None)
