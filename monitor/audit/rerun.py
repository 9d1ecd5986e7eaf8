"""Decides once more at the points that a worker journaled: the same records, byte for byte."""

from collections.abc import Mapping, Sequence

import msgspec

from monitor.core.alert_records import AlertRecord, Cut
from monitor.core.alerts import AlertBook
from monitor.core.engine import Engine
from monitor.core.events import Event, SourceTopic
from monitor.core.instants import Instant, parse_instant
from monitor.core.rules import Rulebook


class JournaledPoint(msgspec.Struct, frozen=True):
    """An entry of the ``evaluations`` topic; ``caught_up`` is its header of that name."""

    as_of: str
    cut: Cut
    caught_up: bool = False

    @property
    def at(self) -> Instant:
        """The instant."""
        return parse_instant(self.as_of)


def point_of(value: bytes, *, caught_up: bool) -> JournaledPoint:
    """The point of an entry; msgspec.ValidationError where it is none."""
    entry = msgspec.json.decode(value, type=JournaledPoint)
    return JournaledPoint(entry.as_of, entry.cut, caught_up)


class Rerun:
    """A partition once more, from its first point on.

    Args:
        rulebook: the policies that were in force.
        program: the version that decided.
        first: the first journaled point.
    """

    def __init__(self, rulebook: Rulebook, program: str, first: JournaledPoint) -> None:
        self._engine = Engine(rulebook, first.at)
        self._book = AlertBook(program)

    def at(
        self, point: JournaledPoint, events: Mapping[SourceTopic, Sequence[Event]]
    ) -> list[AlertRecord]:
        """The records of the next point.

        Args:
            point: it.
            events: per source topic the valid events between the last point's cut and this one's.
        """
        engine = self._engine
        engine.advance(point.at)
        for topic, found in events.items():
            engine.apply(found, topic)
        readings = engine.changed()
        if point.caught_up:
            readings = engine.readings()
        return self._book.step(engine, readings, point.cut, caught_up=point.caught_up)
