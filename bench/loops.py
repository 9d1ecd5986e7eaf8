"""Bare aiokafka loops over the source topics, each in a process of its own.

``client`` only decodes and counts; ``ceiling`` drives the live worker's engines with nothing
durable; ``engine`` decodes first and then measures the engines alone. Prints events/s.
"""

import argparse
import asyncio
import gc
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import uvloop
from aiokafka import AIOKafkaConsumer, TopicPartition

from bench.events import PARTITIONS
from monitor.core.engine import Engine
from monitor.core.events import Event, decode
from monitor.core.instants import SECOND, Instant
from monitor.core.rules import Rulebook
from monitor.garbage import collect_garbage_seldom
from monitor.policy import load_policies
from monitor.stream.topics import TopicNames

_EVENTS_AT_ONCE = 2000


class Engines:
    """One engine per partition number, evaluated once a second as the live worker's are."""

    def __init__(self, rulebook: Rulebook) -> None:
        self._rulebook = rulebook
        self._engines: dict[int, Engine] = {}
        self._evaluated_at = now()

    def apply(self, number: int, events: list[Event]) -> None:
        """Apply events of a partition; where a second has passed, evaluate all."""
        engine = self._engines.get(number)
        if engine is None:
            engine = self._engines[number] = Engine(self._rulebook, now() + SECOND)
        engine.apply(events)
        point = now()
        if point - self._evaluated_at >= SECOND:
            self._evaluated_at = point
            for one in self._engines.values():
                one.advance(point + SECOND)
                one.changed()


def now() -> Instant:
    """The present instant."""
    return time.time_ns() // 1000


async def run(mode: str, address: str, prefix: str, rulebook: Rulebook) -> float:
    """Events per second of one pass over all records that there are at the start."""
    names = TopicNames.prefixed(prefix)
    consumer = AIOKafkaConsumer(bootstrap_servers=address, enable_auto_commit=False)
    async with consumer:
        found = [
            TopicPartition(name, number) for name in names.sources for number in range(PARTITIONS)
        ]
        ends = await consumer.end_offsets(found)
        consumer.assign(found)
        await consumer.seek_to_beginning(*found)
        total = sum(ends.values())
        if mode == "engine":
            return await _engines_alone(consumer, total, rulebook)
        return await _loop(consumer, total, Engines(rulebook) if mode == "ceiling" else None)


async def _loop(consumer: AIOKafkaConsumer, total: int, engines: Engines | None) -> float:
    seen = first = 0
    began = 0.0
    kinds: dict[type, int] = {}
    while seen < total:
        for tp, batch in (await consumer.getmany(timeout_ms=1000)).items():
            if not began:
                began, first = time.perf_counter(), len(batch)
            for begin in range(0, len(batch), _EVENTS_AT_ONCE):
                events = [decode(one.value) for one in batch[begin : begin + _EVENTS_AT_ONCE]]
                if engines is None:
                    for event in events:
                        kinds[type(event)] = kinds.get(type(event), 0) + 1
                else:
                    engines.apply(tp.partition, events)
            seen += len(batch)
    return (seen - first) / (time.perf_counter() - began)


async def _engines_alone(consumer: AIOKafkaConsumer, total: int, rulebook: Rulebook) -> float:
    batches: list[tuple[int, list[Event]]] = []
    seen = 0
    while seen < total:
        for tp, batch in (await consumer.getmany(timeout_ms=1000)).items():
            seen += len(batch)
            batches += _decoded(tp.partition, batch)
    gc.freeze()
    engines = Engines(rulebook)
    began = time.perf_counter()
    for number, events in batches:
        engines.apply(number, events)
    return seen / (time.perf_counter() - began)


def _decoded(number: int, batch: list[Any]) -> Iterator[tuple[int, list[Event]]]:
    for begin in range(0, len(batch), _EVENTS_AT_ONCE):
        yield number, [decode(one.value) for one in batch[begin : begin + _EVENTS_AT_ONCE]]


def main() -> None:
    """Run one pass and print its rate."""
    parser = argparse.ArgumentParser()
    parser.add_argument("mode", choices=["client", "ceiling", "engine"])
    parser.add_argument("address")
    parser.add_argument("prefix")
    parser.add_argument("--policy", type=Path, nargs="+", required=True)
    asked = parser.parse_args()
    collect_garbage_seldom()
    rulebook = load_policies(asked.policy)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(runner.run(run(asked.mode, asked.address, asked.prefix, rulebook)))


if __name__ == "__main__":
    main()
