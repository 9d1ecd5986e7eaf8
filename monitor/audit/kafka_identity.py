"""Which cluster answers at an address, and which topics it has."""

import asyncio
from typing import NamedTuple

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from monitor.cluster import Cluster
from monitor.errors import UnreadableSource

_CONNECT_SECONDS = 10.0


class Identity(NamedTuple):
    """A cluster's own id, and the names of its topics."""

    cluster_id: str
    topics: frozenset[str]


def identity_of(cluster: Cluster) -> Identity:
    """Asks a cluster who it is.

    Raises:
        UnreadableSource: it does not answer.
    """
    try:
        return asyncio.run(_ask(cluster))
    except (KafkaError, OSError, TimeoutError) as error:
        raise UnreadableSource(
            f"the cluster at {cluster.address} cannot be read: {str(error) or type(error).__name__}"
        ) from error


async def _ask(cluster: Cluster) -> Identity:
    admin = AIOKafkaAdminClient(**cluster.client_options())
    try:
        async with asyncio.timeout(_CONNECT_SECONDS):
            await admin.start()
            described = await admin.describe_cluster()
            topics = await admin.list_topics()
    finally:
        await admin.close()
    return Identity(str(described["cluster_id"]), frozenset(topics))
