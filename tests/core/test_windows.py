"""Window sums kept by difference equal sums over all days."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from monitor.core.rules import Comparison, Limit, MetricRule, WindowDays
from monitor.core.windows import Series, frame_of, tally, untally

RETENTION_DAYS = 12
windows = st.lists(
    st.one_of(st.integers(1, 8), st.just("all")), min_size=1, max_size=3, unique=True
)
Change = tuple[int, int, int]
"""A counting day, a numerator, and by how much the denominator is larger."""
changes = st.tuples(st.integers(80, 130), st.integers(0, 3), st.integers(0, 3))
days_passed = st.integers(-1, 14)
moves = st.lists(st.one_of(changes, days_passed), max_size=40)


def rule_of(found: list[WindowDays], lag_days: int) -> MetricRule:
    limit = Limit(Comparison.UNDER, Fraction(1, 2))
    return MetricRule(metric="refund_rate", windows=tuple(found), limit=limit, lag_days=lag_days)


@given(windows=windows, lag_days=st.integers(0, 3), moves=moves)
def test_a_window_sums_its_days_and_no_other(
    windows: list[WindowDays], lag_days: int, moves: list[Change | int]
) -> None:
    rule, today = rule_of(windows, lag_days), 100
    frame = frame_of(rule, RETENTION_DAYS, today)
    series, added = Series(frame), list[Change]()
    for move in moves:
        if isinstance(move, int):
            today += move
            frame = frame_of(rule, RETENTION_DAYS, today)
            # What lies before the longest window is dropped, a step back reaches one day.
            added = [one for one in added if one[0] > today - RETENTION_DAYS - 1]
        else:
            day, numerator, extra = move
            series.add(frame, day, tally(numerator, numerator + extra))
            if day > today - RETENTION_DAYS - 1:
                added.append((day, numerator, numerator + extra))
        for window, total in zip(windows, series.sums(frame), strict=True):
            length = RETENTION_DAYS if window == "all" else int(window)
            left = max(today - lag_days - length, today - RETENTION_DAYS)
            inside = [one for one in added if left < one[0] <= today - lag_days]
            assert untally(total) == (sum(n for _, n, _ in inside), sum(d for _, _, d in inside))


def test_a_change_can_be_taken_back() -> None:
    frame = frame_of(rule_of([3], 0), RETENTION_DAYS, 100)
    series = Series(frame)
    series.add(frame, 99, tally(1, 1))
    series.add(frame, 99, -tally(1, 1))
    assert series.sums(frame) == [0]
    assert series.by_day() == {}
