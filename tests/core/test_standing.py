"""How one alert moves: holds, margins, reminders, silence, and what idle points leave alone."""

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from monitor.core.instants import HOUR, SECOND, Instant
from monitor.core.readings import Level, alarm_of, calm_of
from monitor.core.rules import AlertRule, Comparison, Limit
from monitor.core.standing import (
    NEVER,
    QUIET,
    CaughtUp,
    Pace,
    Reason,
    Seen,
    Standing,
    Word,
    step,
    wake_at,
)

OK, NEAR, OVER, UNKNOWN, EMPTY = (
    Level.OK,
    Level.APPROACHING,
    Level.BREACHED,
    Level.UNKNOWN,
    Level.NO_DATA,
)
AT = 1000 * HOUR
MINUTE = 60 * SECOND
SLOW = Pace(hold=10 * MINUTE, recovery_hold=24 * HOUR)


def seen(level: Level, calm: Level | None = None, reason: Reason = "events") -> Seen:
    return Seen(level, level if calm is None else calm, reason)


class Alert:
    """An alert on its way, with all that it said."""

    def __init__(self, pace: Pace | None = None) -> None:
        self.pace = pace or Pace()
        self.stands: Standing = NEVER
        self.words: list[Word] = []

    def at(self, now: Instant, what: Seen) -> Word | None:
        self.stands, word = step(self.stands, what, self.pace, now)
        if word is not None:
            self.words.append(word)
        return word


def test_without_holds_it_says_every_level_at_once() -> None:
    alert = Alert()
    assert alert.at(AT, seen(NEAR)) == Word(OK, NEAR, "events")
    assert alert.at(AT + 1, seen(OVER, reason="time")) == Word(NEAR, OVER, "time")
    assert alert.at(AT + 2, seen(OK)) == Word(OVER, OK, "events")
    assert (alert.stands.seq, alert.stands.episode) == (3, 1)


def test_a_breach_takes_over_the_approach_below_it() -> None:
    alert = Alert()
    assert alert.at(AT, seen(OVER)) == Word(OK, OVER, "events")
    assert alert.at(AT + 1, seen(OVER)) is None


def test_a_worse_level_opens_only_once_it_has_lasted() -> None:
    alert = Alert(SLOW)
    assert alert.at(AT, seen(NEAR)) is None
    assert wake_at(alert.stands, seen(NEAR), SLOW, AT) == AT + 10 * MINUTE
    assert alert.at(AT + 9 * MINUTE, seen(OVER)) is None
    assert alert.at(AT + 10 * MINUTE, seen(OVER, reason="time")) == Word(OK, OVER, "events")


def test_what_was_over_before_the_hold_is_never_said() -> None:
    alert = Alert(SLOW)
    alert.at(AT, seen(OVER))
    alert.at(AT + 5 * MINUTE, seen(OK))
    alert.at(AT + 10 * MINUTE, seen(OVER))
    assert alert.at(AT + 12 * MINUTE, seen(OVER)) is None
    assert alert.words == []


def test_it_recovers_only_once_the_better_level_has_lasted() -> None:
    alert = Alert(Pace(recovery_hold=24 * HOUR))
    alert.at(AT, seen(OVER))
    assert alert.at(AT + HOUR, seen(OK)) is None
    assert alert.at(AT + 20 * HOUR, seen(OVER)) is None
    assert alert.at(AT + 21 * HOUR, seen(OK)) is None
    assert alert.at(AT + 44 * HOUR, seen(OK)) is None
    assert alert.at(AT + 45 * HOUR, seen(OK)) == Word(OVER, OK, "events")


def test_it_falls_no_further_than_the_margin_allows() -> None:
    alert = Alert()
    alert.at(AT, seen(OVER))
    assert alert.at(AT + 1, seen(NEAR, calm=OVER)) is None
    assert alert.at(AT + 2, seen(OK, calm=NEAR)) == Word(OVER, NEAR, "events")
    assert alert.at(AT + 3, seen(OK, calm=NEAR)) is None
    assert alert.at(AT + 4, seen(OK)) == Word(NEAR, OK, "events")


