"""Partitions with so many orders, held as the live worker holds them, in a process of its own.

Says when it holds them; measures a round for each line on standard input; and says in the end
how much memory an order takes.
"""

import argparse
import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import IO

from bench.events import PARTITIONS
from bench.piped import ROUNDS, batches_from
from bench.process import ROOT, resident_bytes
from monitor.core.events import SOURCE_TOPICS, Event, SourceTopic, decode
from monitor.core.instants import SECOND, Instant
from monitor.core.journal import Entries
from monitor.core.position import Position
from monitor.demo.run import DEMO_POLICY
from monitor.garbage import collect_garbage_seldom
from monitor.policy import load_policies
from monitor.stream.clock import whole_second
from monitor.stream.ledger_topic import LedgerWriter
from monitor.stream.partition import Partition

# Two thirds of what a worker does at full speed, when the cost of an event matters.
_EVENTS_A_SECOND = 50_000
_NEVER = dict.fromkeys(SOURCE_TOPICS, 1 << 62)


class _Nowhere(LedgerWriter):
    """Takes what is to be kept, and says at once that it is safe."""

    read_to = 0

    def __init__(self) -> None:
        self.epoch, self.end, self.superseded = 1, 0, False

    async def write(self, entries: Entries, position: Position) -> "asyncio.Future[bool]":  # noqa: ARG002
        """Forget it."""
        done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        done.set_result(True)
        return done


class Holding:
    """The partitions of a worker that owns them all.

    Args:
        now: the instant to begin at, a whole second.
    """

    def __init__(self, now: Instant) -> None:
        rulebook = load_policies([DEMO_POLICY])
        self._point = now
        self._since_point = 0
        self._partitions = [
            Partition(number, PARTITIONS, rulebook, now, version="bench", durable=True)
            for number in range(PARTITIONS)
        ]
        for partition in self._partitions:
            partition.own(_Nowhere())
            # As in a worker that catches up, no alert opens before everything is there.
            partition.begin(dict.fromkeys(SOURCE_TOPICS, 0), _NEVER)

    async def take(self, topic: SourceTopic, number: int, events: Sequence[Event]) -> None:
        """Apply and keep events of a partition; evaluate all after so many."""
        partition = self._partitions[number]
        partition.apply(topic, events, partition.positions[topic] + len(events))
        await partition.save()
        self._since_point += len(events)
        if self._since_point >= _EVENTS_A_SECOND:
            await self.evaluate()

    async def evaluate(self) -> None:
        """Let a second pass."""
        self._since_point = 0
        self._point += SECOND
        for partition in self._partitions:
            partition.evaluate(self._point)
            await partition.save()

    async def caught_up(self) -> None:
        """From now on alerts open."""
        for partition in self._partitions:
            partition.begin(partition.positions, partition.positions)
        await self.evaluate()

    async def fill(self, source: IO[bytes]) -> float:
        """Take what comes up to the next pause; CPU microseconds per event, without decoding."""
        seconds, total = 0.0, 0
        for topic, number, values in batches_from(source):
            events = [decode(value) for value in values]
            began = time.thread_time()
            await self.take(topic, number, events)
            seconds += time.thread_time() - began
            total += len(events)
        return 1e6 * seconds / total


async def run(source: IO[bytes], orders: int) -> None:
    """Fill, measure as often as asked, and tell the size."""
    holding = Holding(whole_second(time.time_ns() // 1000))
    before = resident_bytes()
    _tell(filling_micros_per_event=await holding.fill(source))
    await holding.caught_up()
    for _ in range(ROUNDS):
        sys.stdin.readline()
        _tell(micros_per_event=await holding.fill(source))
    _tell(bytes_per_order=(resident_bytes() - before) / orders)


def _tell(**figures: float) -> None:
    sys.stdout.write(json.dumps(figures) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Hold what the arguments say."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("orders", type=int)
    parser.add_argument("sellers", type=int)
    asked = parser.parse_args()
    collect_garbage_seldom()
    piped = [sys.executable, "-m", "bench.piped", str(asked.orders), str(asked.sellers)]
    with subprocess.Popen(piped, cwd=ROOT, stdout=subprocess.PIPE) as source:  # noqa: S603 - ours
        assert source.stdout is not None
        asyncio.run(run(source.stdout, asked.orders))


if __name__ == "__main__":
    main()
