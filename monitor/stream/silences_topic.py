"""The ``silences`` topic, compacted and of one partition: written once, read and followed."""

import asyncio
import logging
from collections.abc import Sequence

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from monitor.cluster import Cluster
from monitor.errors import ClusterError
from monitor.notify.silences import Silence, decode_silence
from monitor.stream.ledger_reader import LedgerReader, ledger_reader

logger = logging.getLogger(__name__)

PARTITION = 0

_LOOK_SECONDS = 2.0
_LOOK_AGAIN_SECONDS = 10.0


class SilencesTopic:
    """The silences that there are, as the topic says it.

    Args:
        cluster: where it is.
        topic: its name; it exists.
    """

    def __init__(self, cluster: Cluster, topic: str) -> None:
        self._cluster = cluster
        self._topic = topic
        self._known: dict[str, Silence] = {}
        self._position = 0

    def current(self) -> Sequence[Silence]:
        """All that are known, also those that are over."""
        return tuple(self._known.values())

    async def read(self) -> None:
        """Take in all that is there by now.

        Raises:
            ClusterError: the topic cannot be read.
        """
        async with ledger_reader(self._cluster, self._topic) as reader:
            await self._read_on(reader)

    async def run(self) -> None:
        """Follow the topic until cancelled; while it cannot be read, what is known holds."""
        while True:
            try:
                async with ledger_reader(self._cluster, self._topic) as reader:
                    while True:
                        await self._read_on(reader)
                        await asyncio.sleep(_LOOK_SECONDS)
            except ClusterError as error:
                logger.warning("silences are not followed at the moment: %s", error)
            await asyncio.sleep(_LOOK_AGAIN_SECONDS)

    async def _read_on(self, reader: LedgerReader) -> None:
        begin, end = await reader.bounds(PARTITION)
        if end < self._position:
            # The topic was deleted and made again.
            self._known.clear()
            self._position = 0
        async for records, position in reader.read(PARTITION, max(begin, self._position), end):
            for record in records:
                self._take(record.key or b"", record.value)
            self._position = position

    def _take(self, key: bytes, value: bytes | None) -> None:
        name = key.decode(errors="backslashreplace")
        if value is None:
            self._known.pop(name, None)
            return
        try:
            silence = decode_silence(value)
        except ValueError as error:
            logger.warning("%s holds for %s what is no silence: %s", self._topic, name, error)
            return
        self._known[name] = silence


async def write_silence(cluster: Cluster, topic: str, silence: Silence) -> None:
    """Write a silence, or what has become of it; returns once it is acknowledged.

    Raises:
        ClusterError: it cannot be written.
    """
    producer = AIOKafkaProducer(**cluster.client_options(), enable_idempotence=True)
    try:
        await producer.start()
        await producer.send_and_wait(
            topic, silence.encode(), key=silence.id.encode(), partition=PARTITION
        )
    except KafkaError as error:
        raise ClusterError(f"topic {topic} cannot be written: {error}") from error
    finally:
        await producer.stop()
