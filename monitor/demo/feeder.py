"""Feeds a recording to the source topics, and waits until the worker has applied it.

The embedded broker forgets what lies more than some megabytes back, so nothing is sent
before what was sent earlier has been read.
"""

import asyncio

from confluent_kafka import KafkaError, Message, Producer

from monitor.core.events import SourceTopic
from monitor.core.instants import Instant
from monitor.demo.recording import Entry, Recording
from monitor.errors import ClusterError
from monitor.stream.topics import TopicNames

AT_ONCE_MAX = 5000
"""Records that may be on their way; at 10 kB each still within what the broker keeps."""


class Feeder:
    """Sends the entries of a recording in order, keyed by seller and placed as Kafka does.

    ``ends`` are the offsets after the last record sent, by topic and partition.
    """

    def __init__(self, address: str, names: TopicNames, recording: Recording) -> None:
        self._producer = Producer(
            {
                "bootstrap.servers": address,
                "partitioner": "murmur2_random",
                "linger.ms": 2,
                "message.timeout.ms": 30_000,
                "log.connection.close": False,
            }
        )
        self._names = names
        self._sources = names.sources
        self._entries = recording.entries
        self._next = 0
        self._failure: KafkaError | None = None
        self.ends: dict[tuple[SourceTopic, int], int] = {}

    @property
    def finished(self) -> bool:
        """Whether all entries are sent."""
        return self._next == len(self._entries)

    @property
    def total(self) -> int:
        """How many records there are."""
        return len(self._entries)

    @property
    def sent(self) -> int:
        """How many records are sent."""
        return self._next

    async def feed(self, until: Instant) -> bool:
        """Send what happened by an instant, at most ``AT_ONCE_MAX`` records.

        Returns:
            Whether all of it is sent.

        Raises:
            ClusterError: the broker did not take a record.
        """
        last = self._next + AT_ONCE_MAX
        due: list[Entry] = []
        while self._next < min(last, len(self._entries)):
            entry = self._entries[self._next]
            if entry.at > until:
                break
            due.append(entry)
            self._next += 1
        await asyncio.to_thread(self._send, due)
        if self._failure is not None:
            raise ClusterError(f"the broker refused a record: {self._failure.str()}")
        return self.finished or self._entries[self._next].at > until

    def _send(self, entries: list[Entry]) -> None:
        for entry in entries:
            topic = self._names.source(entry.topic)
            self._producer.produce(topic, entry.value, entry.key, on_delivery=self._delivered)
            self._producer.poll(0)
        self._producer.flush()

    def _delivered(self, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            self._failure = error
            return
        topic, partition, offset = message.topic(), message.partition(), message.offset()
        assert topic is not None
        assert partition is not None
        assert offset is not None
        where = (self._sources[topic], partition)
        self.ends[where] = max(self.ends.get(where, 0), offset + 1)
