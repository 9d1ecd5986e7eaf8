"""What we rely on in Faust and aiokafka: an upgrade that changes it fails here, by name."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from types import SimpleNamespace
from typing import Any, cast, get_args

import pytest
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.consumer.subscription_state import TopicPartitionState
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.partitioner import DefaultPartitioner
from aiokafka.structs import TopicPartition
from faust import transport as faust_transport
from faust.tables.recovery import Recovery
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage
from mode import CrashingSupervisor

from monitor.cluster import Cluster, SecurityProtocol
from monitor.core.events import SOURCE_TOPICS
from monitor.stream.app import App, CopartitionedAssignor, Membership, make_app
from monitor.stream.consumer_thread import FETCH_WAIT_MILLIS, ConsumerThread
from monitor.stream.inflight import Batch, InFlight
from monitor.stream.transport import Consumer, Transport

NOWHERE = Cluster(("127.0.0.1:1",))
ORDERS = TP("orders", 0)


class FakeDelivery:
    """Takes note of what the transport says."""

    def __init__(self, *, commits: bool = True) -> None:
        self.topics = frozenset(SOURCE_TOPICS)
        self.commits = commits
        self.said: list[str] = []

    async def open(self, consumer: Consumer, assigned: frozenset[TP]) -> None:
        self.said.append("open")

    async def drained(self) -> None:
        self.said.append("drained")

    def close(self, revoked: frozenset[TP]) -> None:
        self.said.append("close")


_apps: list[App] = []


@pytest.fixture(autouse=True)
def _no_loop_left_open() -> Iterator[None]:
    """The consumer's thread has its loop from the beginning, though it never runs here."""
    yield
    while _apps:
        consumer = _apps.pop()._consumer
        if isinstance(consumer, Consumer):
            consumer._thread.thread_loop.close()


def _app(delivery: FakeDelivery | None = None, membership: Membership | None = None) -> App:
    app = make_app(NOWHERE, membership or Membership(), delivery or FakeDelivery())
    _apps.append(app)
    return app


def _consumer(app: App, *, in_flight: bool = True) -> Consumer:
    consumer = cast("Consumer", app.consumer)
    if in_flight:
        consumer._in_flight[ORDERS] = InFlight(0)
    return consumer


def _batch(start: int, end: int, generation: int = 0) -> Batch:
    return Batch("orders", 0, (), start, end, generation)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [(Consumer, driver.Consumer), (ConsumerThread, driver.AIOKafkaConsumerThread)],
)
def test_every_method_that_we_replace_still_exists(ours: type, theirs: type) -> None:
    own = {
        "__init__", "__module__", "__doc__", "__annotations__", "deliver", "highwater_seen",
        "answered_millis",
        "forget", "seek_all", "_seek_all", "_state", "_last_reset", "stay_in_group", "_accepts",
        "_message", "_is_batched", "_open", "finished", "rejoin", "_rejoin", "_end_calls",
        "abstract", "__abstractmethods__", "_abc_impl", "_init_subclass_logger",
    }  # fmt: skip
    replaced = {name for name in vars(ours) if callable(vars(ours)[name])} - own
    assert len(replaced) >= 2
    assert {name for name in replaced if not hasattr(theirs, name)} == set()


async def test_a_member_that_is_asked_to_joins_again() -> None:
    coordinator = GroupCoordinator.__new__(GroupCoordinator)
    coordinator._rejoin_needed_fut = asyncio.get_running_loop().create_future()
    subscription = SimpleNamespace(assignment=object())
    assert not coordinator.need_rejoin(subscription)
    coordinator.request_rejoin()
    assert coordinator.need_rejoin(subscription)


async def test_the_driver_is_found_by_the_scheme_of_the_address() -> None:
    app = _app()
    assert faust_transport.by_url(app.conf.broker[0]) is Transport
    assert isinstance(app.transport, Transport)
    assert isinstance(app.consumer, Consumer)
    assert driver.server_list(app.transport.url, 9092) == ["127.0.0.1:1"]


async def test_settings_that_keep_data_safe_are_in_force() -> None:
    conf = cast("Any", _app().conf)
    assert conf.consumer_auto_offset_reset == "earliest"
    assert str(conf.processing_guarantee.value) == "at_least_once"
    assert conf.stream_wait_empty
    assert conf.agent_supervisor is CrashingSupervisor
    assert not conf.web_enabled
    assert not conf.topic_allow_declare
    assert conf.topic_disable_leader
    assert isinstance(conf.producer_partitioner, DefaultPartitioner)


