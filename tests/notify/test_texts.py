"""Texts: what an alert says to a person, and that nothing in it can do harm."""

from zoneinfo import ZoneInfo

import pytest

from monitor.core.instants import DAY, HOUR, parse_instant
from monitor.core.metrics import METRICS
from monitor.core.readings import Level
from monitor.notify.examples import trial_notification
from monitor.notify.reader import TextStyle, moment_words, span_words
from monitor.notify.text import (
    sentence_of,
    text_of,
)
from monitor.notify.words import vocabulary_of
from tests.notify.messages import deadline, item, metric, notice
from tests.notify.said import PLAIN, lines, section

BERLIN = ZoneInfo("Europe/Berlin")


def test_a_breach_says_who_what_how_much_and_how_to_recover() -> None:
    said = section(item(metric()))
    assert said.headline == "BREACHED (critical) shop in m: order defect rate, 60 days"
    assert said.severity == "critical"
    assert said.lines == (
        "5 defective orders of 412 (order defect rate 1.21%); limit: under 1%, warned from 0.75%",
        "1 too many; 89 good orders bring it back within the limit.",
        "Newest: o-1, o-2 and 3 more",
    )


@pytest.mark.parametrize(
    ("headroom", "said"),
    [
        (2, "2 more orders may turn bad; the 3rd breaches the limit."),
        (1, "1 more order may turn bad; the 2nd breaches the limit."),
        (0, "The next order that turns bad breaches the limit."),
        (10, "10 more orders may turn bad; the 11th breaches the limit."),
        (20, "20 more orders may turn bad; the 21st breaches the limit."),
        (111, "111 more orders may turn bad; the 112th breaches the limit."),
    ],
)
def test_an_approach_says_how_many_more_may_turn_bad(headroom: int, said: str) -> None:
    assert said in lines(item(metric(to=Level.APPROACHING, headroom=headroom), "warning"))


def test_where_no_number_of_good_orders_helps_it_says_what_does() -> None:
    violations = metric(
        metric="policy_violations",
        limit="under 3",
        approach="1",
        numerator=3,
        denominator=None,
        orders_to_recover=None,
    )
    assert lines(item(violations))[:2] == [
        "3 open policy violations; limit: under 3, warned from 1",
        "1 too many; only what is repaired, or leaves the window, brings it back.",
    ]


def test_where_the_good_are_counted_it_speaks_of_the_others() -> None:
    late = metric(
        metric="on_time_delivery_rate",
        limit="at least 90%",
        approach="95%",
        numerator=380,
        denominator=400,
        to=Level.APPROACHING,
        headroom=20,
    )
    assert lines(item(late))[0] == (
        "20 orders not delivered on time of 400 (on time delivery rate 95.00%);"
        " limit: at least 90%, warned from 95%"
    )


@pytest.mark.parametrize(
    ("numerator", "denominator", "said"),
    [(4, 401, "0.998%"), (4, 400, "1.00%"), (8, 799, "1.001%"), (99999, 10**7, "0.999990%")],
)
def test_a_rate_beside_its_limit_has_digits_enough_to_tell_them_apart(
    numerator: int, denominator: int, said: str
) -> None:
    near = metric(numerator=numerator, denominator=denominator)
    assert f"order defect rate {said})" in lines(item(near))[0]
    assert f"({said})" in sentence_of(near)


def test_one_good_order_may_be_enough() -> None:
    said = lines(item(metric(orders_to_recover=1)))
    assert "1 too many; 1 good order brings it back within the limit." in said


def test_below_the_minimum_volume_it_speaks_in_counts() -> None:
    few = metric(numerator=1, denominator=18, headroom=-1)
    said = lines(item(few, volume_min=50))[0]
    assert said == (
        "1 defective order (negative feedback, a claim or a chargeback) of 18 orders;"
        " fewer than 50, so the rate says little; limit: under 1%, warned from 0.75%"
    )
    assert "%" not in said.partition("limit")[0]
    assert "(order defect rate" in lines(item(metric(denominator=50), volume_min=50))[0]


def test_every_metric_has_words_of_its_own() -> None:
    words = [vocabulary_of(name).bad.several for name in METRICS]
    assert len(set(words)) == len(METRICS)
    assert vocabulary_of("unheard of").bad.several not in words