def test_an_open_alert_says_so_again_once_in_a_while() -> None:
    alert = Alert(Pace(repeat_every=24 * HOUR))
    alert.at(AT, seen(OVER))
    assert wake_at(alert.stands, seen(OVER), alert.pace, AT) == AT + 24 * HOUR
    assert alert.at(AT + 23 * HOUR, seen(OVER)) is None
    assert alert.at(AT + 24 * HOUR, seen(OVER)) == Word(OVER, OVER, "reminder")
    assert alert.at(AT + 25 * HOUR, seen(OVER)) is None
    assert alert.at(AT + 26 * HOUR, seen(OK)) == Word(OVER, OK, "events")
    assert alert.at(AT + 99 * HOUR, seen(OK)) is None
    assert (alert.stands.seq, alert.stands.episode) == (3, 1)


def test_of_what_is_about_to_be_over_nobody_is_reminded() -> None:
    alert = Alert(Pace(recovery_hold=24 * HOUR, repeat_every=10 * HOUR))
    alert.at(AT, seen(OVER))
    alert.at(AT + HOUR, seen(OK))
    assert wake_at(alert.stands, seen(OK), alert.pace, AT + HOUR) == AT + 25 * HOUR
    assert alert.at(AT + 10 * HOUR, seen(OK)) is None
    assert alert.at(AT + 11 * HOUR, seen(OVER)) == Word(OVER, OVER, "reminder")


def test_items_are_told_again_only_where_there_are_more_of_them() -> None:
    alert = Alert(Pace(repeat_every=HOUR))
    alert.at(AT, Seen(NEAR, NEAR, waiting=2))
    assert alert.at(AT + 2 * HOUR, Seen(NEAR, NEAR, waiting=2)) is None
    more = Seen(NEAR, NEAR, waiting=3)
    assert alert.at(AT + 3 * HOUR, more) == Word(NEAR, NEAR, "reminder")
    more = Seen(NEAR, NEAR, waiting=4)
    assert alert.at(AT + 3 * HOUR + MINUTE, more) is None
    assert wake_at(alert.stands, more, alert.pace, AT + 3 * HOUR + MINUTE) == AT + 4 * HOUR
    assert alert.at(AT + 4 * HOUR, more) == Word(NEAR, NEAR, "reminder")


def test_other_items_are_told_of_even_where_there_are_no_more_than_before() -> None:
    alert = Alert(Pace(repeat_every=HOUR))
    alert.at(AT, Seen(NEAR, NEAR, waiting=2, turned_at=AT))
    assert alert.at(AT + 2 * HOUR, Seen(NEAR, NEAR, waiting=1, turned_at=AT)) is None
    other = Seen(NEAR, NEAR, waiting=2, turned_at=AT + 3 * HOUR)
    assert alert.at(AT + 3 * HOUR, other) == Word(NEAR, NEAR, "reminder")
    another = Seen(NEAR, NEAR, waiting=2, turned_at=AT + 3 * HOUR + MINUTE)
    assert alert.at(AT + 3 * HOUR + MINUTE, another) is None
    assert wake_at(alert.stands, another, alert.pace, AT + 3 * HOUR + MINUTE) == AT + 4 * HOUR
    assert alert.at(AT + 4 * HOUR, another) == Word(NEAR, NEAR, "reminder")
    assert alert.at(AT + 9 * HOUR, another) is None


def test_an_open_alert_becomes_unknown_with_its_data_and_comes_back_with_it() -> None:
    alert = Alert(SLOW)
    alert.at(AT, seen(OVER))
    alert.at(AT + 10 * MINUTE, seen(OVER))
    assert alert.at(AT + HOUR, seen(UNKNOWN)) == Word(OVER, UNKNOWN, "stale")
    assert alert.at(AT + 2 * HOUR, seen(UNKNOWN)) is None
    assert alert.at(AT + 3 * HOUR, seen(OK, calm=OVER)) == Word(UNKNOWN, OVER, "caught_up")
    assert alert.at(AT + 4 * HOUR, seen(UNKNOWN)) == Word(OVER, UNKNOWN, "stale")
    assert alert.at(AT + 5 * HOUR, seen(OK)) == Word(UNKNOWN, OK, "caught_up")
    assert {alert.stands.episode} == {1}


def test_of_what_was_never_open_silence_says_nothing() -> None:
    alert = Alert(SLOW)
    alert.at(AT, seen(OVER))
    assert alert.at(AT + 5 * MINUTE, seen(UNKNOWN)) is None
    assert alert.at(AT + 11 * MINUTE, seen(OVER)) is None
    assert alert.words == []


