"""Window sums kept by difference equal sums over all days."""

from hypothesis import given
from hypothesis import strategies as st

from monitor.core.rules import WindowDays
from monitor.core.windows import Buckets, Frame, frame_of, in_slot, slot_of, tally, untally

RETENTION_DAYS = 12
windows = st.lists(
    st.one_of(st.integers(1, 8), st.just("all")), min_size=1, max_size=3, unique=True
)
Change = tuple[int, int, int]
"""A counting day, a numerator, and by how much the denominator is larger."""
changes = st.tuples(st.integers(80, 130), st.integers(0, 3), st.integers(0, 3))
days_passed = st.integers(-1, 14)
moves = st.lists(st.one_of(changes, days_passed), max_size=40)


def frame_on(day: int, found: list[WindowDays], lag_days: int) -> Frame:
    return frame_of([(window, lag_days) for window in found], RETENTION_DAYS, day)


@given(windows=windows, lag_days=st.integers(0, 3), moves=moves)
def test_a_window_sums_its_days_and_no_other(
    windows: list[WindowDays], lag_days: int, moves: list[Change | int]
) -> None:
    today = 100
    frame = frame_on(today, windows, lag_days)
    buckets, added = Buckets(frame), list[Change]()
    for move in moves:
        if isinstance(move, int):
            today += move
            frame = frame_on(today, windows, lag_days)
            # What lies before the longest window is dropped, a step back reaches one day.
            added = [one for one in added if one[0] > today - RETENTION_DAYS - 1]
        else:
            day, numerator, extra = move
            buckets.add(day, tally(numerator, numerator + extra))
            if day > today - RETENTION_DAYS - 1:
                added.append((day, numerator, numerator + extra))
        for window, total in zip(windows, buckets.sums(frame), strict=True):
            length = RETENTION_DAYS if window == "all" else int(window)
            left = max(today - lag_days - length, today - RETENTION_DAYS)
            inside = [one for one in added if left < one[0] <= today - lag_days]
            assert untally(total) == (sum(n for _, n, _ in inside), sum(d for _, _, d in inside))


@given(windows=windows, lag_days=st.integers(0, 3), added=st.lists(changes), days=st.integers(1, 9))
def test_what_leaves_is_what_the_window_has_lost_so_many_days_later(
    windows: list[WindowDays], lag_days: int, added: list[Change], days: int
) -> None:
    # Days that lag behind, or are still to come, would enter the window meanwhile.
    added = [one for one in added if one[0] <= 100 - lag_days]
    frame, later = frame_on(100, windows, lag_days), frame_on(100 + days, windows, lag_days)
    buckets = Buckets(frame)
    for day, numerator, extra in added:
        buckets.add(day, tally(numerator, numerator + extra))
    pending = buckets.leaving(frame, days)
    now = list(buckets.sums(frame))
    assert buckets.leaving(frame, days) == pending
    remaining = [total - gone for total, gone in zip(now, pending, strict=True)]
    assert remaining == buckets.sums(later)


def test_a_change_can_be_taken_back() -> None:
    frame = frame_on(100, [3], 0)
    buckets = Buckets(frame)
    buckets.add(99, tally(1, 1))
    buckets.add(99, -tally(1, 1))
    assert buckets.sums(frame) == [0]
    assert buckets.by_day() == {}


tallies = st.tuples(st.integers(0, 2**31 - 1), st.integers(0, 2**31 - 1))


@given(first=tallies, second=tallies, added=tallies)
def test_what_is_added_in_one_slot_leaves_its_neighbours(
    first: tuple[int, int], second: tuple[int, int], added: tuple[int, int]
) -> None:
    bucket = in_slot(0, tally(*first)) + in_slot(1, tally(*second))
    more = bucket + in_slot(0, tally(*added))
    assert untally(slot_of(more, 1)) == second
    assert untally(slot_of(more, 0)) == (first[0] + added[0], first[1] + added[1])
    less = more + in_slot(0, -tally(*first))
    assert untally(slot_of(less, 0)) == added
