"""Sellers decided once more from their topics, point by point, in bounded memory."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import NamedTuple

from monitor.audit.logs import Log, LogRecord, OpenLog
from monitor.audit.paths import Path, Stretch
from monitor.audit.placing import check_placed
from monitor.audit.policies import PublishedPolicies
from monitor.audit.rerun import JournaledPoint, Rerun
from monitor.audit.search import point_at
from monitor.core.alert_records import AlertRecord, Cut
from monitor.core.events import SOURCE_TOPICS, Event, SourceTopic, decode
from monitor.core.instants import Instant
from monitor.errors import InvalidEvent, UnreadableSource


@dataclass(slots=True)
class Taken:
    """How many records were read, of each topic, and how many of all were invalid."""

    read: Counter[SourceTopic] = field(default_factory=Counter)
    invalid: int = 0


class Step(NamedTuple):
    """A point once more: what was looked at, and what there was to say."""

    point: JournaledPoint
    rerun: Rerun
    records: list[AlertRecord]


class Retrace:
    """The sellers of a path once more.

    Args:
        open_log: opens the topics.
        path: their partitions.
        policies: those that were in use: the journal says since when.
        program: the version to name in the records.
        seller: only whose events to read; None: everybody's.
        complete_from: from when on workers took history to be complete; None: all of it.

    Attributes:
        taken: what was read up to the last step.
        loaded: the digests of the policies of the last step.
        named: those of all steps.
        is_beyond: whether the journal goes on after the instant that was asked for.
    """

    def __init__(
        self,
        open_log: OpenLog,
        path: Path,
        policies: PublishedPolicies,
        program: str,
        *,
        seller: str | None = None,
        complete_from: Instant | None = None,
    ) -> None:
        self._open_log = open_log
        self._stretches = path.stretches
        self._policies = policies
        self._program = program
        self._wants = path.takes
        self._key = None if seller is None else seller.encode()
        self._complete_from = complete_from
        self.taken = Taken()
        self.loaded: tuple[str, ...] = ()
        self.named: set[str] = set()
        self.is_beyond = False

    def steps(self, until: Instant | None = None) -> Iterator[Step]:
        """Every journaled point up to an instant, in its order.

        Raises:
            UnreadableSource: a topic cannot be read, or retention has taken a part of it.
            UnknownPolicy: one that was in use was never published.
        """
        rerun: Rerun | None = None
        with ExitStack() as opened:
            logs: dict[SourceTopic, Log] = {
                topic: opened.enter_context(self._open_log(topic)) for topic in SOURCE_TOPICS
            }
            journal = opened.enter_context(self._open_log("evaluations"))
            for stretch in self._stretches:
                check_whole([*logs.values(), journal], stretch.number)
            feed = _Feed(logs, self._stretches, self._wants, self._key)
            for place, point in self._points(journal):
                if until is not None and point.at > until:
                    self.is_beyond = True
                    return
                if rerun is None or (point.policies and point.policies != self.loaded):
                    rerun = self._under(point, rerun)
                    self.taken = feed.begin()
                yield Step(point, rerun, rerun.at(point, feed.up_to(place, point.cut)))

    def _points(self, journal: Log) -> Iterator[tuple[int, JournaledPoint]]:
        """The points of each stretch while it was one, with the stretch's place."""
        for place, (number, counts) in enumerate(self._stretches):
            count = 0
            for point in points_of(journal, number):
                count = point.partitions or count
                if count > max(counts):
                    break
                if count in counts or not count:
                    yield place, point

    def _under(self, point: JournaledPoint, rerun: Rerun | None) -> Rerun:
        """The rerun under the policies that a worker had loaded which begins at a point."""
        if not point.policies or not point.partitions:
            raise UnreadableSource(
                f"the journal of partition {self._stretches[0].number} does not begin with a point"
                " that says under which policies: an earlier version wrote it"
            )
        self.loaded = point.policies
        self.named |= set(point.policies)
        rulebook = self._policies.rulebook(point.policies)
        if rerun is None:
            return Rerun(rulebook, self._program, point, self._complete_from)
        rerun.begin_under(rulebook, point)
        return rerun


