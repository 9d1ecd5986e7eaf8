"""What one partition of the ledger says of itself, and how to have the last word on it."""

from collections.abc import Callable

from monitor.core.growth import Growth, growth_of
from monitor.core.journal import LedgerRecord
from monitor.core.ledger_keys import CLAIM, GROWTH, POSITION, parse_key
from monitor.core.position import Position
from monitor.stream.ledger_topic import LedgerTopic, acknowledged
from monitor.stream.recovery import Holdings

Decide = Callable[[int], list[LedgerRecord]]
"""What to write, under the epoch that is given."""


class LedgerMarks:
    """The positions and claims of a partition, without what it holds of sellers.

    Args:
        ledger: the topic.
        number: of the partition.
    """

    def __init__(self, ledger: LedgerTopic, number: int) -> None:
        self.number = number
        self.growths: dict[bytes, Growth] = {}
        self.epoch = 0
        """The highest one of any record."""
        self._ledger = ledger
        self._holdings = Holdings()
        self._read_to = 0

    @property
    def position(self) -> Position | None:
        """That of the last owner, or the bar that stands above it."""
        return self._holdings.position

    @property
    def bar_epoch(self) -> int:
        """The highest epoch of a position or claim."""
        return self._holdings.epoch

    @property
    def keys(self) -> list[bytes]:
        """Those of all positions and claims."""
        return list(self._holdings.marks)

    async def read(self) -> None:
        """Read what is new.

        Raises:
            LedgerError: the ledger is another program's, or a newer one's.
            ClusterError: it cannot be read.
        """
        begin, end = await self._ledger.reader.bounds(self.number)
        start = max(begin, self._read_to)
        async for records, _ in self._ledger.reader.read(self.number, start, end):
            for record in records:
                self._note(record.key or b"", record.value)
        self._read_to = end

    async def write(self, decide: Decide) -> None:
        """Write, in one piece, what follows from all that was written before it.

        Where somebody else has written meanwhile, it is taken back and decided anew.
        """
        void: list[LedgerRecord] = []
        while True:
            records = decide(self.epoch + 1)
            (sent,) = await self._ledger.send(self.number, [*void, *records])
            if await acknowledged(sent) == self._read_to:
                self._read_to += sent.count
                for key, value in (*void, *records):
                    self._note(key, value)
                return
            await self.read()
            void = [(key, None) for key, value in records if value is not None]
            for key, value in void:
                self._note(key, value)

    def _note(self, name: bytes, value: bytes | None) -> None:
        key = parse_key(name)
        self.epoch = max(self.epoch, key.epoch)
        if key.kind in (POSITION, CLAIM):
            self._holdings.note(name, value)
        elif key.kind == GROWTH:
            self.growths.pop(name, None)
            if value is not None:
                self.growths[name] = growth_of(key, value)