def test_the_trend_since_it_was_told_last_is_told() -> None:
    before = metric(
        seq=1, to=Level.APPROACHING, numerator=3, denominator=400, as_of="2018-02-27T00:00:00Z"
    )
    found = item(metric(seq=2), previous=before)
    assert "When last told, 2 days before: 3 of 400, approaching." in lines(found)


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("policy", "It stands so since the policy changed."),
        ("caught_up", "Found after all that had happened meanwhile was read."),
        ("reminder", "Reminder: nothing has changed its level."),
    ],
)
def test_why_now_is_told_where_it_is_no_event(reason: str, said: str) -> None:
    assert lines(item(metric(reason=reason)))[0] == said


def test_a_closing_says_that_it_is_over_and_how_long_it_lasted() -> None:
    opening = metric(seq=3, episode=3, as_of="2018-02-25T20:00:00Z")
    over = metric(seq=5, episode=3, to=Level.OK, numerator=1, headroom=3)
    style = TextStyle(zone=BERLIN)
    said = section(item(over, "info", previous=opening), style)
    assert said.headline == "RECOVERED shop in m: order defect rate, 60 days"
    assert said.lines[0] == ("It is over; it lasted 3 days 4 hours, from Sun 2018-02-25 21:00 CET.")
    assert said.lines[1].startswith("1 defective order of 412")
    later = metric(seq=4, episode=3, as_of="2018-02-27T00:00:00Z")
    assert lines(item(over, previous=later))[0].startswith("It is over; it lasted at least 2 days,")
    assert lines(item(over))[0] == "It is over."


def test_an_end_by_a_change_of_policy_says_so() -> None:
    gone = metric(to=Level.NO_DATA, reason="policy", numerator=0, denominator=0)
    said = section(item(gone, "info"))
    assert said.headline.startswith("CLOSED (no longer in the policy) shop in m")
    assert said.lines[0] == (
        "A change of the policy ended it: what it was about is no longer watched."
    )
    assert lines(item(metric(to=Level.OK, reason="policy")))[0] == (
        "A change of the policy ended it."
    )


def test_the_unknown_says_since_when_and_what_was_before() -> None:
    stale = metric(from_=Level.BREACHED, to=Level.UNKNOWN, reason="stale")
    for found in (stale, deadline(from_=Level.BREACHED, to=Level.UNKNOWN, reason="stale")):
        said = lines(item(found, "warning"), TextStyle(zone=BERLIN))[0]
        assert "since Thu 2018-03-01 01:00 CET" in said
        assert "Before that it was breached" in said


def test_several_alerts_of_a_seller_share_a_title() -> None:
    items = (
        item(metric()),
        item(metric(window_days=90, alert="shop/m/order_defect_rate/90")),
        item(metric(metric="late_shipment_rate", to=Level.APPROACHING), "warning"),
        item(deadline(), "warning"),
        item(metric(metric="refund_rate", to=Level.APPROACHING), "warning"),
        item(metric(metric="policy_violations", to=Level.OK), "info"),
    )
    said = text_of(notice(*items), PLAIN)
    assert said.title == (
        "BREACHED (critical) shop in m: order defect rate breached (60 days, 90 days);"
        " late shipment rate approaching (60 days); open replies approaching and 2 more"
    )
    assert len(said.sections) == len(items)


def test_a_single_alert_has_its_headline_for_a_title() -> None:
    said = text_of(notice(item(metric())), PLAIN)
    assert said.title == said.sections[0].headline


@pytest.mark.parametrize(
    ("reasons", "head"),
    [
        (("caught_up",) * 4, "After catching up"),
        (("policy",) * 4, "After a change of the policy"),
        (("events", "caught_up", "policy", "time"), "Summary"),
    ],
)
def test_a_summary_counts_alerts_and_sellers(reasons: tuple[str, ...], head: str) -> None:
    levels = (Level.BREACHED, Level.APPROACHING, Level.APPROACHING, Level.OK)
    items = [
        item(metric(seller=f"s{number // 2}", to=level, reason=reason))
        for number, (level, reason) in enumerate(zip(levels, reasons, strict=True))
    ]
    said = text_of(notice(*items, occasion="summary"), PLAIN).title
    assert said == f"{head}: 3 alerts open of 2 sellers (1 breached, 2 approaching), 1 closed"


def test_a_summary_of_what_became_unknown_says_what_is_missing() -> None:
    stale = item(metric(to=Level.UNKNOWN, reason="stale"), "warning")
    said = text_of(notice(stale, stale, occasion="summary"), PLAIN).title
    assert said == "Data is missing: 0 alerts open, 2 unknown"


