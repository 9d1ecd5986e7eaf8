"""Delays of delivery by their bounds."""

from hypothesis import given
from hypothesis import strategies as st

from monitor.notify.delays import BOUNDS_SECONDS, Delays

seconds = st.floats(0, 10**7, allow_nan=False) | st.sampled_from(BOUNDS_SECONDS)


@given(st.lists(seconds))
def test_each_bound_counts_all_that_lie_at_or_below_it(found: list[float]) -> None:
    delays = Delays()
    for one in found:
        delays.note(one)
    said = delays.distribution()
    expected = [sum(one <= bound for one in found) for bound in said.bounds]
    assert said.counts == (*expected, len(found))
    assert said.total == sum(found)