async def test_sessions_end_soon_and_membership_is_static_where_asked_for() -> None:
    app = _app(membership=Membership("g", instance_id="worker-1", session_timeout_seconds=6.0))
    kafka = _aiokafka_consumer(app)
    assert kafka._session_timeout_ms == 6000
    assert kafka._heartbeat_interval_ms == 1000
    assert kafka._group_instance_id == "worker-1"


async def test_an_idle_partition_does_not_hold_up_the_fetch_of_a_busy_one() -> None:
    kafka = _aiokafka_consumer(_app())
    assert kafka._fetch_max_wait_ms == FETCH_WAIT_MILLIS


@pytest.mark.parametrize("protocol", get_args(SecurityProtocol))
async def test_encryption_and_login_reach_the_client_as_they_were_set(
    protocol: SecurityProtocol,
) -> None:
    cluster = Cluster(
        ("127.0.0.1:1",),
        protocol,
        "SCRAM-SHA-512",
        username="monitor",
        password="secret-word",  # noqa: S106
    )
    app = make_app(cluster, Membership(), FakeDelivery())
    passed = driver.credentials_to_aiokafka_auth(app.conf.broker_credentials, None)
    wanted = cluster.client_options()
    assert bool(passed.get("ssl_context")) == bool(wanted["ssl_context"])
    for name in ("security_protocol", "sasl_mechanism", "sasl_plain_username"):
        assert passed.get(name) == wanted.get(name)
    assert passed.get("sasl_plain_password") == wanted.get("sasl_plain_password")
    assert "secret-word" not in repr(cluster) + repr(app.conf.broker_credentials) + repr(app)


async def test_our_settings_get_the_copartitioned_assignor_without_standbys() -> None:
    app = _app()
    _aiokafka_consumer(app)
    assignor = cast("Consumer", app.consumer)._thread._assignor
    assert isinstance(assignor, CopartitionedAssignor)
    assert assignor.replicas == 0


async def test_without_them_faust_would_split_partition_numbers_over_workers() -> None:
    app = _app()
    app.conf.table_standby_replicas = 0
    _aiokafka_consumer(app)
    assert cast("Consumer", app.consumer)._thread._assignor is RoundRobinPartitionAssignor


