"""The engine of one partition number: what it has read, decided, and still has to keep."""

import asyncio
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from monitor.core.alert_records import AlertRecord, Link
from monitor.core.alerts import AlertBook
from monitor.core.engine import Engine
from monitor.core.events import SOURCE_TOPICS, Event, SourceTopic
from monitor.core.growth import aim_of
from monitor.core.instants import SECOND, Instant, instant_of
from monitor.core.journal import Journal
from monitor.core.ledger_keys import Key, is_alert
from monitor.core.position import Offsets, Point, Position, Totals
from monitor.core.readings import Level, Reading
from monitor.core.records import FORMAT
from monitor.core.rules import Rulebook
from monitor.core.shown import Shown
from monitor.core.standing import CaughtUp
from monitor.errors import LedgerError
from monitor.snapshot import PartitionStats
from monitor.stream.ledger_topic import LedgerWriter

_Account = tuple[str, str]
"""Seller and marketplace."""

# About three milliseconds of work.
_ACCOUNTS_AT_ONCE = 300


@dataclass(slots=True)
class Feed:
    """How far one source topic is read within one partition, and what came of it."""

    totals: Totals
    ready_at: int
    """The end offset seen at assignment."""


class Partition:
    """The engine of one partition number, fed by that partition of all four topics.

    Whoever awaits anything between two calls holds ``busy``.

    Args:
        number: the partition number.
        count: how many partitions each source topic has.
        rulebook: the policies.
        now: the instant to begin at.
        version: of the program, named in alerts.
        durable: whether changes are noted for the ledger.
    """

    def __init__(
        self,
        number: int,
        count: int,
        rulebook: Rulebook,
        now: Instant,
        *,
        version: str,
        durable: bool = False,
    ) -> None:
        self.number = number
        self.busy = asyncio.Lock()
        self.epoch = 0
        """Under which this worker owned it last; 0: never."""
        self.read_to = 0
        """The ledger's end when this worker owned it last."""
        self.blind = False
        """Whether nobody knows what waits in one of its topics; then it is not ready."""
        self._writer: LedgerWriter | None = None
        self.feeds = {topic: Feed(Totals(0), 0) for topic in SOURCE_TOPICS}
        self.evaluated_at: Instant | None = None
        self.published = 0
        """Number in the chain up to which alert records are on their topic."""
        self.journaled_at: Instant = 0
        """Point up to which points are on their topic."""
        self.count = count
        self._point: Point | None = None
        self._journal = Journal() if durable else None
        self._policies = tuple(sorted(rulebook.canonical_forms))
        self.engine = Engine(rulebook, now, self._journal)
        self._book = AlertBook(version, self._journal)
        self._shown: dict[tuple[str, str], Shown] = {}
        self._was_ready = False
        self._digests: dict[str, str] = {}
        self._saved: Position | None = None

    @property
    def ready(self) -> bool:
        """Whether all four topics are read to the end offsets seen at assignment."""
        return not self.blind and all(
            feed.totals.offset >= feed.ready_at for feed in self.feeds.values()
        )

    @property
    def positions(self) -> dict[SourceTopic, int]:
        """Per topic the next offset that is not applied."""
        return {topic: feed.totals.offset for topic, feed in self.feeds.items()}

    @property
    def decided(self) -> int:
        """Number in the chain of the last alert record."""
        return self._book.chain.n

    def restore(self, key: Key, value: bytes, *, superseded: bool) -> None:
        """Take back a ledger record; ``superseded``: its writer no longer owned the partition.

        Raises:
            LedgerError: a newer program wrote it, or it is no record.
        """
        if is_alert(key):
            self._book.restore(key, value, superseded=superseded)
        else:
            self.engine.restore(key, value)

    def check(self, position: Position) -> None:
        """Check that the ledger was written for this number of partitions.

        Raises:
            LedgerError: it was not, or partitions are being added.
        """
        aim = aim_of(position)
        if aim is not None:
            raise LedgerError(
                "partitions are being added: stop all workers, and finish it with"
                f" `monitor repartition --partitions {aim}`"
            )
        if position.partitions > self.count:
            raise LedgerError(
                f"the ledger is for {position.partitions} partitions, but the source topics had"
                f" {self.count} when this worker started: start it again"
            )
        if position.partitions < self.count:
            raise LedgerError(
                f"the ledger was written for {position.partitions} partitions, but the source"
                f" topics have {self.count}: stop all workers and run `monitor repartition`"
            )

    def resume(self, position: Position) -> None:
        """Go on where the ledger says that an earlier owner stopped.

        Raises:
            LedgerError: the ledger was written for another number of partitions.
        """
        self.check(position)
        for topic, totals in position.done.items():
            # A parked engine may have come further than it got to write.
            if totals.offset >= self.feeds[topic].totals.offset:
                self.feeds[topic].totals = replace(totals)
        if position.evaluated_at is not None:
            self.evaluated_at = max(position.evaluated_at, self.evaluated_at or 0)
            self.engine.advance(position.evaluated_at)
        self._book.evaluated_at = self.evaluated_at or 0
        if position.number >= self._book.chain.n:
            self._book.chain = Link(position.number, position.digest)
        self.published = max(self.published, position.published)
        self.journaled_at = max(self.journaled_at, position.journaled_at)
        self._point = position.point or self._point
        self._digests = position.digests or self._digests

    def own(self, writer: LedgerWriter) -> None:
        """From now on keep what changes through ``writer``."""
        self._writer = writer
        self.epoch, self.read_to = writer.epoch, writer.read_to

    async def settled(self) -> None:
        """Wait until all that was handed to the ledger is acknowledged."""
        if self._writer is not None:
            await self._writer.settled()
            self.read_to = self._writer.read_to

    @property
    def superseded(self) -> bool:
        """Whether another worker was found to own the partition."""
        return self._writer is not None and self._writer.superseded

    def begin(self, starts: Offsets, ends: Offsets) -> None:
        """Read from ``starts``; ready once ``ends`` are reached."""
        for topic, feed in self.feeds.items():
            feed.totals.offset, feed.ready_at = starts[topic], ends[topic]
        self._was_ready = self.blind = False

    def fall_behind(self, ends: Mapping[SourceTopic, int | None]) -> None:
        """Be not ready, as after an assignment, until ``ends`` are reached (None: as it is)."""
        for topic, feed in self.feeds.items():
            feed.ready_at = max(feed.ready_at, ends.get(topic) or 0)
        self._was_ready = False

    def apply(self, topic: SourceTopic, events: Sequence[Event], read_to: int) -> tuple[Event, ...]:
        """Apply events of a topic, which is read up to but without ``read_to``.

        Returns those that their subjects had no room for.
        """
        applied = self.engine.apply(events, topic)
        totals = self.feeds[topic].totals
        totals.offset = read_to
        totals.counted += applied.counted + applied.held
        totals.redundant += applied.redundant
        totals.late += applied.late
        if events:
            latest = instant_of(max(event.at for event in events))
            if totals.last_event_at is None or latest > totals.last_event_at:
                totals.last_event_at = latest
        return applied.too_large

    def evaluate(self, point: Instant) -> list[AlertRecord]:
        """All of ``evaluating`` at once."""
        slices = self.evaluating(point)
        while True:
            try:
                next(slices)
            except StopIteration as end:
                records: list[AlertRecord] = end.value
                return records

    def evaluating(self, point: Instant) -> Generator[None, None, list[AlertRecord]]:
        """Decide levels at a point of the grid; records for what changed.

        Yields between slices of some milliseconds. Afterwards the engine stands at the next
        point, so that an event of the running second need not be held; nothing is decided
        before that point has come.
        """
        # A point that comes late finds an engine that was made for the next one.
        if point < self.engine.now or point == self.evaluated_at:
            return []
        yield from self.engine.advancing(point)
        telling, changed = yield from self._take_changes()
        self.evaluated_at = point
        records: list[AlertRecord] = []
        if self.ready:
            first = None if self._was_ready else CaughtUp(self._ruled_anew())
            if first is not None:
                telling = yield from self._take_all()
            records = yield from self._book.deciding(
                self.engine, telling, self._cut(), caught_up=first
            )
            if first is not None:
                self._point = Point(
                    point,
                    self.positions,
                    caught_up=True,
                    policies=self._policies,
                    ruled_anew=first.ruled_anew,
                    partitions=self.count,
                )
            elif changed or not self._book.idle:
                self._point = Point(point, self.positions)
            self._was_ready, self._digests = True, self.engine.digests()
        yield from self.engine.advancing(point + SECOND)
        return records

    def unpublished(self) -> list[bytes]:
        """Alert records of an earlier owner that may not be on their topic yet."""
        if not self.ready or self.decided <= self.published:
            return []
        return self._book.unpublished(self.published)

    def unjournaled(self) -> Point | None:
        """The last point, if anything had changed and it may not be on its topic yet."""
        if not self.ready or self._point is None or self._point.as_of <= self.journaled_at:
            return None
        return self._point

    async def save(self) -> "asyncio.Future[bool] | None":
        """Hand all changes to the ledger; None where there is nothing to say.

        The result is True once they are safe and this worker still owned the partition.
        """
        if self._writer is None or self._journal is None:
            return None
        position = self.position()
        if not self._journal and self._says_nothing_new(position):
            return None
        self._saved = position
        return await self._writer.write(self._journal.take(self._writer.epoch), position)

    def position(self) -> Position:
        """How far this engine has come."""
        return Position(
            FORMAT,
            self.count,
            {topic: replace(feed.totals) for topic, feed in self.feeds.items()},
            self.positions,
            self.evaluated_at,
            self._book.chain.n,
            self._book.chain.previous,
            self.published,
            self._point,
            self.journaled_at,
            self._digests,
        )

    def readings(self) -> Iterator[Reading]:
        """All readings of the last evaluation; level unknown while not ready.

        They stay those of that evaluation, however late they are taken from the iterator.
        """
        decided = tuple(self._shown.values())
        unknown, ready = Level.UNKNOWN, self._was_ready
        return (
            one if ready and one.alarm is not unknown else replace(one, level=unknown)
            for shown in decided
            for one in shown.readings(shown.keys)
            if one.numerator or one.denominator
        )

    def stats(self, highwaters: Mapping[SourceTopic, int | None]) -> Iterator[PartitionStats]:
        """Totals and lag per topic, given the known end offsets."""
        for topic, feed in self.feeds.items():
            totals = feed.totals
            end = highwaters.get(topic)
            yield PartitionStats(
                topic=topic,
                partition=self.number,
                events=totals.events,
                counted=totals.counted,
                invalid=totals.invalid,
                redundant=totals.redundant,
                late=totals.late,
                last_event_at=totals.last_event_at,
                lag=max(0, max(end or 0, feed.ready_at) - totals.offset),
                ready=self._was_ready,
            )

    def _take_changes(self) -> Generator[None, None, tuple[list[Reading], bool]]:
        """Note what accounts show now.

        Returns the readings of the changed series at which alerts have to look, and whether
        any series has changed.
        """
        telling = self.engine.take_gone()
        ended = {(one.seller, one.marketplace) for one in telling}
        fresh: dict[_Account, Shown] = {}
        for number, (shown, keys, moved_by) in enumerate(self.engine.moving(), 1):
            account = (shown.seller, shown.market.name)
            fresh[account] = shown
            telling += shown.telling(keys, self._book.names(*account), moved_by)
            if number % _ACCOUNTS_AT_ONCE == 0:
                yield
        changed = bool(ended or fresh)
        for account in ended - fresh.keys():
            self._shown.pop(account, None)
        self._shown.update(fresh)
        return telling, changed

    def _take_all(self) -> Generator[None, None, list[Reading]]:
        """The readings of all series at which alerts have to look."""
        telling: list[Reading] = []
        for number, (account, shown) in enumerate(self._shown.items(), 1):
            telling += shown.telling(shown.keys, self._book.names(*account), "events")
            if number % _ACCOUNTS_AT_ONCE == 0:
                yield
        return telling

    def _ruled_anew(self) -> tuple[str, ...]:
        """The marketplaces whose policy in force is not that of the last decision."""
        before, now = self._digests, self.engine.digests()
        return tuple(
            sorted(name for name in before.keys() & now.keys() if before[name] != now[name])
        )

    def _says_nothing_new(self, position: Position) -> bool:
        """Whether only the evaluation point has moved since the last write, or was journaled."""
        saved, evaluated_at = self._saved, position.evaluated_at
        return saved is not None and position == replace(
            saved, evaluated_at=evaluated_at, journaled_at=position.journaled_at
        )

    def _cut(self) -> dict[str, tuple[int, int]]:
        return {topic: (self.number, offset) for topic, offset in self.positions.items()}