def test_a_test_is_marked_in_every_part_that_is_read_alone() -> None:
    style = TextStyle(status_page_url="https://status.example.com/{seller}")
    said = text_of(trial_notification(parse_instant("2018-03-01T00:00:00Z")), style)
    assert said.title.startswith("TEST")
    assert [one.headline.startswith("TEST") for one in said.sections] == [True]
    assert said.sections[0].lines[0].startswith("This tests")
    assert said.links == ()


def test_links_lead_to_what_the_alerts_are_about() -> None:
    style = TextStyle(
        status_page_url="https://status.example.com/{marketplace}/{seller}",
        grafana_url="https://grafana.example.com/d/x?seller={seller}&metric={metric}",
    )
    said = text_of(notice(item(metric()), item(metric(window_days=90))), style)
    assert [(link.name, link.url) for link in said.links] == [
        ("Status: shop in m", "https://status.example.com/m/shop"),
        (
            "Grafana: shop in m, order defect rate",
            "https://grafana.example.com/d/x?seller=shop&metric=order_defect_rate",
        ),
    ]
    assert text_of(notice(item(metric())), PLAIN).links == ()


@pytest.mark.parametrize("seller", ["../admin", "a/b?c#d", "x&metric=y", "%2e%2e", "é<>\"' "])
def test_what_a_seller_is_called_cannot_move_a_link(seller: str) -> None:
    style = TextStyle(status_page_url="https://status.example.com/s/{seller}/now")
    (link,) = text_of(notice(item(metric(seller=seller))), style).links
    path = link.url.removeprefix("https://status.example.com/s/").removesuffix("/now")
    assert path
    assert not set(path) & set("/?#&<>\"' ")


@pytest.mark.parametrize("seller", [".", ".."])
def test_a_seller_that_means_another_folder_gets_no_link(seller: str) -> None:
    style = TextStyle(status_page_url="https://status.example.com/s/{seller}/now")
    assert text_of(notice(item(metric(seller=seller))), style).links == ()


def test_a_runbook_is_a_link_or_a_line() -> None:
    said = section(item(runbook="Answer open claims."))
    assert (said.runbook, said.lines[-1]) == ("", "What to do: Answer open claims.")
    linked = section(item(runbook="https://example.com/odr"))
    assert linked.runbook == "https://example.com/odr"
    assert not [line for line in linked.lines if "example.com" in line]
    over = lines(item(metric(to=Level.OK), "info", runbook="Answer open claims."))
    assert not [line for line in over if "Answer" in line]


@pytest.mark.parametrize(
    ("zone", "said"),
    [
        ("UTC", "Thu 2018-03-01 23:30 UTC"),
        ("Europe/Berlin", "Fri 2018-03-02 00:30 CET"),
        ("America/Sao_Paulo", "Thu 2018-03-01 20:30 UTC-03"),
        ("Asia/Kolkata", "Fri 2018-03-02 05:00 IST"),
    ],
)
def test_an_instant_has_day_and_zone_of_the_reader(zone: str, said: str) -> None:
    assert moment_words(parse_instant("2018-03-01T23:30:00Z"), ZoneInfo(zone)) == said


def test_the_hour_that_is_there_twice_is_told_apart() -> None:
    first, second = (parse_instant(f"2026-10-25T0{hour}:30:00Z") for hour in (0, 1))
    assert moment_words(first, BERLIN) == "Sun 2026-10-25 02:30 CEST"
    assert moment_words(second, BERLIN) == "Sun 2026-10-25 02:30 CET"


def test_a_promise_at_the_end_of_time_can_be_told() -> None:
    due = deadline(first_due_at="9999-12-31T23:59:59Z")
    said = lines(item(due), TextStyle(zone=ZoneInfo("Asia/Tokyo")))[0]
    assert "9999-12-31T23:59:59Z" in said


@pytest.mark.parametrize(
    ("micros", "said"),
    [
        (0, "less than a minute"),
        (-5, "less than a minute"),
        (HOUR // 2, "30 minutes"),
        (4 * HOUR, "4 hours"),
        (HOUR + HOUR // 60, "1 hour 1 minute"),
        (DAY + 5 * HOUR, "1 day 5 hours"),
        (2 * DAY, "2 days"),
    ],
)
def test_a_span_says_what_is_worth_saying(micros: int, said: str) -> None:
    assert span_words(micros) == said
