"""Texts of open items: how many are due, when the first one is, and the end."""

from zoneinfo import ZoneInfo

from monitor.core.instants import HOUR
from monitor.core.readings import Level
from monitor.notify.reader import TextStyle
from tests.notify.messages import deadline, item
from tests.notify.said import lines

BERLIN = ZoneInfo("Europe/Berlin")


def test_open_items_say_how_many_are_due_and_when_the_first_is_by_the_readers_clock() -> None:
    found = item(deadline(open=7), "warning", warn_before=4 * HOUR)
    assert lines(found, TextStyle(zone=BERLIN)) == [
        "3 messages to answer within 4 hours, the first by Thu 2018-03-01 17:10 CET;"
        " 7 open in all.",
        "First due: m-1, m-2, m-3",
    ]


def test_overdue_items_come_first() -> None:
    late = deadline(to=Level.BREACHED, overdue=1, kind="shipment")
    assert lines(item(late, warn_before=6 * HOUR))[0] == (
        "1 order to ship: overdue, the first since Thu 2018-03-01 16:10 UTC;"
        " 2 more within 6 hours; 3 open in all."
    )


def test_more_open_items_are_compared_with_those_that_were_told() -> None:
    before = deadline(seq=1, subjects_total=1, as_of="2018-02-28T23:20:00Z")
    found = item(deadline(seq=2), previous=before)
    assert "When last told, 40 minutes before: 1 due soon, 0 overdue." in lines(found)


def test_items_that_are_done_are_over() -> None:
    done = deadline(seq=2, to=Level.OK, open=2, subjects=(), subjects_total=0)
    said = lines(item(done, "info", previous=deadline(as_of="2018-02-28T22:00:00Z")))
    assert said == [
        "It is over; it lasted 2 hours, from Wed 2018-02-28 22:00 UTC.",
        "2 messages to answer left, none of them due soon.",
    ]
