"""How long a receiver is left alone, and how many it is sent."""

from hypothesis import given
from hypothesis import strategies as st

from monitor.notify.outage import Outage
from monitor.notify.pacing import Rate, backoff_seconds


@given(st.integers(1, 10_000), st.floats(0, 1), st.floats(0, 1e6) | st.none())
def test_the_backoff_doubles_to_five_minutes_with_half_of_it_left_to_chance(
    failures: int, luck: float, asked: float | None
) -> None:
    seconds = backoff_seconds(failures, luck, asked)
    whole = min(300.0, 2.0 ** min(failures - 1, 20))
    assert seconds >= (asked or 0.0)
    assert whole / 2 <= seconds <= max(whole, asked or 0.0)


@given(st.floats(0.1, 10_000), st.lists(st.floats(0, 100), max_size=50))
def test_no_more_is_sent_than_the_rate_and_a_short_burst_allow(
    per_minute: float, idle_seconds: list[float]
) -> None:
    rate, now = Rate(per_minute, 0.0), 0.0
    for taken, idle in enumerate(idle_seconds, 1):
        now += idle
        now += rate.wait_seconds(now)
        rate.take(now)
        burst = max(1.0, per_minute / 12)
        assert taken <= burst + now * per_minute / 60 + 1e-6


def test_without_a_rate_nothing_waits() -> None:
    rate = Rate(None, 0.0)
    for _ in range(1000):
        rate.take(0.0)
    assert rate.wait_seconds(0.0) == 0.0


def test_a_receiver_counts_as_failing_once_it_has_taken_nothing_for_long_enough() -> None:
    outage = Outage(600.0)
    assert not outage.tells(10_000.0)
    outage.failed(0.0, "answered 503")
    outage.failed(500.0, "answered 502")
    assert not outage.tells(599.0)
    assert outage.tells(600.0)
    assert not outage.tells(700.0)
    assert outage.took()
    assert not outage.took()
    outage.failed(1000.0, "answered 503")
    assert not outage.tells(1500.0)
