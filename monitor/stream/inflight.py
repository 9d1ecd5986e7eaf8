"""The batches of one topic partition that are delivered and not yet processed. Pure."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(slots=True, eq=False)
class Batch:
    """Records that one fetch brought from one partition of one topic.

    They cover the offsets from ``start`` up to, but without, ``end``; the broker may have
    skipped some in between (compacted ones, markers of transactions), or all of them.
    """

    topic: str
    partition: int
    records: Sequence[Any]
    """Consumer records of aiokafka, in the order of their offsets."""
    start: int
    end: int
    generation: int
    """Generation of the consumer group in which the batch was fetched."""
    processed: bool = False
    """Set by the agent. Faust's own acknowledgement is not enough: it also acknowledges
    batches that it skips unprocessed in a rebalance."""


class InFlight:
    """The first-in-first-out queue behind the committed offset of one topic partition.

    Args:
        position: the offset from which on the partition is read.
    """

    __slots__ = ("_batches", "committed", "expected", "finished")

    def __init__(self, position: int) -> None:
        self._batches: deque[Batch] = deque()
        self.expected = position
        """Where the next batch has to start."""
        self.finished = position
        """The end of the leading processed batch: all before it is processed."""
        self.committed = position
        """The last offset whose commit the broker has acknowledged; at first ``position``."""

    def __len__(self) -> int:
        return len(self._batches)

    def accept(self, batch: Batch) -> bool:
        """Queue the batch that follows the last one; False, without effect, for another.

        A batch that starts elsewhere was fetched before a seek, or follows one that was lost
        on its way: to take it would skip records or deliver them twice.
        """
        if batch.start != self.expected:
            return False
        self.expected = batch.end
        self._batches.append(batch)
        return True

    def committable(self) -> int | None:
        """The offset to commit, where that is more than is committed already."""
        while self._batches and self._batches[0].processed:
            self.finished = self._batches.popleft().end
        return self.finished if self.finished > self.committed else None