@pytest.mark.parametrize("workers", [1, 2, 3, 4, 5])
async def test_a_partition_number_of_all_topics_lies_on_one_worker(workers: int) -> None:
    assignor = cast("Any", _app().assignor)
    metadata = {f"worker-{n}": assignor.metadata(set(SOURCE_TOPICS)) for n in range(workers)}
    assigned = assignor.assign(FakeMetadata(4), metadata)
    shares = [
        {topic: sorted(numbers) for topic, numbers in member.assignment}
        for member in assigned.values()
    ]
    for share in shares:
        assert len({tuple(numbers) for numbers in share.values()}) <= 1
        assert not share or set(share) == set(SOURCE_TOPICS)
    taken = sorted(number for share in shares for number in share.get("orders", []))
    assert taken == [0, 1, 2, 3]
    assert max(len(share.get("orders", [])) for share in shares) == -(-4 // workers)


async def test_the_last_thing_before_the_flow_resumes_is_our_seek() -> None:
    app = _app()
    calls: list[str] = []
    cast("Any", app).consumer = FakeConsumer(calls)
    cast("Any", app.__dict__)["_fetcher"] = FakeFetcher(calls)
    recovery = Recovery(app, app.tables)
    await recovery._resume_streams(generation_id=app.consumer_generation_id)
    assert calls == ["resume_partitions", "perform_seek", "resume_flow", "fetch"]


async def test_a_seek_holds_the_partitions_and_asks_to_open_them() -> None:
    delivery = FakeDelivery()
    consumer = _consumer(_app(delivery), in_flight=False)
    cast("Any", consumer).assignment = lambda: {ORDERS}
    consumer._active_partitions = {ORDERS}
    await consumer.perform_seek()
    await asyncio.sleep(0)
    assert consumer._get_active_partitions() == set()
    assert delivery.said == ["open"]


async def test_batches_are_still_in_flight_while_faust_drains_and_gone_afterwards() -> None:
    delivery = FakeDelivery()
    consumer = _consumer(_app(delivery))
    batch = _batch(0, 5)
    assert consumer._in_flight[ORDERS].accept(batch)
    committable: list[Mapping[TP, int]] = []

    async def drain(revoked: set[TP]) -> None:
        batch.processed = True
        tps = consumer._filter_tps_with_pending_acks()
        committable.append(consumer._filter_committable_offsets(tps))
        delivery.said.append("drained")

    consumer._on_partitions_revoked = drain
    await consumer.on_partitions_revoked({ORDERS})
    assert committable == [{ORDERS: 5}]
    assert delivery.said == ["drained", "close"]
    assert ORDERS not in consumer._in_flight


async def test_what_faust_acknowledges_unprocessed_is_not_committed() -> None:
    consumer = _consumer(_app())
    batch = _batch(0, 5)
    consumer._in_flight[ORDERS].accept(batch)
    message = consumer._message(ORDERS, batch)
    message.incref()
    assert isinstance(message, ConsumerMessage)
    assert message.ack(consumer)
    assert message.acked
    assert consumer._new_offset(ORDERS) is None


async def test_no_offset_is_committed_while_commits_are_off() -> None:
    consumer = _consumer(_app(FakeDelivery(commits=False)))
    batch = _batch(0, 5)
    consumer._in_flight[ORDERS].accept(batch)
    batch.processed = True
    tps = consumer._filter_tps_with_pending_acks()
    assert consumer._filter_committable_offsets(tps) == {}


@pytest.mark.parametrize(("accepted", "again"), [(True, {}), (False, {ORDERS: 5})])
async def test_a_commit_that_failed_is_tried_again(accepted: bool, again: Mapping[TP, int]) -> None:
    consumer = _consumer(_app())
    batch = _batch(0, 5)
    consumer._in_flight[ORDERS].accept(batch)
    batch.processed = True

    async def commit(offsets: Mapping[TP, int]) -> bool:
        return accepted

    async def flush() -> None:
        """Nothing to send."""

    cast("Any", consumer)._commit = commit
    cast("Any", consumer).assignment = lambda: {ORDERS}
    cast("Any", consumer.app.producer).flush = flush
    assert await consumer.force_commit() is accepted
    tps = consumer._filter_tps_with_pending_acks()
    assert consumer._filter_committable_offsets(tps) == again


async def test_a_batch_of_an_earlier_generation_is_dropped_and_sought_again() -> None:
    app = _app()
    consumer = _consumer(app)
    sought: list[Mapping[TP, int]] = []

    async def seek_all(positions: Mapping[TP, int]) -> None:
        sought.append(positions)

    cast("Any", consumer._thread).seek_all = seek_all
    app.consumer_generation_id = 7
    assert not await consumer._accepts(ORDERS, _batch(0, 5, generation=6))
    assert not await consumer._accepts(ORDERS, _batch(3, 5, generation=7))
    assert sought == [{ORDERS: 0}, {ORDERS: 0}]
    assert await consumer._accepts(ORDERS, _batch(0, 5, generation=7))
    assert consumer._in_flight[ORDERS].expected == 5
    assert not await consumer._accepts(TP("orders", 3), _batch(0, 5, generation=7))


def test_aiokafka_still_tells_position_and_end_of_a_partition() -> None:
    names = dir(TopicPartitionState)
    assert {"position", "has_valid_position"} <= set(names)
    assert TP("orders", 3) == TopicPartition("orders", 3)
    assert hash(TP("orders", 3)) == hash(TopicPartition("orders", 3))


class FakeMetadata:
    """A cluster whose topics all have as many partitions."""

    def __init__(self, partitions: int) -> None:
        self._partitions = partitions

    def partitions_for_topic(self, topic: str) -> set[int]:
        return set(range(self._partitions))


class FakeConsumer:
    """Notes what Faust asks of it."""

    def __init__(self, calls: list[str]) -> None:
        self._calls = calls

    def assignment(self) -> set[TP]:
        return {ORDERS}

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*_: object) -> None:
            self._calls.append(name)

        return call

    async def perform_seek(self) -> None:
        self._calls.append("perform_seek")


class FakeFetcher:
    """Notes that fetching begins."""

    def __init__(self, calls: list[str]) -> None:
        self._calls = calls

    async def maybe_start(self) -> None:
        self._calls.append("fetch")


def _aiokafka_consumer(app: App) -> Any:
    thread = cast("Consumer", app.consumer)._thread
    consumer = cast("Any", thread._create_worker_consumer(cast("Any", app.transport)))
    consumer._closed = True
    return consumer
