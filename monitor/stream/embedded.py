"""A broker inside this process, for a demo that needs nothing installed.

It is librdkafka's own for tests: in memory, four partitions per topic, and it keeps about
5 MB of each, so that whoever feeds it has to wait for what has been applied. Never for data
that matters.
"""

from types import TracebackType
from typing import Self

from confluent_kafka import Producer

from monitor.cluster import Cluster
from monitor.stream.topics import TopicNames

PARTITIONS = 4
_LOG_ERRORS_ONLY = 3
_START_SECONDS = 10.0


class EmbeddedBroker:
    """A running broker with the monitor's topics; gone when closed.

    Use it as a context manager, or call ``close``.
    """

    def __init__(self, names: TopicNames | None = None) -> None:
        # The broker lives as long as the client that asked for it.
        self._client: Producer | None = Producer(
            {
                "bootstrap.servers": "embedded",
                "test.mock.num.brokers": 1,
                "log_level": _LOG_ERRORS_ONLY,
            }
        )
        brokers = self._client.list_topics(timeout=_START_SECONDS).brokers.values()
        self.cluster = Cluster(servers=tuple(f"{at.host}:{at.port}" for at in brokers))
        names = names or TopicNames()
        others = (names.alerts, names.evaluations, names.dead_letters, names.policies)
        for topic in (*names.sources, *others):
            # It cannot be asked to create a topic, and makes each at its first mention.
            self._client.list_topics(topic, timeout=_START_SECONDS)

    def close(self) -> None:
        """Stop the broker; its records are gone."""
        self._client = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
