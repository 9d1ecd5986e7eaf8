"""The grid of whole seconds."""

import asyncio

from monitor.core.instants import SECOND
from monitor.stream.clock import EventClock, SystemClock, whole_second


def test_a_point_of_the_grid_is_the_whole_second_at_or_before() -> None:
    assert whole_second(5 * SECOND) == 5 * SECOND
    assert whole_second(5 * SECOND + 999_999) == 5 * SECOND
    assert whole_second(-1) == -SECOND


async def test_the_systems_clock_gives_each_second_once() -> None:
    clock = SystemClock()
    first = await clock.next_point(clock.now() - SECOND)
    second = await clock.next_point(first)
    assert first % SECOND == second % SECOND == 0
    assert second > first
    assert second <= clock.now()


async def test_the_event_clock_never_goes_back() -> None:
    clock = EventClock(100 * SECOND)
    clock.set(90 * SECOND)
    assert clock.now() == 100 * SECOND


async def test_the_event_clock_stands_until_it_is_set_and_skips_what_it_is_set_past() -> None:
    clock = EventClock(100 * SECOND)
    waiting = asyncio.create_task(clock.next_point(100 * SECOND))
    await asyncio.sleep(0)
    clock.set(100 * SECOND + 1)
    await asyncio.sleep(0)
    assert not waiting.done()
    clock.set(5000 * SECOND + 7)
    assert await waiting == 5000 * SECOND
