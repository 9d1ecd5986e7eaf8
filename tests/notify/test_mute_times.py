"""Mute times by a wall clock, also on the days on which clocks are set."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.instants import DAY, HOUR, Instant, instant_of, utc
from monitor.notify.mute_times import DAY_MINUTES, MuteTime

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "UTC")
SPRING, AUTUMN = date(2026, 3, 29), date(2026, 10, 25)
SATURDAY, SUNDAY = 5, 6


def minute(text: str) -> int:
    hours, minutes = text.split(":")
    return int(hours) * 60 + int(minutes)


def at(text: str) -> Instant:
    return instant_of(datetime.fromisoformat(text))


def muting(begin: str = "00:00", end: str = "24:00", **own: object) -> MuteTime:
    mute = MuteTime("quiet", BERLIN, minute(begin), minute(end))
    return MuteTime(**{name: getattr(mute, name) for name in mute.__slots__} | own)


def local(instant: Instant | None, zone: ZoneInfo = BERLIN) -> str | None:
    return None if instant is None else utc(instant).astimezone(zone).isoformat()


def test_a_night_is_muted_from_its_evening_to_the_next_morning() -> None:
    night = muting("22:00", "07:00")
    assert night.mutes_until(at("2026-01-10T21:59:59+01:00")) is None
    for muted in ("2026-01-10T22:00:00+01:00", "2026-01-11T06:59:59+01:00"):
        assert local(night.mutes_until(at(muted))) == "2026-01-11T07:00:00+01:00"
    assert night.mutes_until(at("2026-01-11T07:00:00+01:00")) is None


def test_the_weekday_is_that_on_which_a_night_begins() -> None:
    night = muting("22:00", "07:00", weekdays=frozenset({SATURDAY}))
    assert night.mutes_until(at("2026-01-11T03:00:00+01:00")) is not None
    assert night.mutes_until(at("2026-01-10T03:00:00+01:00")) is None
    assert night.mutes_until(at("2026-01-11T23:00:00+01:00")) is None


def test_whole_days_that_follow_one_another_are_one_stretch() -> None:
    weekend = muting(weekdays=frozenset({SATURDAY, SUNDAY}), dates=frozenset({date(2026, 1, 12)}))
    assert local(weekend.mutes_until(at("2026-01-10T12:00:00+01:00"))) == (
        "2026-01-13T00:00:00+01:00"
    )
    assert weekend.mutes_until(at("2026-01-13T00:00:00+01:00")) is None


def test_a_date_is_muted_beside_the_weekdays() -> None:
    holiday = muting("09:00", "12:00", dates=frozenset({date(2026, 12, 25)}))
    assert local(holiday.mutes_until(at("2026-12-25T10:00:00+01:00"))) == (
        "2026-12-25T12:00:00+01:00"
    )
    assert holiday.mutes_until(at("2026-12-24T10:00:00+01:00")) is None


def test_what_mutes_for_ever_has_to_be_asked_again() -> None:
    begin = at("2026-01-10T12:00:00+01:00")
    until = muting().mutes_until(begin)
    assert until is not None
    assert 7 * DAY < until - begin < 10 * DAY


@pytest.mark.parametrize(
    ("begin", "end", "first", "last"),
    [
        # 02:00 becomes 03:00: the times between do not exist.
        ("01:00", "06:00", "01:00:00+01:00", "06:00:00+02:00"),
        ("02:30", "06:00", "03:00:00+02:00", "06:00:00+02:00"),
        ("01:00", "02:30", "01:00:00+01:00", "03:00:00+02:00"),
    ],
)
def test_a_stretch_that_begins_or_ends_in_the_lost_hour_does_so_when_clocks_are_set(
    begin: str, end: str, first: str, last: str
) -> None:
    mute = muting(begin, end, dates=frozenset({SPRING}))
    begins_at, ends_at = at(f"{SPRING}T{first}"), at(f"{SPRING}T{last}")
    assert mute.mutes_until(begins_at - 1) is None
    assert mute.mutes_until(begins_at) == ends_at
    assert mute.mutes_until(ends_at - 1) == ends_at
    assert mute.mutes_until(ends_at) is None


def test_a_stretch_within_the_lost_hour_does_not_exist() -> None:
    mute = muting("02:10", "02:50", dates=frozenset({SPRING}))
    midnight = at(f"{SPRING}T00:00:00+01:00")
    assert [mute.mutes_until(midnight + quarter * HOUR // 4) for quarter in range(24)] == [
        None
    ] * 24


@pytest.mark.parametrize(
    ("begin", "end", "first", "last"),
    [
        # 03:00 becomes 02:00: the times between are there twice.
        ("01:00", "06:00", "01:00:00+02:00", "06:00:00+01:00"),
        ("02:30", "06:00", "02:30:00+02:00", "06:00:00+01:00"),
        ("01:00", "02:30", "01:00:00+02:00", "02:30:00+01:00"),
        ("02:10", "02:50", "02:10:00+02:00", "02:50:00+01:00"),
    ],
)
def test_a_stretch_over_the_repeated_hour_stays_in_one_piece(
    begin: str, end: str, first: str, last: str
) -> None:
    mute = muting(begin, end, dates=frozenset({AUTUMN}))
    begins_at, ends_at = at(f"{AUTUMN}T{first}"), at(f"{AUTUMN}T{last}")
    assert mute.mutes_until(begins_at - 1) is None
    for quarter in range((ends_at - begins_at) // (HOUR // 4)):
        assert mute.mutes_until(begins_at + quarter * HOUR // 4) == ends_at
    assert mute.mutes_until(ends_at) is None


mutes = st.builds(
    MuteTime,
    st.just("quiet"),
    st.sampled_from([ZoneInfo(name) for name in ZONES]),
    st.integers(0, DAY_MINUTES - 1),
    st.integers(0, DAY_MINUTES),
    st.frozensets(st.integers(0, 6)),
    st.frozensets(st.dates(date(2026, 1, 1), date(2026, 12, 31)), max_size=3),
).filter(lambda mute: mute.from_minute != mute.to_minute)
CHANGES = (
    *("2026-03-29T01:00Z", "2026-10-25T01:00Z"),  # Berlin
    *("2026-03-08T07:00Z", "2026-11-01T06:00Z"),  # New York
    *("2026-04-04T15:00Z", "2026-10-03T15:30Z"),  # Lord Howe, by half an hour
    *("2026-02-15T02:00Z", "2026-03-22T02:00Z"),  # Casablanca, for Ramadan
)
anywhen = st.datetimes(datetime(2026, 1, 2), datetime(2026, 12, 30)).map(  # noqa: DTZ001
    lambda found: instant_of(found.replace(tzinfo=ZoneInfo("UTC")))
)
near_a_change = st.builds(
    int.__add__, st.sampled_from(CHANGES).map(at), st.integers(-4 * HOUR, 4 * HOUR)
)
instants = anywhen | near_a_change


@given(mutes, instants)
def test_all_is_muted_at_which_the_clock_shows_a_muted_time(mute: MuteTime, now: Instant) -> None:
    clock = utc(now).astimezone(mute.zone)
    shown = clock.hour * 60 + clock.minute
    over_midnight = mute.to_minute <= mute.from_minute
    of_today = shown >= mute.from_minute and (over_midnight or shown < mute.to_minute)
    begins_today = not (mute.weekdays or mute.dates) or (
        clock.weekday() in mute.weekdays or clock.date() in mute.dates
    )
    if of_today and begins_today:
        assert mute.mutes_until(now) is not None


@given(mutes, instants)
def test_what_is_muted_stays_so_until_its_end_and_no_longer(mute: MuteTime, now: Instant) -> None:
    until = mute.mutes_until(now)
    if until is None:
        return
    assert until > now
    assert mute.mutes_until((now + until) // 2) == until or until - now > 7 * DAY
    assert mute.mutes_until(until) is None or until - now > 7 * DAY
