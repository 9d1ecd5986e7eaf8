"""The ledger topic on real Kafka: claims, zombies, parked engines, and what is refused."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from dataclasses import replace

import msgspec
import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.records_to_delete import RecordsToDelete

from deploy.kafka.node import KafkaNode
from monitor.cluster import Cluster
from monitor.core.alert_records import AlertRecord
from monitor.core.events import SOURCE_TOPICS, decode
from monitor.core.instants import SECOND, parse_instant
from monitor.core.journal import LedgerRecord
from monitor.core.ledger_keys import key_of
from monitor.core.readings import Level
from monitor.core.records import FORMAT
from monitor.errors import LedgerError
from monitor.stream.intake import partition_of
from monitor.stream.ledger_topic import LedgerTopic, Sent, ledger_topic
from monitor.stream.partition import Partition
from monitor.stream.recovery import Recovery
from monitor.stream.topics import prepare_topics
from monitor.stream.worker import Worker, WorkerSettings
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

NOON = parse_instant("2026-11-20T12:00:00Z")
NOTHING = dict.fromkeys(SOURCE_TOPICS, 0)
HOME = partition_of(b"s1", PARTITIONS)


@pytest.fixture
def settings(kafka: KafkaNode) -> WorkerSettings:
    return own_settings(Cluster((kafka.address,)))


@pytest.fixture
async def ledger(settings: WorkerSettings) -> AsyncIterator[LedgerTopic]:
    await prepare_topics(settings.cluster, settings.names, PLAN)
    async with ledger_topic(settings.cluster, settings.names.ledger) as topic:
        yield topic


def fresh(number: int = HOME) -> Partition:
    partition = Partition(
        number, PARTITIONS, one_metric_rulebook(), NOON, version="1", durable=True
    )
    partition.begin(NOTHING, NOTHING)
    return partition


async def owned(
    ledger: LedgerTopic, generation: int, partition: Partition | None = None
) -> Partition:
    partition = partition or fresh()
    await Recovery(ledger, partition, lambda share: None).run(generation, NOTHING)
    partition.begin(partition.positions, partition.positions)
    return partition


async def saved(partition: Partition) -> bool:
    write = await partition.save()
    assert write is not None
    return await write


def take(partition: Partition, *values: bytes) -> None:
    read_to = partition.positions["orders"] + len(values)
    partition.apply("orders", [decode(value) for value in values], read_to)


def counts(partition: Partition, at: int) -> list[tuple[int, int | None]]:
    partition.evaluate(at)
    return [(reading.numerator, reading.denominator) for reading in partition.readings()]


async def test_the_next_owner_knows_what_the_last_one_saved(ledger: LedgerTopic) -> None:
    first = await owned(ledger, 1)
    take(first, order(1, "s1"), cancellation(1, "s1"))
    (said,) = first.evaluate(NOON)
    assert await saved(first)
    second = await owned(ledger, 2)
    assert second.positions == first.positions
    assert second.epoch == 2
    assert second.unpublished() == [said.encode()]
    assert second.evaluate(NOON) == [], "time never goes back"
    assert second.evaluate(NOON + SECOND) == []
    assert [reading.level for reading in second.readings()] == [Level.BREACHED]


async def test_a_zombie_learns_that_it_was_superseded_and_leaves_no_trace(
    ledger: LedgerTopic,
) -> None:
    zombie = await owned(ledger, 1)
    take(zombie, order(1, "s1"))
    assert await saved(zombie)
    owner = await owned(ledger, 2)
    take(zombie, cancellation(1, "s1"))
    assert len(zombie.evaluate(NOON)) == 1
    assert not await saved(zombie)
    assert zombie.superseded
    take(owner, cancellation(1, "s1"))
    (said,) = owner.evaluate(NOON + SECOND)
    assert await saved(owner)
    third = await owned(ledger, 3)
    assert third.unpublished() == [said.encode()]
    assert counts(third, NOON + 2 * SECOND) == [(1, 1)]


async def test_a_zombie_that_wrote_last_takes_nothing_from_the_owner(ledger: LedgerTopic) -> None:
    zombie = await owned(ledger, 1)
    take(zombie, order(1, "s1"))
    assert await saved(zombie)
    owner = await owned(ledger, 2)
    take(owner, order(2, "s1"), cancellation(2, "s1"))
    assert await saved(owner)
    take(zombie, cancellation(1, "s1"))
    await saved(zombie)
    third = await owned(ledger, 3)
    assert third.positions["orders"] == 3
    assert counts(third, NOON) == [(2, 2)]


async def test_how_far_a_zombies_facts_reach_is_known_after_its_mark_is_gone(
    ledger: LedgerTopic,
) -> None:
    zombie = await owned(ledger, 1)
    take(zombie, order(1, "s1"))
    assert await saved(zombie)
    owner = await owned(ledger, 2)
    take(owner, order(1, "s1"))
    assert await saved(owner)
    take(zombie, *(order(n, "s1") for n in range(2, 6)))
    assert not await saved(zombie)
    third = await owned(ledger, 3)
    take(third, order(2, "s1"))
    assert await saved(third)
    fourth = Recovery(ledger, fresh(), lambda share: None)
    assert (await fourth.run(4, NOTHING))["orders"] == 5
    assert f"position|{zombie.epoch}".encode() not in fourth._holdings.marks


class Interrupted(LedgerTopic):
    """Halts before its first write, until another worker owns the partition."""

    def __init__(self, topic: LedgerTopic) -> None:
        super().__init__(topic._producer, topic.reader, topic._topic)
        self._uninterrupted = topic
        self.owner: Partition | None = None

    async def send(self, number: int, records: Iterable[LedgerRecord]) -> list[Sent]:
        if self.owner is None:
            self.owner = await owned(self._uninterrupted, 2)
        return await super().send(number, records)


async def test_who_claims_later_than_a_later_epoch_does_not_own(ledger: LedgerTopic) -> None:
    late = await owned(halting := Interrupted(ledger), 1)
    assert late.superseded
    owner = halting.owner
    assert owner is not None
    take(owner, order(1, "s1"))
    assert await saved(owner)
    assert not owner.superseded


async def test_a_worker_whose_partition_a_zombie_claims_gets_it_back(
    settings: WorkerSettings, ledger: LedgerTopic
) -> None:
    shown: list[AlertRecord] = []
    async with publishing(settings) as publisher:
        await publisher.send("orders", [order(n, "s1") for n in range(10)])
        async with Worker(settings, one_metric_rulebook(), on_record=shown.append) as worker:
            await worker.applied(publisher.ends)
            await until(lambda: all(stats.ready for stats in worker.snapshot().partitions))
            for number in range(PARTITIONS):
                # A halted recovery that goes on: it takes the generation of its former group,
                # and the ledger's highest epoch is that of the owner by now.
                await owned(ledger, 1, fresh(number))
            await publisher.send("orders", [cancellation(n, "s1") for n in range(10)])
            await until(lambda: bool(shown))
            await worker.applied(publisher.ends)
    assert [(record.seq, record.to) for record in shown] == [(1, Level.BREACHED)]


async def test_epochs_go_on_after_the_group_has_begun_anew(ledger: LedgerTopic) -> None:
    assert (await owned(ledger, 50)).epoch == 50
    assert (await owned(ledger, 1)).epoch == 51
    assert (await owned(ledger, 51)).epoch == 102


async def test_a_parked_engine_that_comes_back_reads_only_what_others_wrote(
    ledger: LedgerTopic,
) -> None:
    parked = await owned(ledger, 1)
    take(parked, *(order(n, "s1") for n in range(10)))
    assert await saved(parked)
    await parked.settled()
    other = await owned(ledger, 2)
    take(other, cancellation(3, "s1"))
    assert await saved(other)
    shares: list[float] = []
    read_from = parked.read_to
    await Recovery(ledger, parked, shares.append).run(3, NOTHING)
    assert read_from > 10
    assert parked.positions == other.positions
    parked.begin(parked.positions, parked.positions)
    assert counts(parked, NOON) == [(1, 10)]


async def _seconds_to_read(ledger: LedgerTopic) -> float:
    began = asyncio.get_running_loop().time()
    for number in range(PARTITIONS):
        begin, end = await ledger.reader.bounds(number)
        read = [one async for run, _ in ledger.reader.read(number, begin, end) for one in run]
        assert [one.offset for one in read] == list(range(begin, end))
        assert end > begin
    return asyncio.get_running_loop().time() - began


async def test_partitions_that_hold_little_are_read_one_after_the_other_without_a_wait(
    ledger: LedgerTopic,
) -> None:
    for number in range(PARTITIONS):
        await owned(ledger, 1, fresh(number))
    # The broker would hold back a request for more by half a second.
    assert min([await _seconds_to_read(ledger) for _ in range(3)]) < 0.2 * PARTITIONS


async def test_a_ledger_of_another_program_or_of_a_newer_one_is_refused(
    settings: WorkerSettings, ledger: LedgerTopic
) -> None:
    key = key_of("s1", "shop", "order", "o", 1)
    async with AIOKafkaProducer(**settings.cluster.client_options()) as producer:
        newer = msgspec.msgpack.encode([FORMAT + 1, 0])
        await producer.send_and_wait(settings.names.ledger, newer, key, partition=HOME)
        await producer.send_and_wait(settings.names.ledger, b"x", b"junk", partition=HOME + 1)
    with pytest.raises(LedgerError, match=f"format {FORMAT + 1}, this program knows {FORMAT}"):
        await owned(ledger, 1)
    with pytest.raises(LedgerError, match="another program writes there"):
        await owned(ledger, 1, fresh(HOME + 1))


async def _delete_before(settings: WorkerSettings, offset: int) -> None:
    admin = AIOKafkaAdminClient(**settings.cluster.client_options())
    await admin.start()
    where = {
        TopicPartition(settings.names.orders, n): RecordsToDelete(offset) for n in range(PARTITIONS)
    }
    await admin.delete_records(where)
    await admin.close()


async def test_a_source_that_lost_what_was_never_applied_is_refused(
    settings: WorkerSettings,
) -> None:
    async with publishing(settings) as publisher:
        await publisher.send("orders", [order(n, f"s{n}") for n in range(80)])
        async with Worker(settings, one_metric_rulebook()) as worker:
            await worker.applied(publisher.ends)
        await publisher.send("orders", [order(n, f"s{n}") for n in range(80)])
        least = min(publisher.ends.values())
        await _delete_before(settings, least)
        with pytest.raises(LedgerError, match="retention removed records that were never applied"):
            async with Worker(settings, one_metric_rulebook()) as worker:
                await asyncio.wait_for(worker.wait(), 15)


async def test_a_source_that_was_made_anew_is_refused(settings: WorkerSettings) -> None:
    async with publishing(settings) as publisher:
        await publisher.send("orders", [order(n, f"s{n}") for n in range(80)])
        async with Worker(settings, one_metric_rulebook()) as worker:
            await worker.applied(publisher.ends)
    admin = AIOKafkaAdminClient(**settings.cluster.client_options())
    await admin.start()
    await admin.delete_topics([settings.names.orders])
    await admin.close()
    await asyncio.sleep(1)
    with pytest.raises(LedgerError, match="the topic was made anew or has lost records"):
        async with Worker(settings, one_metric_rulebook()) as worker:
            await asyncio.wait_for(worker.wait(), 15)


async def test_a_ledger_with_another_number_of_partitions_is_refused(
    settings: WorkerSettings,
) -> None:
    await prepare_topics(settings.cluster, settings.names, PLAN)
    other = replace(settings.names, ledger=f"{settings.names.ledger}-2")
    await prepare_topics(
        settings.cluster, replace(other, **_elsewhere(other)), replace(PLAN, partitions=2)
    )
    with pytest.raises(LedgerError, match="run `monitor repartition`"):
        await prepare_topics(settings.cluster, other, PLAN)


def _elsewhere(names: object) -> dict[str, str]:
    kept = (*SOURCE_TOPICS, "alerts", "evaluations", "deliveries")
    return {name: f"{getattr(names, name)}-2" for name in kept}


async def test_a_ledger_that_is_not_compacted_is_refused(settings: WorkerSettings) -> None:
    names = replace(
        settings.names, ledger=settings.names.alerts, alerts=f"{settings.names.alerts}-2"
    )
    await prepare_topics(settings.cluster, settings.names, PLAN)
    with pytest.raises(LedgerError, match=r"Set cleanup\.policy=compact"):
        await prepare_topics(settings.cluster, names, PLAN)
