"""A stream of records that do their worst: repeated, late, early, misplaced, broken, changed."""

import asyncio
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import Any

from aiokafka import AIOKafkaProducer

from monitor.core.events import SOURCE_TOPICS, TOPIC_OF, SourceTopic
from monitor.core.instants import SECOND, isoformat, utc
from monitor.demo.wire import SimulationPlan, write_events
from monitor.stream.clock import SystemClock
from monitor.stream.intake import partition_of
from monitor.stream.topics import TopicNames
from tests.faults.fleet import PARTITIONS

_AT_ONCE = 40
_SHUFFLED_AMONG = 200


@dataclass(frozen=True, slots=True)
class Letter:
    """A record to be sent; where no partition is named, its key decides."""

    topic: SourceTopic
    key: bytes
    value: bytes
    partition: int | None = None


class Adversary:
    """Makes the records; the same seed makes the same, but for those set to the present.

    The simulated events end tomorrow: the last ones lie in the future, some by too much.
    """

    def __init__(self, seed: int, *, days: int, sellers: int = 10) -> None:
        self._random = Random(f"{seed}/adversary")
        today = utc(SystemClock().now()).date()
        plan = SimulationPlan(
            seed=seed,
            sellers=sellers,
            days=days,
            orders_per_day=10.0,
            start_day=today - timedelta(days=days - 3),
            noise=0.3,
        )
        buffer = io.BytesIO()
        write_events(buffer, plan)
        self._lines = buffer.getvalue().splitlines()
        for first in range(0, len(self._lines), _SHUFFLED_AMONG):
            some = self._lines[first : first + _SHUFFLED_AMONG]
            self._random.shuffle(some)
            self._lines[first : first + _SHUFFLED_AMONG] = some

    def letters(self) -> Iterator[Letter]:
        """Records without end: after the last event any of them comes again."""
        for line in self._lines:
            yield from self._sent(line)
        while True:
            yield from self._sent(self._random.choice(self._lines))

    def _sent(self, line: bytes) -> Iterator[Letter]:
        chance = self._random.random
        try:
            event = json.loads(line)
        except ValueError:
            yield Letter(self._random.choice(SOURCE_TOPICS), b"harbor-books", line)
            return
        letter = self._letter(event)
        if chance() < 0.03:
            # Held until its instant comes, within the trial.
            letter = self._letter(event | {"at": self._soon(), "id": f"{event['id']}-soon"})
        yield letter
        if chance() < 0.03:
            # A type may arrive on any of the four topics, and any number of times.
            yield Letter(self._random.choice(SOURCE_TOPICS), letter.key, letter.value)
        if chance() < 0.01:
            yield self._misplaced(letter)

    def _letter(self, event: dict[str, Any]) -> Letter:
        value = json.dumps(event).encode()
        return Letter(TOPIC_OF[event["type"]], event["seller"].encode(), value)

    def _misplaced(self, letter: Letter) -> Letter:
        if self._random.random() < 0.5:
            return Letter(letter.topic, b"somebody-else", letter.value)
        wrong = (partition_of(letter.key, PARTITIONS) + 1) % PARTITIONS
        return Letter(letter.topic, letter.key, letter.value, wrong)

    def _soon(self) -> str:
        return isoformat(SystemClock().now() + int(self._random.uniform(0.2, 12) * SECOND))


class Feeder:
    """Publishes an adversary's records at a rate, until it is told to stop."""

    def __init__(
        self, producer: AIOKafkaProducer, names: TopicNames, adversary: Adversary, rate: float
    ) -> None:
        self.sent = 0
        """Records that are handed over."""
        self._producer = producer
        self._names = names
        self._letters = adversary.letters()
        self._rate = rate
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """End ``run``."""
        self._stopping.set()

    async def run(self) -> None:
        """Publish until ``stop``; all is acknowledged at the end."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        while not self._stopping.is_set():
            for _ in range(_AT_ONCE):
                letter = next(self._letters)
                await self._producer.send(
                    self._names.source(letter.topic),
                    letter.value,
                    key=letter.key,
                    partition=letter.partition,
                )
            self.sent += _AT_ONCE
            await asyncio.sleep(max(0.0, began + self.sent / self._rate - loop.time()))
        await self._producer.flush()
