"""The ``policies`` topic: the policies in use, each by the digest that alert records name."""

import asyncio
from collections.abc import Mapping

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from monitor.cluster import Cluster
from monitor.errors import ClusterError

_TIMEOUT_SECONDS = 30.0


async def publish_policies(cluster: Cluster, topic: str, forms: Mapping[str, str]) -> None:
    """Publish canonical forms by digest; all are acknowledged once this returns.

    The same policy again is the same record, of which compaction keeps the last.

    Raises:
        ClusterError: the topic cannot be written.
    """
    if not forms:
        return
    # As safe as the alerts that will name them.
    producer = AIOKafkaProducer(**cluster.client_options(), acks="all")
    try:
        async with asyncio.timeout(_TIMEOUT_SECONDS):
            await producer.start()
            sent = [
                await producer.send(topic, form.encode(), key=digest.encode(), partition=0)
                for digest, form in forms.items()
            ]
            await asyncio.gather(*sent)
    except (KafkaError, OSError, TimeoutError) as error:
        said = str(error) or type(error).__name__
        raise ClusterError(f"the topic of policies, {topic}, cannot be written: {said}") from error
    finally:
        await producer.stop()
