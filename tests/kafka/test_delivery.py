"""Delivery on real Kafka: each receiver at its own pace, once, over restarts and rebalances."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions
from msgspec import structs

from deploy.kafka.node import KafkaNode
from monitor.cluster import Cluster
from monitor.core.alert_records import AlertRecord
from monitor.core.instants import HOUR, SECOND
from monitor.core.readings import Level
from monitor.errors import ClusterError
from monitor.notify.desk import desk_of
from monitor.notify.grouping import Grouping
from monitor.notify.notification import Notification
from monitor.notify.plan import Addressee, DeliveryPlan, Desk, Followed
from monitor.notify.reader import TextStyle
from monitor.notify.silences import Silence
from monitor.stream import silences_topic
from monitor.stream.clock import EventClock
from monitor.stream.delivery import courier
from monitor.stream.delivery.deliveries_topic import deliveries_topic, notify_group
from monitor.stream.delivery.moving import check_delivered, move_deliveries
from monitor.stream.delivery.outbox import Outbox
from monitor.stream.delivery.running import Deliveries, Origin, delivering
from monitor.stream.intake import partition_of
from monitor.stream.topics import prepare_topics
from monitor.stream.worker import Worker, WorkerSettings
from tests.stream.delivery.fakes import (
    NOON,
    FakeReceiver,
    compose,
    failure,
    judge,
    record,
    tell_all,
)
from tests.stream.live import (
    PARTITIONS,
    PLAN,
    cancellation,
    one_metric_rulebook,
    order,
    own_settings,
    publishing,
    until,
)

DESK = Desk(judge, tell_all, compose)
QUICK = Grouping(wait_seconds=0.1)
MORE = 7


@pytest.fixture
async def settings(kafka: KafkaNode) -> WorkerSettings:
    own = own_settings(Cluster((kafka.address,)))
    await prepare_topics(own.cluster, own.names, PLAN)
    return own


@asynccontextmanager
async def running(
    settings: WorkerSettings,
    receivers: Iterable[FakeReceiver],
    *,
    grouping: Grouping = QUICK,
    partitions: int = PARTITIONS,
    failing_after_seconds: float = 600.0,
    desk: Desk = DESK,
    followed: tuple[Followed, ...] = (),
) -> AsyncIterator[Deliveries]:
    """The delivery of one worker."""
    names = settings.names
    origin = Origin(settings.cluster, names.alerts, partitions, names.deliveries)
    addressees = tuple(Addressee(one) for one in receivers)
    plan = DeliveryPlan(addressees, desk, grouping, failing_after_seconds, followed)
    clock = EventClock(NOON)
    async with delivering(origin, settings.membership, plan, clock) as deliveries:
        task = asyncio.create_task(deliveries.run())
        try:
            yield deliveries
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def publish(settings: WorkerSettings, records: Sequence[AlertRecord]) -> None:
    async with AIOKafkaProducer(**settings.cluster.client_options()) as producer:
        for one in records:
            await producer.send(settings.names.alerts, one.encode(), key=one.seller.encode())


async def committed(settings: WorkerSettings, receiver: str) -> int:
    """How many records a receiver's group has committed."""
    admin = AIOKafkaAdminClient(**settings.cluster.client_options())
    await admin.start()
    try:
        partitions = [TopicPartition(settings.names.alerts, n) for n in range(PARTITIONS)]
        found = await admin.list_consumer_group_offsets(
            notify_group(settings.membership.group, receiver), partitions=partitions
        )
    finally:
        await admin.close()
    return sum(max(0, one.offset) for one in found.values())


def said(receiver: FakeReceiver) -> Counter[str]:
    """How often each record was told."""
    return Counter(line for heard in receiver.heard for line in heard)


def expected(records: Sequence[AlertRecord]) -> Counter[str]:
    return Counter(f"{one.alert} {one.seq}" for one in records)


async def test_a_receiver_that_is_down_delays_no_other_and_hears_all_of_it_later(
    settings: WorkerSettings,
) -> None:
    is_down = True

    def answer(notification: Notification) -> None:
        if is_down:
            raise failure()

    down, good = FakeReceiver("down", answer=answer), FakeReceiver("good")
    records = [record(1, seller=f"s{n}") for n in range(20)]
    async with running(settings, [down, good]):
        await publish(settings, records)
        await until(lambda: len(said(good)) == 20)
        assert down.attempts
        assert not down.heard
    is_down = False
    async with running(settings, [down, good]):
        await until(lambda: len(said(down)) == 20)
        await publish(settings, [record(2, Level.OK, seller="s1")])
        await until(lambda: len(said(down)) == len(said(good)) == 21)
    whole = expected([*records, record(2, seller="s1")])
    assert said(down) == said(good) == whole


