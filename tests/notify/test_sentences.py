"""A record on one line."""

from monitor.core.alert_records import decode_record
from monitor.core.readings import Level
from monitor.notify.text import sentence_of
from tests.notify.messages import HOSTILE, deadline, metric


def test_a_breach_says_how_many_are_too_many_and_which() -> None:
    assert sentence_of(metric()) == (
        "BREACHED shop in m: order defect rate, 60 days: 5 of 412 (1.21%), limit under 1%;"
        " 1 too many, 89 good ones needed to recover; newest: o-1, o-2 and 3 more"
    )


def test_an_approach_says_how_many_are_left() -> None:
    found = sentence_of(metric(to=Level.APPROACHING, headroom=2))
    assert "2 more may turn bad before the limit is breached" in found


def test_hostile_ids_cannot_break_the_line() -> None:
    found = sentence_of(metric(subjects=(HOSTILE, "a\nb\x1b[2J")))
    assert found.isprintable()


def test_open_items_are_told_by_their_count_and_the_first_instant() -> None:
    assert sentence_of(deadline()) == (
        "APPROACHING shop in m: 3 open replies, 0 overdue, first due 2018-03-01T16:10:00Z;"
        " first due: m-1, m-2, m-3"
    )
    assert decode_record(deadline().encode()) == deadline()
