"""A history once more through engine and alerts: what they would have said, and when.

Pure: events in, records out. Levels are decided at points of a grid. A point at which no event
came and at which time alone can move nothing decides nothing, so those are left out.
"""

from collections.abc import Callable, Iterator, Sequence

from monitor import __version__
from monitor.core.alert_records import AlertRecord
from monitor.core.alerts import AlertBook
from monitor.core.engine import Engine
from monitor.core.events import Event
from monitor.core.instants import Instant, instant_of
from monitor.core.readings import Reading
from monitor.core.rules import Rulebook

OnRefused = Callable[[Sequence[Event]], None]
"""Called with events that their subjects had no room for."""
OnProgress = Callable[[int], None]
"""Called after each point with the number of events it took in."""


def backtest(
    events: Sequence[Event],
    rulebook: Rulebook,
    every: int,
    on_refused: OnRefused,
    on_progress: OnProgress,
) -> Iterator[AlertRecord]:
    """The records of a history, in the order in which they were decided.

    It begins with nothing known and ends at the point of the last event: what nobody told any
    more would look like orders left lying.

    Args:
        events: all of the history, in any order.
        rulebook: the policies.
        every: microseconds from one point of the grid to the next.
        on_refused: hears of events that are not counted.
        on_progress: hears how many events were taken in.
    """
    if not events:
        return
    waiting = sorted(events, key=_at)
    engine = Engine(rulebook, _point(instant_of(waiting[0].at), every))
    book = AlertBook(__version__)
    last = _point(instant_of(waiting[-1].at), every)
    begin = 0
    for point in _points(engine, book, waiting, every, last):
        engine.advance(point)
        end = begin
        while end < len(waiting) and instant_of(waiting[end].at) <= point:
            end += 1
        on_refused(engine.apply(waiting[begin:end]).too_large)
        yield from book.step(engine, _telling(engine, book), {})
        on_progress(end - begin)
        begin = end


def _points(
    engine: Engine, book: AlertBook, events: Sequence[Event], every: int, last: Instant
) -> Iterator[Instant]:
    """The points that can decide anything; the next one is only known after the one before."""
    begin, point = 0, engine.now
    while True:
        yield point
        while begin < len(events) and instant_of(events[begin].at) <= point:
            begin += 1
        if begin == len(events):
            return
        moments = [instant_of(events[begin].at), engine.next_at(), book.next_at()]
        first = min(at for at in moments if at is not None)
        point = min(last, max(point + every, _point(first, every)))


def _point(at: Instant, every: int) -> Instant:
    """The first point of the grid that is not before an instant."""
    return -(-at // every) * every


def _telling(engine: Engine, book: AlertBook) -> list[Reading]:
    """The changed readings at which alerts have to look."""
    found = engine.take_gone()
    for shown, keys, moved_by in engine.moving():
        found += shown.telling(keys, book.names(shown.seller, shown.market.name), moved_by)
    return found


def _at(event: Event) -> Instant:
    return instant_of(event.at)