async def test_a_new_receiver_hears_once_of_what_is_open_and_all_from_then_on(
    settings: WorkerSettings,
) -> None:
    history = [record(n, seller="s1") for n in range(1, 50)]
    over = [record(1, seller="s3"), record(2, Level.OK, from_=Level.BREACHED, seller="s3")]
    await publish(settings, [*history, *over])
    new, first = FakeReceiver("new"), FakeReceiver("first")
    async with running(settings, [first]):
        await until(lambda: len(said(first)) == 1)
    # Nothing was committed; what comes while it is down is still for it.
    fresh = [record(50, seller="s1"), record(1, seller="s2")]
    await publish(settings, fresh)
    async with running(settings, [first, new]):
        await until(lambda: len(said(first)) == 3)
        await until(lambda: len(said(new)) == 2)
    async with running(settings, [first, new]):
        await publish(settings, [record(51, seller="s1")])
        await until(lambda: (len(said(first)), len(said(new))) == (4, 3))
    assert said(first) == expected([history[-1], *fresh, record(51, seller="s1")])
    assert said(new) == expected([*fresh, record(51, seller="s1")])


async def test_a_restart_resends_nothing_though_nothing_was_committed(
    settings: WorkerSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver = FakeReceiver()
    records = [record(1, seller=f"s{n}") for n in range(30)]
    with monkeypatch.context() as patched:
        # As if it was killed between the row and the commit, each time.
        init = Outbox.__init__

        def never_committing(self: Outbox, *args: object, **kwargs: object) -> None:
            init(self, *args, **kwargs)  # type: ignore[arg-type]
            self.commits = False

        patched.setattr(Outbox, "__init__", never_committing)
        async with running(settings, [receiver]):
            await publish(settings, records)
            await until(lambda: len(said(receiver)) == 30)
    assert await committed(settings, receiver.name) == 0
    async with running(settings, [receiver]) as deliveries:
        await publish(settings, [record(1, seller="last")])
        await until(lambda: "last/m/order_defect_rate/60 1" in said(receiver))
        await until(lambda: deliveries.stats()[0].undelivered == 0)
    assert said(receiver) == expected([*records, record(1, seller="last")])
    assert await committed(settings, receiver.name) == 31


async def test_a_rebalance_between_two_workers_neither_loses_nor_repeats(
    settings: WorkerSettings,
) -> None:
    first, second = FakeReceiver("same"), FakeReceiver("same")
    sellers = [f"s{n}" for n in range(24)]
    published: list[AlertRecord] = []

    async def more(seq: int) -> None:
        # An alert of its own each time: of one only the latest record of a group would be told.
        new = [record(1, seller=seller, window_days=seq) for seller in sellers]
        published.extend(new)
        await publish(settings, new)

    def total() -> Counter[str]:
        return said(first) + said(second)

    async with running(settings, [first]):
        await more(1)
        await until(lambda: len(total()) == 24)
        async with running(settings, [second]):
            seq = 2
            while not second.heard:
                await more(seq)
                seq += 1
                await asyncio.sleep(0.3)
            await until(lambda: len(total()) == len(published))
        await more(seq)
        await until(lambda: len(total()) == len(published), 30)
    assert total() == expected(published)


async def test_with_more_partitions_what_was_told_follows_the_sellers(
    settings: WorkerSettings,
) -> None:
    receiver = FakeReceiver()
    sellers = [f"s{n}" for n in range(20)]
    async with running(settings, [receiver]):
        await publish(settings, [record(1, seller=seller) for seller in sellers])
        await until(lambda: len(said(receiver)) == 20)
    names, group = settings.names, settings.membership.group
    await publish(settings, [record(1, seller="late")])
    with pytest.raises(ClusterError, match="has still to hear of 1 alert record"):
        await check_delivered(settings.cluster, names, group, PARTITIONS)
    async with running(settings, [receiver]):
        await until(lambda: len(said(receiver)) == 21)
    await check_delivered(settings.cluster, names, group, PARTITIONS)
    await grow(settings, MORE)
    for _ in range(2):
        await move_deliveries(settings.cluster, names, MORE)
    async with deliveries_topic(settings.cluster, names.deliveries) as topic:
        for number in range(MORE):
            assert await topic.beginnings(number) == {receiver.name}
            told = (await topic.read(number, receiver.name)).told
            for one in told.open_records():
                assert partition_of(one.seller.encode(), MORE) == number
    # Their closings are told, by whoever owns their partitions now.
    await publish(settings, [record(2, Level.OK, seller=seller) for seller in sellers])
    async with running(settings, [receiver], partitions=MORE):
        await until(lambda: len(said(receiver)) == 41)
    assert set(said(receiver).values()) == {1}


async def grow(settings: WorkerSettings, partitions: int) -> None:
    """Give the alerts and the deliveries so many partitions."""
    names = settings.names
    admin = AIOKafkaAdminClient(**settings.cluster.client_options())
    await admin.start()
    try:
        await admin.create_partitions(
            dict.fromkeys((names.alerts, names.deliveries), NewPartitions(partitions))
        )
    finally:
        await admin.close()


async def test_a_receiver_that_fails_is_told_to_the_others_and_again_when_it_is_back(
    settings: WorkerSettings,
) -> None:
    is_down = True

    def answer(notification: Notification) -> None:
        if is_down:
            raise failure()

    down, good = FakeReceiver("down", answer=answer), FakeReceiver("good")
    async with running(settings, [down, good], failing_after_seconds=0.2) as deliveries:
        await publish(settings, [record(1)])
        await until(lambda: len(good.notifications) == 2)
        assert [one.failing for one in deliveries.stats()] == [True, False]
        is_down = False
        await until(lambda: len(good.notifications) == 3)
    about = [(one.about, one.resolves) for one in good.notifications if one.occasion == "delivery"]
    assert about == [("down", False), ("down", True)]
    titles = [text.title for text in good.texts]
    assert "Receiver down takes no notifications" in titles
    assert "Receiver down takes notifications again" in titles
    assert [one.occasion for one in down.notifications] == ["change"]


async def test_at_a_first_start_what_history_has_left_open_is_one_summary_of_a_partition(
    settings: WorkerSettings,
) -> None:
    receiver = FakeReceiver()
    plan = DeliveryPlan((Addressee(receiver),), DESK, QUICK)
    sellers = [f"s{n}" for n in range(12)]
    async with publishing(settings) as publisher:
        for seller in sellers:
            await publisher.send("orders", [order(n, seller) for n in range(10)])
            await publisher.send("orders", [cancellation(n, seller) for n in range(5)])
    clock = EventClock(NOON)
    async with Worker(settings, one_metric_rulebook(), clock, delivery=plan) as worker:
        await worker.applied(publisher.ends)
        clock.set(NOON + SECOND)
        await worker.evaluated(clock.now())
        await until(lambda: len(said(receiver)) == len(sellers))
        # It is remembered a moment after it was said.
        await until(lambda: worker.snapshot().receivers[0].records["delivered"] == len(sellers))
    partitions = {partition_of(seller.encode(), PARTITIONS) for seller in sellers}
    assert [one.occasion for one in receiver.notifications] == ["summary"] * len(partitions)
    assert set(said(receiver).values()) == {1}


async def test_what_a_silence_hides_is_told_once_somebody_ends_it(
    settings: WorkerSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(courier, "_LOOK_SECONDS", 0.1)
    monkeypatch.setattr(courier, "_LOOK_AT_ALL_SECONDS", 0.1)
    monkeypatch.setattr(silences_topic, "_LOOK_SECONDS", 0.1)
    cluster, topic = settings.cluster, settings.names.silences
    silence = Silence(
        id="a1", author="ada", reason="a sale", seller="s1",
        begins_at=NOON - SECOND, ends_at=NOON + HOUR,
    )  # fmt: skip
    await silences_topic.write_silence(cluster, topic, silence)
    followed = silences_topic.SilencesTopic(cluster, topic)
    receiver = FakeReceiver()
    desk = desk_of(one_metric_rulebook(), {receiver.name: TextStyle()}, None, followed.current)
    async with running(settings, [receiver], desk=desk, followed=(followed,)) as deliveries:
        await publish(settings, [record(1, seller="s1"), record(1, seller="s2")])
        await until(lambda: len(said(receiver)) == 1)
        await until(lambda: deliveries.stats()[0].postponed["silenced"] == 1)
        assert said(receiver) == expected([record(1, seller="s2")])
        ended = structs.replace(silence, expired_at=NOON)
        await silences_topic.write_silence(cluster, topic, ended)
        await until(lambda: len(said(receiver)) == 2)
    assert said(receiver) == expected([record(1, seller="s1"), record(1, seller="s2")])
