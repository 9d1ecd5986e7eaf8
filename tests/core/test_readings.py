"""Levels, headroom and orders to recover, against their definitions in words."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.readings import (
    Level,
    headroom_of,
    level_of,
    orders_to_recover_of,
)
from monitor.core.rules import Comparison, Limit

limits = st.builds(
    Limit,
    comparison=st.sampled_from(Comparison),
    value=st.integers(0, 40).map(lambda tenths: Fraction(tenths, 40)),
)
counts = st.integers(1, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


def is_breached(numerator: int, denominator: int, limit: Limit) -> bool:
    return level_of(numerator, denominator, limit, None) is Level.BREACHED


def worse(numerator: int, limit: Limit, by: int) -> int:
    high = limit.comparison in (Comparison.UNDER, Comparison.AT_MOST)
    return numerator + by if high else numerator - by


@given(counts=counts, limit=limits)
def test_headroom_is_how_many_more_may_turn_bad(counts: tuple[int, int], limit: Limit) -> None:
    numerator, denominator = counts
    headroom = headroom_of(numerator, denominator, limit)
    assert headroom is not None
    assert not is_breached(worse(numerator, limit, headroom), denominator, limit)
    assert is_breached(worse(numerator, limit, headroom + 1), denominator, limit)


@given(counts=counts, limit=limits)
def test_orders_to_recover_is_the_least_number_of_good_orders(
    counts: tuple[int, int], limit: Limit
) -> None:
    numerator, denominator = counts
    needed = orders_to_recover_of(numerator, denominator, limit)
    high = limit.comparison in (Comparison.UNDER, Comparison.AT_MOST)

    def after(good: int) -> bool:
        return is_breached(numerator if high else numerator + good, denominator + good, limit)

    if needed is None:
        assert all(after(good) for good in (0, 1, 10, 10_000))
    else:
        assert not after(needed)
        assert needed == 0 or after(needed - 1)


@pytest.mark.parametrize(
    ("numerator", "approach", "level"),
    [
        (0, None, Level.OK),
        (2, Fraction(2), Level.APPROACHING),
        (2, None, Level.OK),
        (3, Fraction(2), Level.BREACHED),
    ],
)
def test_a_count_is_compared_itself(
    numerator: int, approach: Fraction | None, level: Level
) -> None:
    under_three = Limit(Comparison.UNDER, Fraction(3))
    assert level_of(numerator, None, under_three, approach) is level
    assert headroom_of(numerator, None, under_three) == 2 - numerator
    assert orders_to_recover_of(numerator, None, under_three) is None


def test_no_orders_are_no_data_and_nothing_is_derived() -> None:
    limit = Limit(Comparison.UNDER, Fraction(1, 100))
    assert level_of(0, 0, limit, None) is Level.NO_DATA
    assert headroom_of(0, 0, limit) is None
    assert orders_to_recover_of(0, 0, limit) is None


def test_exactly_one_percent_is_not_under_one_percent() -> None:
    limit = Limit(Comparison.UNDER, Fraction(1, 100))
    assert level_of(1, 100, limit, None) is Level.BREACHED
    assert level_of(1, 101, limit, None) is Level.OK


def test_a_low_approach_is_reached_from_above() -> None:
    limit = Limit(Comparison.AT_LEAST, Fraction(95, 100))
    approach = Fraction(96, 100)
    assert level_of(97, 100, limit, approach) is Level.OK
    assert level_of(96, 100, limit, approach) is Level.APPROACHING
    assert level_of(94, 100, limit, approach) is Level.BREACHED
