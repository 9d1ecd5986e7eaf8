"""What we rely on in a rebalance and at a commit: an upgrade that changes it fails here."""

import asyncio
import gc
from collections.abc import Callable, Mapping
from importlib.metadata import entry_points
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiokafka.consumer.subscription_state import SubscriptionState, TopicPartitionState
from aiokafka.errors import CommitFailedError
from faust.events import Event
from faust.transport import drivers
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from monitor.cluster import Cluster
from monitor.stream.app import App, Membership, make_app
from monitor.stream.inflight import Batch, InFlight
from monitor.stream.transport import SCHEME, Consumer, Transport

ORDERS = TP("orders", 0)


class FakeDelivery:
    """Takes everything."""

    topics = frozenset({"orders"})
    commits = True

    def __init__(self) -> None:
        self.calls: list[str] = []

    async def open(self, consumer: Consumer, assigned: frozenset[TP]) -> None:
        """Nothing to open."""

    async def drained(self) -> None:
        self.calls.append("drained")

    def close(self, revoked: frozenset[TP]) -> None:
        """Nothing to close."""


@pytest.fixture
async def app() -> Any:
    made = make_app(Cluster(("127.0.0.1:1",)), Membership(), FakeDelivery())
    yield made
    _consumer(made)._thread.thread_loop.close()


def _consumer(app: App) -> Consumer:
    return cast("Consumer", app.consumer)


def _batch(start: int, end: int, generation: int = 0) -> Batch:
    return Batch("orders", 0, (), start, end, generation)


def _note(calls: list[str], name: str) -> Callable[..., Any]:
    async def noted(*_: object, **__: object) -> bool:
        calls.append(name)
        return True

    return noted


def test_the_driver_is_an_entry_point_of_the_group_where_faust_looks_for_them() -> None:
    assert drivers.TRANSPORTS.namespaces == {"faust.transports"}
    (ours,) = entry_points(group="faust.transports", name=SCHEME)
    assert ours.load() is Transport


async def test_only_committed_records_are_read(app: App) -> None:
    thread = _consumer(app)._thread
    kafka = thread._create_worker_consumer(cast("Any", app.transport))
    kafka._closed = True
    assert kafka._isolation_level == "read_committed"


async def test_aiokafka_gives_a_partition_another_future_when_its_offset_was_out_of_range() -> None:
    state = TopicPartitionState(assignment=None)
    state.seek(10)
    sought = state._position_fut
    state.consumed_to(15)
    assert state._position_fut is sought
    state.await_reset("earliest")
    state.reset_to(20)
    assert state._position_fut is not sought


async def test_a_look_at_what_is_fetched_counts_as_a_poll() -> None:
    state = SubscriptionState()
    await asyncio.sleep(0.02)
    assert state.fetcher_idle_time >= 0.02
    with state.fetch_context():
        assert state.fetcher_idle_time == 0
    assert state.fetcher_idle_time < 0.02


async def test_the_generation_of_the_app_is_that_of_the_group_before_anything_is_assigned() -> None:
    seen: list[int] = []
    app = SimpleNamespace(consumer_generation_id=0)

    async def assigned(partitions: set[TP], generation: int) -> None:
        seen.extend([app.consumer_generation_id, generation])

    kafka = SimpleNamespace(_coordinator=SimpleNamespace(generation=7))
    thread = SimpleNamespace(
        app=app, _ensure_consumer=lambda: kafka, on_partitions_assigned=assigned
    )
    listener = driver.ConsumerRebalanceListener(cast("Any", thread))
    await listener.on_partitions_assigned([ORDERS])
    assert seen == [7, 7]


