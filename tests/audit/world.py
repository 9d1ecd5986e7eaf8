"""The monitor's topics in memory: events, points and alerts as a worker leaves them there."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from monitor.audit.logs import LogRecord
from monitor.core.alert_records import AlertRecord
from monitor.core.alerts import AlertBook
from monitor.core.engine import Engine
from monitor.core.events import SOURCE_TOPICS, TOPIC_OF, SourceTopic, decode
from monitor.core.instants import parse_instant
from monitor.core.position import Point
from monitor.core.standing import CaughtUp
from monitor.policy import Policy, rulebook_of
from monitor.stream.evaluations_topic import message_of
from tests.audit.memory import MemoryLog

RECORDED_AT = parse_instant("2030-01-01T00:00:00Z")
Event = Mapping[str, Any]


@dataclass
class World:
    """One partition of each topic, under one policy."""

    policy: Policy
    topics: dict[str, list[LogRecord]] = field(
        default_factory=lambda: {name: [] for name in (*SOURCE_TOPICS, "alerts", "evaluations")}
    )
    said: list[AlertRecord] = field(default_factory=list)
    engine: Engine | None = None
    book: AlertBook = field(default_factory=lambda: AlertBook("1.0"))

    def at(self, point: str, *events: Event) -> list[AlertRecord]:
        """Append events, read them, and decide at a point; what was said."""
        now = parse_instant(point)
        if self.engine is None:
            self.engine = Engine(rulebook_of([self.policy]), now)
        self.engine.advance(now)
        for event in events:
            topic = self.append(event)
            self.engine.apply([decode(json.dumps(event).encode())], topic)
        is_first = not self.topics["evaluations"]
        first = CaughtUp() if is_first else None
        records = self.book.step(self.engine, self.engine.changed(), self.cut, caught_up=first)
        policies = (self.policy.digest,) if is_first else ()
        message = message_of(0, Point(now, self.offsets, is_first, policies, (), 1))
        self._log("evaluations", message.key, message.value or b"", message.headers)
        for record in records:
            self._log("alerts", record.seller.encode(), record.encode())
        self.said += records
        return records

    def append(self, event: Event) -> SourceTopic:
        """Append an event that nobody has read yet."""
        topic = TOPIC_OF[event["type"]]
        self._log(topic, event["seller"].encode(), json.dumps(event).encode())
        return topic

    @property
    def offsets(self) -> dict[SourceTopic, int]:
        """The ends of the source topics."""
        return {topic: len(self.topics[topic]) for topic in SOURCE_TOPICS}

    @property
    def cut(self) -> dict[str, tuple[int, int]]:
        """The same as records have it."""
        return {topic: (0, end) for topic, end in self.offsets.items()}

    @contextmanager
    def open_log(self, topic: str) -> Iterator[MemoryLog]:
        """A topic by the contract's name."""
        records: Sequence[LogRecord] = self.topics.get(topic, [])
        if topic == "policies":
            form = self.policy.canonical.encode()
            records = [LogRecord(0, self.policy.digest.encode(), form)]
        yield MemoryLog({0: records}, topic)

    def _log(
        self, topic: str, key: bytes, value: bytes, headers: tuple[tuple[str, bytes], ...] = ()
    ) -> None:
        offset = len(self.topics[topic])
        self.topics[topic].append(LogRecord(offset, key, value, headers, RECORDED_AT))
