"""Decides once more at the points that a worker journaled: the same records, byte for byte."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from monitor.core.alert_records import AlertRecord, Cut
from monitor.core.alerts import AlertBook
from monitor.core.balance import Applied
from monitor.core.engine import Engine
from monitor.core.events import Event, SourceTopic
from monitor.core.instants import Instant, parse_instant
from monitor.core.position import CAUGHT_UP, PARTITIONS, POLICIES, RULED_ANEW
from monitor.core.readings import Reading
from monitor.core.rules import Rulebook
from monitor.core.standing import CaughtUp


class JournaledPoint(msgspec.Struct, frozen=True):
    """An entry of the ``evaluations`` topic; all but two are its headers of these names."""

    as_of: str
    cut: Cut
    caught_up: bool = False
    policies: tuple[str, ...] = ()
    ruled_anew: tuple[str, ...] = ()
    partitions: int = 0

    @property
    def at(self) -> Instant:
        """The instant."""
        return parse_instant(self.as_of)

    @property
    def number(self) -> int:
        """The partition that it is of."""
        number, _ = next(iter(self.cut.values()))
        return number


def point_of(value: bytes, headers: Mapping[str, bytes]) -> JournaledPoint:
    """The point of an entry; msgspec.ValidationError where it is none."""
    entry = msgspec.json.decode(value, type=JournaledPoint)
    digests = headers.get(POLICIES, b"").decode(errors="replace").split(",")
    policies = tuple(digest for digest in digests if digest)
    ruled_anew = msgspec.json.decode(headers.get(RULED_ANEW, b"[]"), type=tuple[str, ...])
    partitions = msgspec.json.decode(headers.get(PARTITIONS, b"0"), type=int)
    first = (CAUGHT_UP in headers, policies, ruled_anew, partitions)
    return JournaledPoint(entry.as_of, entry.cut, *first)


@dataclass(slots=True)
class Counts:
    """What became of the events, as a live worker counts them: held ones are counted."""

    counted: int = 0
    redundant: int = 0
    late: int = 0
    too_large: int = 0


class Rerun:
    """A partition once more, from its first point on.

    Args:
        rulebook: the policies that were in force.
        program: the version that decided.
        first: the first journaled point.
        complete_from: from when on history was taken to be complete; None: all of it.

    Attributes:
        engine: what it knows.
        counts: what became of the events.
        readings: those at which the last point looked.
    """

    def __init__(
        self,
        rulebook: Rulebook,
        program: str,
        first: JournaledPoint,
        complete_from: Instant | None = None,
    ) -> None:
        self._book = AlertBook(program)
        self._complete_from = complete_from
        self.readings: list[Reading] = []
        self.begin_under(rulebook, first)

    def begin_under(self, rulebook: Rulebook, point: JournaledPoint) -> None:
        """Go on as a worker that starts under other policies: all events are to be given again."""
        self.engine = Engine(rulebook, point.at)
        self.counts = Counts()
        if self._complete_from is not None:
            self.engine.cover(self._complete_from)

    def _count(self, applied: Applied) -> None:
        counts = self.counts
        counts.counted += applied.counted + applied.held
        counts.redundant += applied.redundant
        counts.late += applied.late
        counts.too_large += len(applied.too_large)

    def at(
        self, point: JournaledPoint, events: Mapping[SourceTopic, Iterable[Sequence[Event]]]
    ) -> list[AlertRecord]:
        """The records of the next point.

        Args:
            point: it.
            events: per source topic the valid events between the last point's cut and this
                one's, in runs.
        """
        engine = self.engine
        engine.advance(point.at)
        for topic, runs in events.items():
            for run in runs:
                self._count(engine.apply(run, topic))
        self.readings = engine.changed()
        caught_up = None
        if point.caught_up:
            caught_up = CaughtUp(point.ruled_anew)
            self.readings = engine.readings()
        return self._book.step(engine, self.readings, point.cut, caught_up=caught_up)
