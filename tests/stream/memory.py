"""A ledger topic and a cluster in memory, where whoever writes may be killed at each step."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from monitor.core.events import SOURCE_TOPICS, SourceTopic
from monitor.core.journal import LedgerRecord
from monitor.errors import ClusterError
from monitor.stream.ledger_reader import LedgerReader
from monitor.stream.ledger_topic import LedgerTopic, Sent
from monitor.stream.standstill import Bounds, Standstill
from monitor.stream.topics import TopicNames


class Killed(BaseException):
    """The process is no more; nothing catches it, as nothing catches a SIGKILL."""


@dataclass(slots=True)
class Fuse:
    """Kills whoever is about to take the given step, counted from 1; None: nobody."""

    step: int | None = None
    taken: int = 0

    def burn(self) -> None:
        self.taken += 1
        if self.taken == self.step:
            raise Killed


class Record(NamedTuple):
    """A record of the ledger topic, as a consumer gives it."""

    key: bytes | None
    value: bytes | None
    offset: int


class Written(NamedTuple):
    """What a producer tells of a batch."""

    offset: int


class MemoryReader(LedgerReader):
    """Reads partitions from lists."""

    def __init__(self, logs: list[list[Record]]) -> None:
        self._logs = logs

    async def bounds(self, number: int) -> tuple[int, int]:
        return 0, len(self._logs[number])

    async def read(
        self, number: int, start: int, end: int
    ) -> AsyncIterator[tuple[Sequence[Any], int]]:
        if start < end:
            yield self._logs[number][start:end], end


class MemoryLedger(LedgerTopic):
    """The ledger topic; each call of ``send`` is a batch, all or nothing.

    ``before_sending`` is called once, before the next batch, with the partition's number.
    """

    def __init__(self, partitions: int, fuse: Fuse) -> None:
        self.logs: list[list[Record]] = [[] for _ in range(partitions)]
        self.reader = MemoryReader(self.logs)
        self.broken = asyncio.get_running_loop().create_future()
        self.written_bytes = 0
        self.fuse = fuse
        self.before_sending: Callable[[int], Any] | None = None

    async def send(self, number: int, records: Iterable[LedgerRecord]) -> list[Sent]:
        self.fuse.burn()
        if self.before_sending is not None:
            meddle, self.before_sending = self.before_sending, None
            await meddle(number)
        log = self.logs[number]
        begin = len(log)
        for key, value in records:
            log.append(Record(key, value, len(log)))
        sent: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        sent.set_result(Written(begin))
        return [Sent(sent, len(log) - begin)]

    async def knows(self, partitions: int) -> None:
        assert len(self.logs) == partitions

    def values(self, number: int) -> dict[bytes, bytes]:
        """What a partition holds once it is compacted."""
        found: dict[bytes, bytes] = {}
        for record in self.logs[number]:
            assert record.key is not None
            found.pop(record.key, None)
            if record.value is not None:
                found[record.key] = record.value
        return found


@dataclass(slots=True)
class MemoryCluster(Standstill):
    """The other topics, and who is in the group; each topic grows in a step of its own."""

    ledger: MemoryLedger
    names: TopicNames
    counts_by_name: dict[str, int]
    ends: dict[tuple[SourceTopic, int], int] = field(default_factory=dict)
    looks: int = 0
    on_look: Callable[[int], None] = lambda look: None
    is_idle: bool = True

    async def check_idle(self) -> None:
        if not self.is_idle:
            raise ClusterError("stop all workers first")

    async def counts(self) -> dict[str, int]:
        return dict(self.counts_by_name)

    async def bounds(self, count: int) -> Bounds:
        self.looks += 1
        self.on_look(self.looks)
        return {
            (topic, number): (0, self.ends.get((topic, number), 0))
            for topic in SOURCE_TOPICS
            for number in range(count)
        }

    async def grow(self, counts: Mapping[str, int], partitions: int) -> None:
        for name in counts:
            if self.counts_by_name[name] < partitions:
                self.ledger.fuse.burn()
                self.counts_by_name[name] = partitions
                if name == self.names.ledger:
                    self.ledger.logs += [[] for _ in range(partitions - len(self.ledger.logs))]
