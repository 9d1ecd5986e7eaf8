"""The orders that bench/holding.py holds, made in a process of its own and piped to it.

First what it holds from the start; then, round by round, what it measures: how the lives of some
open orders go on, which lie all over the sellers and the memory.
"""

import argparse
import gc
import random
import struct
import sys
from collections.abc import Iterable, Iterator
from typing import IO

from bench.events import Record
from bench.orders import life_of, lives, record_of, seller_of
from monitor.core.events import SOURCE_TOPICS, SourceTopic

ROUNDS = 3
_ROUND_ORDERS = 30_000
_EVENTS_AT_ONCE = 2_000
_HEAD = struct.Struct("<BBI")
Batch = tuple[SourceTopic, int, list[bytes]]
"""Source topic, partition, and the values of some records."""


def batches_from(source: IO[bytes]) -> Iterator[Batch]:
    """The batches up to the next pause, or to the end."""
    while head := source.read(_HEAD.size):
        topic, number, length = _HEAD.unpack(head)
        if not length:
            return
        yield SOURCE_TOPICS[topic], number, source.read(length).split(b"\n")


class _Split:
    """Which events come in which round.

    Args:
        orders: how many there are.
        sellers: whose they are, in turn.
    """

    def __init__(self, orders: int, sellers: int) -> None:
        self._orders = orders
        self._sellers = sellers
        self._stride = max(ROUNDS, orders // _ROUND_ORDERS)

    def first(self) -> Iterator[Record]:
        return lives(range(self._orders), self._sellers, is_open=self._is_open)

    def later(self, turn: int) -> list[Record]:
        found = []
        for number in range(self._orders):
            if self._turn_of(number) == turn:
                seller = seller_of(number, self._sellers)
                life = life_of(number, self._sellers, is_open=True)
                found += [record_of(line, seller) for line in life[1:]]
        random.Random(turn).shuffle(found)
        return found

    def _turn_of(self, number: int) -> int:
        return number // self._sellers % self._stride

    def _is_open(self, number: int) -> bool:
        return self._turn_of(number) < ROUNDS


def _batched(records: Iterable[Record]) -> Iterator[Batch]:
    waiting: dict[tuple[SourceTopic, int], list[bytes]] = {}
    for one in records:
        values = waiting.setdefault(one.where, [])
        values.append(one.value)
        if len(values) == _EVENTS_AT_ONCE:
            yield *one.where, waiting.pop(one.where)
    for where, values in waiting.items():
        yield *where, values


def _write(out: IO[bytes], records: Iterable[Record]) -> None:
    for topic, number, values in _batched(records):
        text = b"\n".join(values)
        out.write(_HEAD.pack(SOURCE_TOPICS.index(topic), number, len(text)) + text)
    out.write(_HEAD.pack(0, 0, 0))
    out.flush()


def main() -> None:
    """Write to standard output."""
    parser = argparse.ArgumentParser()
    parser.add_argument("orders", type=int)
    parser.add_argument("sellers", type=int)
    asked = parser.parse_args()
    gc.disable()
    split = _Split(asked.orders, asked.sellers)
    _write(sys.stdout.buffer, split.first())
    for turn in range(ROUNDS):
        _write(sys.stdout.buffer, split.later(turn))


if __name__ == "__main__":
    main()