async def test_on_revocation_faust_stops_the_flow_then_drains_then_flushes_its_producer(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    consumer = _consumer(app)
    monkeypatch.setattr(consumer, "assignment", lambda: {ORDERS})
    monkeypatch.setattr(consumer, "stop_flow", lambda: calls.append("stop flow"))
    monkeypatch.setattr(app.flow_control, "clear", lambda: calls.append("clear queues"))
    monkeypatch.setattr(consumer, "wait_empty", _note(calls, "drain"))
    monkeypatch.setattr(app.producer, "flush", _note(calls, "flush"))
    await app._on_partitions_revoked({ORDERS})
    assert calls == ["stop flow", "clear queues", "drain", "flush"]


async def test_a_drain_waits_for_what_the_agent_has_begun_then_for_its_delivery_then_commits(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    consumer, calls = _consumer(app), cast("FakeDelivery", app.delivery).calls
    message = consumer._message(ORDERS, _batch(0, 5))
    message.incref()
    consumer.track_message(message)
    monkeypatch.setattr(consumer, "commit", _note(calls, "commit"))
    monkeypatch.setattr(gc, "collect", lambda: calls.append("collect"))
    draining = asyncio.create_task(consumer.wait_empty())
    await asyncio.sleep(0.05)
    assert (draining.done(), calls) == (False, [])
    assert message.ack(consumer)
    await draining
    assert calls == ["drained", "commit"]


async def test_a_drain_commits_though_a_commit_is_on_its_way(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    consumer = _consumer(app)
    on_its_way = asyncio.Event()

    async def commit(*_: object, **__: object) -> bool:
        calls.append("commit")
        await on_its_way.wait()
        return True

    monkeypatch.setattr(consumer, "force_commit", commit)
    periodic = asyncio.create_task(consumer.commit())
    await asyncio.sleep(0)
    draining = asyncio.create_task(consumer.wait_empty())
    await asyncio.sleep(0.05)
    assert calls == ["commit"]
    on_its_way.set()
    await asyncio.gather(periodic, draining)
    assert calls == ["commit", "commit"]


async def test_faust_itself_would_collect_garbage_and_commit_before_the_agent_is_done(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    consumer = _consumer(app)
    message = consumer._message(ORDERS, _batch(0, 5))
    message.incref()
    consumer.track_message(message)
    monkeypatch.setattr(consumer, "commit", _note(calls, "commit"))
    monkeypatch.setattr(gc, "collect", lambda: calls.append("collect"))
    draining = asyncio.create_task(driver.Consumer.wait_empty(consumer))
    await asyncio.sleep(0.05)
    assert (draining.done(), calls) == (False, ["collect", "commit"])
    assert message.ack(consumer)
    await draining


async def test_a_commit_flushes_the_producer_first(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    consumer = _consumer(app)
    monkeypatch.setattr(consumer, "assignment", lambda: {ORDERS})
    monkeypatch.setattr(app.producer, "flush", _note(calls, "flush"))
    monkeypatch.setattr(consumer, "_commit", _note(calls, "commit"))
    assert await consumer._commit_offsets({ORDERS: 5})
    assert calls == ["flush", "commit"]


async def test_faust_takes_a_failed_commit_for_done_and_we_do_not(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(offsets: Mapping[TP, int]) -> bool:
        return False

    consumer = _consumer(app)
    consumer._in_flight[ORDERS] = InFlight(0)
    monkeypatch.setattr(consumer, "assignment", lambda: {ORDERS})
    monkeypatch.setattr(app.producer, "flush", _note([], "flush"))
    monkeypatch.setattr(consumer, "_commit", fail)
    assert not await consumer._commit_offsets({ORDERS: 5})
    assert consumer._committed_offset[ORDERS] == 5
    assert consumer._in_flight[ORDERS].committed == 0


@pytest.mark.parametrize(
    ("error", "breaks"),
    [
        (CommitFailedError("the group has already rebalanced"), False),
        (CommitFailedError("something else"), True),
        (OSError("no way to the broker"), True),
    ],
)
async def test_a_commit_fails_quietly_only_where_the_group_has_rebalanced(
    app: App, monkeypatch: pytest.MonkeyPatch, error: Exception, breaks: bool
) -> None:
    async def refuse(offsets: object) -> None:
        raise error

    calls: list[str] = []
    thread = _consumer(app)._thread
    monkeypatch.setattr(thread, "assignment", lambda: {ORDERS})
    monkeypatch.setattr(thread, "_consumer", SimpleNamespace(commit=refuse))
    monkeypatch.setattr(thread, "crash", _note(calls, "crash"))
    assert not await thread._commit({ORDERS: 5})
    assert calls == ["crash"] * breaks


@pytest.mark.parametrize(("generation", "starts"), [(7, [0, 5]), (6, [5])])
async def test_faust_skips_a_batch_of_an_earlier_generation(
    app: App, generation: int, starts: list[int]
) -> None:
    assert [batch.start for batch in await _stream_two(app, generation)] == starts
    assert not _consumer(app)._unacked_messages


async def test_offsets_that_faust_notes_as_acknowledged_do_not_pile_up(app: App) -> None:
    consumer = _consumer(app)
    await _stream_two(app, 7)
    # Its compiled iterator does not call our ``ack``.
    assert consumer._acked[ORDERS] == [4, 8]
    assert list(consumer._filter_tps_with_pending_acks()) == []
    consumer._in_flight[ORDERS] = InFlight(0)
    assert list(consumer._filter_tps_with_pending_acks()) == [ORDERS]
    assert consumer._new_offset(ORDERS) is None
    assert (consumer._acked[ORDERS], consumer._acked_index[ORDERS]) == ([], set())


async def _stream_two(app: App, generation: int) -> list[Batch]:
    """What an agent's stream takes of a batch of a generation and one of the present, 7th one."""
    app.consumer_generation_id = 7
    app.flow_control.resume()
    app.topics.acking_topics.add("orders")
    stream: Any = app.topic("orders").stream()
    for batch in (_batch(0, 5, generation), _batch(5, 9, generation=7)):
        message = _consumer(app)._message(ORDERS, batch)
        message.incref()
        await stream.channel.put(Event(app, None, batch, None, message))
    taken: list[Batch] = []
    taking = aiter(stream)
    async with asyncio.timeout(5):
        while not taken or taken[-1].start != 5:
            taken.append(await anext(taking))
    await taking.aclose()
    return taken
