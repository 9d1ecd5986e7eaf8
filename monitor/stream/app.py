"""The Faust app of the worker, with every setting that matters pinned."""

import logging
from dataclasses import dataclass
from typing import Any

import faust
from aiokafka.partitioner import DefaultPartitioner
from faust.assignor.partition_assignor import PartitionAssignor
from faust.auth import SASLCredentials, SSLCredentials
from faust.types.auth import CredentialsT
from mode import CrashingSupervisor
from yarl import URL

from monitor.cluster import Cluster
from monitor.stream.consumer_thread import ConsumerThread
from monitor.stream.transport import SCHEME, Delivery, Transport

# A value near the broker's own limit, copied to the dead letters with its headers.
_REQUEST_BYTES_MAX = 3 << 20


@dataclass(frozen=True, slots=True)
class Membership:
    """How a worker takes part in its consumer group.

    With ``instance_id`` (unique per worker, kept over restarts) a restart within
    ``session_timeout_seconds`` moves no partitions.
    """

    group: str = "seller-health-monitor"
    instance_id: str | None = None
    session_timeout_seconds: float = 10.0


class CopartitionedAssignor(PartitionAssignor):
    """Faust's own assignor, always without standbys.

    Faust uses it only where there are tables or standby replicas, and falls back to round
    robin otherwise, which splits a partition number of the four topics over workers. So the
    settings below claim a standby replica, and this denies it: with one, Faust would also
    leave the third of three workers without any of four partitions.
    """

    def __init__(self, app: Any, replicas: int = 0) -> None:  # noqa: ARG002 - denied
        super().__init__(app, replicas=0)


class App(faust.App):
    """A Faust app that delivers batches and keeps nothing on disk."""

    delivery: Delivery

    def _create_directories(self) -> None:
        """Nothing: without tables there is nothing to keep."""


def make_app(cluster: Cluster, membership: Membership, delivery: Delivery) -> App:
    """An app that is not started, without any agent."""
    app = App(
        membership.group,
        broker=[URL(f"{SCHEME}://{server}") for server in cluster.servers],
        broker_credentials=_credentials(cluster),
        broker_session_timeout=membership.session_timeout_seconds,
        # Members hear with a heartbeat that another is gone: the usual third of the session
        # would be a third of the time that its partitions stand still.
        broker_heartbeat_interval=membership.session_timeout_seconds / 6,
        # Our agent answers in milliseconds; what takes minutes is stuck and has to give up
        # its partitions.
        broker_max_poll_interval=300.0,
        broker_rebalance_timeout=60.0,
        broker_commit_interval=1.0,
        consumer_auto_offset_reset="earliest",
        consumer_group_instance_id=membership.instance_id,
        processing_guarantee="at_least_once",
        producer_partitioner=DefaultPartitioner(),
        producer_max_request_size=_REQUEST_BYTES_MAX,
        # Batches, not records: some megabytes of records wait in the worker at most.
        stream_buffer_maxsize=8,
        # The agent finishes its batch before a partition goes, so that none is read twice.
        stream_wait_empty=True,
        stream_publish_on_commit=False,
        agent_supervisor=CrashingSupervisor,
        PartitionAssignor=CopartitionedAssignor,
        table_standby_replicas=1,
        topic_allow_declare=False,
        topic_disable_leader=True,
        web_enabled=False,
        worker_redirect_stdouts=False,
        autodiscover=False,
    )
    app.delivery = delivery
    _quieten()
    return app


def _credentials(cluster: Cluster) -> CredentialsT | None:
    context = cluster.ssl_context()
    if cluster.security_protocol.startswith("SASL"):
        return SASLCredentials(
            username=cluster.username,
            password=cluster.password,
            mechanism=cluster.sasl_mechanism,
            ssl_context=context,
        )
    return None if context is None else SSLCredentials(context=context)


def _quieten() -> None:
    """Faust and mode report each start and stop of each of their parts as INFO.

    They name the logger of such a part after the module of its class: three are ours.
    """
    ours = (__name__, Transport.__module__, ConsumerThread.__module__)
    for name in ("faust", "mode", "aiokafka", *ours):
        logging.getLogger(name).setLevel(logging.WARNING)