def test_what_time_brought_after_the_feeds_were_complete_is_not_believed_yet() -> None:
    alert = Alert()
    late = seen(OVER, reason="time")
    assert alert.at(AT, late._replace(complete_to=AT - 1)) is None
    assert alert.at(AT + HOUR, seen(OVER)._replace(complete_to=AT - 1)) is None
    assert alert.at(AT + 2 * HOUR, late._replace(complete_to=AT)) == Word(OK, OVER, "time")


def test_out_of_the_unknown_it_gets_no_worse_before_that_is_believed() -> None:
    alert = Alert()
    alert.at(AT, seen(NEAR))
    alert.at(AT + HOUR, seen(UNKNOWN))
    worse = seen(OVER, reason="caught_up")
    back = AT + 3 * HOUR
    early = worse._replace(complete_to=AT + 2 * HOUR)
    assert alert.at(back, early) == Word(UNKNOWN, NEAR, "caught_up")
    assert alert.at(back + MINUTE, early._replace(reason="time")) is None
    then = seen(OVER, reason="time")._replace(complete_to=back)
    assert alert.at(back + HOUR, then) == Word(NEAR, OVER, "caught_up")
    assert {alert.stands.episode} == {1}


def test_what_time_may_have_made_worse_is_not_believed_because_an_event_came_with_it() -> None:
    alert = Alert()
    both = Seen(OVER, OVER, "events", AT - 1, doubtful=True)
    assert alert.at(AT, both) is None
    assert alert.at(AT + 1, both) is None
    assert alert.at(AT + HOUR, both._replace(complete_to=AT)) == Word(OK, OVER, "time")
    better = Seen(OK, OK, "events", AT, doubtful=True)
    assert alert.at(AT + 2 * HOUR, better) == Word(OVER, OK, "events")


def test_what_an_event_says_is_believed_at_once() -> None:
    alert = Alert()
    assert alert.at(AT, seen(OVER)._replace(complete_to=AT - 1)) == Word(OK, OVER, "events")


def test_what_a_new_policy_says_waits_for_nothing() -> None:
    alert = Alert(SLOW)
    assert alert.at(AT, seen(OVER, reason="policy")) == Word(OK, OVER, "policy")
    assert alert.at(AT + 1, seen(OK, reason="policy")) == Word(OVER, OK, "policy")


def test_what_is_found_after_catching_up_says_so_even_where_it_is_held() -> None:
    alert = Alert(SLOW)
    assert alert.at(AT, CaughtUp().shows(seen(OVER), "m")) is None
    assert alert.at(AT + 10 * MINUTE, seen(OVER)) == Word(UNKNOWN, OVER, "caught_up")


def test_what_another_policy_shows_after_catching_up_is_the_policys_doing() -> None:
    alert, first = Alert(SLOW), CaughtUp(("m",))
    assert alert.at(AT, first.shows(seen(OVER), "m")) == Word(OK, OVER, "policy")
    assert alert.at(AT + 1, first.shows(seen(OK), "other")) is None
    assert alert.at(AT + 2, first.shows(seen(OK), "m")) == Word(OVER, OK, "policy")


def test_a_new_policy_is_the_reason_whatever_the_alert_was_heading_for() -> None:
    alert = Alert(SLOW)
    alert.at(AT, seen(OVER, reason="policy"))
    assert alert.at(AT + 1, seen(OK)) is None
    assert alert.at(AT + 2, seen(OK, reason="policy")) == Word(OVER, OK, "policy")


def test_what_may_only_be_silence_is_not_the_policys_doing() -> None:
    doubtful = seen(OVER)._replace(doubtful=True)
    assert CaughtUp(("m",)).shows(doubtful, "m").reason == "caught_up"


def test_an_empty_window_is_quiet() -> None:
    alert = Alert()
    assert alert.at(AT, seen(EMPTY)) is None
    alert.at(AT + 1, seen(OVER))
    assert alert.at(AT + 2, seen(EMPTY)) == Word(OVER, EMPTY, "events")
    assert alert.at(AT + 3, seen(OK)) is None


LEVELS = st.sampled_from([OK, NEAR, OVER, UNKNOWN, EMPTY])
RANKED = [OK, NEAR, OVER]


@st.composite
def sights(draw: st.DrawFn) -> Seen:
    level = draw(LEVELS)
    worse = RANKED[RANKED.index(level) :] if level in RANKED else [level]
    complete_to = draw(st.none() | st.integers(AT, AT + 200 * HOUR))
    waiting = draw(st.none() | st.integers(0, 5))
    reason: Reason = draw(st.sampled_from(["events", "time", "policy"]))
    calm, doubtful = draw(st.sampled_from(worse)), draw(st.booleans())
    turned_at = draw(st.none() | st.integers(AT - HOUR, AT))
    return Seen(level, calm, reason, complete_to, doubtful, waiting, turned_at)