class _Feed:
    """The events of stretches, one after the other: each up to its last point, then the next.

    ``wants``: under which keys; ``key``: under this alone. Most of the others are not even decoded.
    """

    def __init__(
        self,
        logs: Mapping[SourceTopic, Log],
        stretches: Sequence[Stretch],
        wants: Callable[[bytes], bool],
        key: bytes | None,
    ) -> None:
        self._logs, self._stretches, self._wants, self._key = logs, stretches, wants, key
        self._cuts: list[Cut] = [{} for _ in stretches]
        self._events: list[dict[SourceTopic, _Events]] = []

    def begin(self) -> Taken:
        """Give all events again; what is taken of them."""
        taken = Taken()
        self._events = [
            {
                topic: _Events(log, stretch, topic, self._wants, self._key, taken)
                for topic, log in self._logs.items()
            }
            for stretch in self._stretches
        ]
        return taken

    def up_to(self, place: int, cut: Cut) -> dict[SourceTopic, Iterator[list[Event]]]:
        """The events up to a point of a stretch that nobody has taken yet, by topic."""
        self._cuts[place] = cut
        return {topic: self._of(topic, place) for topic in SOURCE_TOPICS}

    def _of(self, topic: SourceTopic, place: int) -> Iterator[list[Event]]:
        for cut, events in zip(self._cuts[: place + 1], self._events, strict=False):
            if cut:
                yield from events[topic].up_to(cut[topic][1])


class _Events:
    """The valid events of one topic of a stretch, as far as they are asked for."""

    def __init__(
        self,
        log: Log,
        stretch: Stretch,
        topic: SourceTopic,
        wants: Callable[[bytes], bool],
        key: bytes | None,
        taken: Taken,
    ) -> None:
        number, bounds = stretch.number, log.bounds()
        self._stretch, self._topic, self._wants, self._taken = stretch, topic, wants, taken
        # A broker that keeps one waiting answers with nothing, and has not come to the end.
        self._runs = filter(None, log.read(number, *bounds[number], key))
        self._ahead: Sequence[LogRecord] = ()
        self._read_to = bounds[number][0]

    def up_to(self, end: int) -> Iterator[list[Event]]:
        """Those before an offset that nobody has taken yet, in runs."""
        while self._read_to < end:
            run = self._ahead or next(self._runs, ())
            own = [one for one in run if one.offset < end]
            self._ahead = run[len(own) :]
            # What lies between is no record: gaps of transactions and compaction.
            more = run and not self._ahead
            self._read_to = run[-1].offset + 1 if more else end
            yield self._valid(own)

    def _valid(self, run: Sequence[LogRecord]) -> list[Event]:
        events = []
        for one in run:
            if not self._wants(one.key or b""):
                continue
            self._taken.read[self._topic] += 1
            try:
                event = decode(one.value or b"")
                check_placed(event, one.key, one.recorded_at, *self._stretch)
            except InvalidEvent:
                self._taken.invalid += 1
            else:
                events.append(event)
        return events


def points_of(journal: Log, number: int) -> Iterator[JournaledPoint]:
    """The points of a partition; what was journaled again after a crash is passed over.

    Raises:
        UnreadableSource: the journal cannot be read.
    """
    last_at: Instant | None = None
    for run in journal.read(number, *journal.bounds().get(number, (0, 0))):
        for one in run:
            point = point_at(journal, number, one)
            if last_at is None or point.at > last_at:
                last_at = point.at
                yield point


def check_whole(logs: Sequence[Log], number: int) -> None:
    """Check that a partition is kept from its beginning.

    Raises:
        UnreadableSource: retention has taken a part; names each topic and what is missing.
    """
    begins = [(log.topic, log.bounds().get(number, (0, 0))[0]) for log in logs]
    missing = [f"{topic}[{number}] offsets 0 to {begin - 1}" for topic, begin in begins if begin]
    if missing:
        raise UnreadableSource(
            "what was decided cannot be decided once more: retention has taken"
            f" {', '.join(missing)}"
        )
