"""A partition decided once more from its topics, point by point, in bounded memory."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import NamedTuple

from monitor.audit.logs import Log, LogRecord, OpenLog
from monitor.audit.placing import check_placed
from monitor.audit.policies import PublishedPolicies
from monitor.audit.rerun import JournaledPoint, Rerun
from monitor.audit.search import point_at
from monitor.core.alert_records import AlertRecord
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
    """One partition once more.

    Args:
        open_log: opens the topics.
        number: the partition.
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
        number: int,
        policies: PublishedPolicies,
        program: str,
        *,
        seller: str | None = None,
        complete_from: Instant | None = None,
    ) -> None:
        self._open_log = open_log
        self._number = number
        self._policies = policies
        self._program = program
        self._seller = None if seller is None else seller.encode()
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
        events: Mapping[SourceTopic, _Events] = {}
        with ExitStack() as opened:
            logs: dict[SourceTopic, Log] = {
                topic: opened.enter_context(self._open_log(topic)) for topic in SOURCE_TOPICS
            }
            journal = opened.enter_context(self._open_log("evaluations"))
            check_whole([*logs.values(), journal], self._number)
            for point in points_of(journal, self._number):
                if until is not None and point.at > until:
                    self.is_beyond = True
                    return
                if rerun is None or (point.policies and point.policies != self.loaded):
                    rerun = self._under(point, rerun)
                    self.taken = Taken()
                    events = {topic: self._events(topic, log) for topic, log in logs.items()}
                new = {topic: events[topic].up_to(end) for topic, end in _ends(point)}
                yield Step(point, rerun, rerun.at(point, new))

    def _under(self, point: JournaledPoint, rerun: Rerun | None) -> Rerun:
        """The rerun under the policies that a worker had loaded which begins at a point."""
        if not point.policies:
            raise UnreadableSource(
                f"the journal of partition {self._number} does not begin with a point that says"
                " under which policies: an earlier version wrote it"
            )
        self.loaded = point.policies
        self.named |= set(point.policies)
        rulebook = self._policies.rulebook(point.policies)
        if rerun is None:
            return Rerun(rulebook, self._program, point, self._complete_from)
        rerun.begin_under(rulebook, point)
        return rerun

    def _events(self, topic: SourceTopic, log: Log) -> "_Events":
        return _Events(log, self._number, topic, self._seller, self.taken)


def _ends(point: JournaledPoint) -> list[tuple[SourceTopic, int]]:
    return [(topic, point.cut[topic][1]) for topic in SOURCE_TOPICS]


class _Events:
    """The valid events of one topic of a partition, as far as they are asked for.

    ``key``: only whose records; most of the others are not even decoded.
    """

    def __init__(
        self, log: Log, number: int, topic: SourceTopic, key: bytes | None, taken: Taken
    ) -> None:
        bounds = log.bounds()
        self._number, self._count = number, len(bounds)
        self._topic, self._key, self._taken = topic, key, taken
        self._runs = log.read(number, *bounds[number])
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
            if self._key is not None and one.key != self._key:
                continue
            self._taken.read[self._topic] += 1
            try:
                event = decode(one.value or b"")
                check_placed(event, one.key, one.recorded_at, self._number, (self._count,))
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