PACES = st.builds(
    Pace,
    st.sampled_from([0, 10 * MINUTE, 3 * HOUR]),
    st.sampled_from([0, HOUR, 24 * HOUR]),
    st.sampled_from([None, HOUR, 30 * HOUR]),
)
HISTORIES = st.lists(st.tuples(st.integers(1, 30 * HOUR), sights()), min_size=1, max_size=20)
History = Sequence[tuple[int, Seen]]


def points(history: History) -> list[tuple[Instant, Seen]]:
    found, now = [], AT
    for after, what in history:
        now += after
        turned_at = None if what.turned_at is None else what.turned_at - AT + now
        found.append((now, what._replace(turned_at=turned_at)))
    return found


def told(history: History, pace: Pace, idle: Sequence[int]) -> list[tuple[Instant, Word]]:
    """What is said at the given points, at each wake, and at ``idle`` points in between."""
    alert, words = Alert(pace), list[tuple[Instant, Word]]()
    stops = [*points(history), (AT + 10_000 * HOUR, None)]
    for (now, what), (then, _) in pairwise(stops):
        assert what is not None
        looks = {now, *(one for one in idle if now < one < then)}
        for _ in range(300):
            if not looks or len(words) > 500:
                break
            at = min(looks)
            looks.discard(at)
            word = alert.at(at, what if at == now else what._replace(reason="time"))
            if word is not None:
                words.append((at, word))
            wake = wake_at(alert.stands, what, pace, at)
            if wake is not None and wake < then:
                looks.add(wake)
    return words


@given(HISTORIES, PACES, st.lists(st.integers(AT, AT + 600 * HOUR), max_size=20))
def test_points_at_which_nothing_is_new_change_nothing(
    history: History, pace: Pace, idle: list[int]
) -> None:
    calm = [(after, what._replace(reason="time")) for after, what in history]
    ends = sum(after for after, _ in history) + AT
    within = [one for one in idle if one < ends]
    one = [word for word in told(calm, pace, within) if word[0] <= ends]
    assert one == [word for word in told(calm, pace, []) if word[0] <= ends]


@given(HISTORIES, PACES)
def test_each_episode_opens_once_and_closes_at_most_once(history: History, pace: Pace) -> None:
    alert, said = Alert(pace), list[tuple[Word, Standing]]()
    for now, what in points(history):
        word = alert.at(now, what)
        if word is not None:
            said.append((word, alert.stands))
    level = OK
    for word, stands in said:
        opens = level in QUIET
        assert word.from_ == level or (opens and word.reason == "caught_up")
        assert (stands.episode == stands.seq) == opens
        assert (word.from_ == word.to) == (word.reason == "reminder")
        level = word.to
    assert [stands.seq for _, stands in said] == list(range(1, len(said) + 1))


def test_of_an_account_without_any_defect_the_margin_asks_for_nothing() -> None:
    limit, rule = Limit(Comparison.UNDER, Fraction(1, 100)), AlertRule(clear_margin=1)
    assert calm_of(1, 18, limit, None, rule) is OVER
    assert calm_of(0, 18, limit, None, rule) is OK


@given(
    limit=st.sampled_from(["under 1%", "at most 4%", "at least 90%", "over 95%"]),
    orders=st.integers(1, 2000),
    bad=st.integers(1, 60),
    approach_headroom=st.none() | st.integers(0, 5),
)
def test_one_order_cannot_flap_an_alert(
    limit: str, orders: int, bad: int, approach_headroom: int | None
) -> None:
    word, value = limit.rsplit(" ", 1)
    share = Fraction(value.removesuffix("%")) / 100
    bound = Limit(Comparison(word), share)
    high = word in ("under", "at most")
    approach = share * 3 / 4 if high else (1 + share) / 2
    rule = AlertRule(clear_margin=1, approach_headroom=approach_headroom)
    bad = min(bad, orders)

    def look(count: int) -> Seen:
        numbers = (count if high else orders - count, orders, bound, approach, rule)
        return Seen(alarm_of(*numbers), calm_of(*numbers))

    alert = Alert()
    alert.at(AT, look(bad))
    # An order turns bad and good again, time after time.
    for turn in range(1, 9):
        alert.at(AT + turn, look(min(orders, bad + turn % 2)))
    assert len(alert.words) <= 2
