"""Grows the number of partitions while everything stands still (docs/operations.md).

Topics first, then the ledger: records are copied to their new partitions, then removed from
the old ones, and only then the positions say the new number. Until they all do no worker
starts, and the procedure can be begun again.
"""

import asyncio
import logging
from collections.abc import Iterable, Mapping
from typing import Any, cast

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions
from aiokafka.errors import KafkaError

from monitor.cluster import Cluster
from monitor.core.events import SOURCE_TOPICS, SourceTopic
from monitor.core.journal import LedgerRecord
from monitor.core.records import parse_key, position_key
from monitor.core.rekeying import Holding, Move, moves, position_after
from monitor.errors import ClusterError, LedgerError
from monitor.stream.intake import partition_of
from monitor.stream.ledger_topic import LedgerTopic, acknowledged, ledger_topic
from monitor.stream.recovery import Holdings
from monitor.stream.topics import TopicNames
from monitor.stream.worker import WorkerSettings

logger = logging.getLogger(__name__)

_RECORDS_AT_ONCE = 20_000
_GROWN_SECONDS = 30.0
_IDLE_STATES = frozenset({"Empty", "Dead"})
Ends = Mapping[tuple[SourceTopic, int], int]


def repartition(settings: WorkerSettings, partitions: int) -> None:
    """Grow the topics and the ledger of a worker's settings to so many partitions.

    Raises:
        ClusterError: workers are running, or Kafka is not as it must be.
        LedgerError: not everything was applied and published yet.
    """
    try:
        asyncio.run(_repartition(settings, partitions))
    except (KafkaError, OSError, TimeoutError) as error:
        raise ClusterError(
            f"{settings.cluster.address}: {error or type(error).__name__}"
        ) from error


async def _repartition(settings: WorkerSettings, partitions: int) -> None:
    cluster, names = settings.cluster, settings.names
    admin = AIOKafkaAdminClient(**cluster.client_options())
    await admin.start()
    try:
        await _check_idle(admin, settings.membership.group)
        before = await _counts(admin, names)
        _check_counts(before, partitions)
        async with ledger_topic(cluster, names.ledger) as ledger:
            held = [await _held(ledger, number) for number in range(before[names.ledger])]
            if before[names.orders] < partitions:
                _check_drained(held, await _ends(cluster, names, before[names.orders]))
            _check_published(held)
            await _grow(admin, before, partitions)
            await _move(ledger, held, partitions)
            await _set_positions(ledger, held, partitions)
    finally:
        await admin.close()
    logger.info("topics and ledger have %d partitions: the workers can start", partitions)


async def _check_idle(admin: AIOKafkaAdminClient, group: str) -> None:
    for response in await admin.describe_consumer_groups([group]):
        for found in cast("Any", response).groups:
            state = found[2]
            if state not in _IDLE_STATES:
                raise ClusterError(
                    f"the consumer group {group} is {state}: stop all workers first. One that"
                    " was killed leaves the group after its session timeout"
                )


async def _counts(admin: AIOKafkaAdminClient, names: TopicNames) -> dict[str, int]:
    wanted = [*names.sources, names.alerts, names.evaluations, names.ledger]
    missing = set(wanted) - set(await admin.list_topics())
    if missing:
        raise ClusterError(
            f"there is no topic {', '.join(sorted(missing))}: nothing to repartition"
        )
    described = await admin.describe_topics(wanted)
    return {topic["topic"]: len(topic["partitions"]) for topic in described}


def _check_counts(counts: Mapping[str, int], partitions: int) -> None:
    most = max(counts.values())
    if most > partitions:
        raise ClusterError(f"there are {most} partitions already; Kafka cannot take any away")
    if set(counts.values()) == {partitions}:
        logger.info("the topics have %d partitions; looking at the ledger alone", partitions)


async def _held(ledger: LedgerTopic, number: int) -> Holding:
    holdings = Holdings()
    begin, end = await ledger.reader.bounds(number)
    async for records, _ in ledger.reader.read(number, begin, end):
        for record in records:
            holdings.note(record.key or b"", record.value)
    return Holding(number, holdings.epoch, holdings.values, holdings.superseded, holdings.position)


async def _ends(cluster: Cluster, names: TopicNames, count: int) -> Ends:
    async with AIOKafkaConsumer(**cluster.client_options()) as consumer:
        where = {
            (topic, number): TopicPartition(names.source(topic), number)
            for topic in SOURCE_TOPICS
            for number in range(count)
        }
        ends = await consumer.end_offsets(list(where.values()))
    return {key: ends[tp] for key, tp in where.items()}


def _check_drained(held: Iterable[Holding], ends: Ends) -> None:
    for holding in held:
        for topic in SOURCE_TOPICS:
            end = ends.get((topic, holding.number), 0)
            done = 0 if holding.position is None else holding.position.done[topic].offset
            if done < end:
                raise LedgerError(
                    f"{topic}[{holding.number}] is applied up to {done} of {end}: stop the"
                    " producers, let the workers finish, and stop them then"
                )


def _check_published(held: Iterable[Holding]) -> None:
    for holding in held:
        position = holding.position
        if position is not None and position.published < position.number:
            raise LedgerError(
                f"partition {holding.number} has alerts that may not be published yet: start"
                " the workers once more, and stop them with SIGTERM"
            )


async def _grow(admin: AIOKafkaAdminClient, counts: Mapping[str, int], partitions: int) -> None:
    wanted = {
        name: NewPartitions(partitions) for name, count in counts.items() if count < partitions
    }
    if not wanted:
        return
    response = cast("Any", await admin.create_partitions(wanted))
    for name, code, message in response.topic_errors:
        if code:
            raise ClusterError(f"topic {name} cannot be given {partitions} partitions: {message}")
    async with asyncio.timeout(_GROWN_SECONDS):
        while any(  # noqa: ASYNC110 - a broker tells nobody that it is done
            len(topic["partitions"]) < partitions
            for topic in await admin.describe_topics(list(counts))
        ):
            await asyncio.sleep(0.2)


async def _move(ledger: LedgerTopic, held: list[Holding], partitions: int) -> None:
    """Copy, and once all copies are safe, remove."""
    known = {holding.number for holding in held}
    held += [await _held(ledger, number) for number in range(partitions) if number not in known]
    epochs = {holding.number: holding.epoch for holding in held}

    def target_of(seller: str) -> int:
        return partition_of(seller.encode(), partitions)

    for holding in held:
        moved = moves(holding, target_of, epochs)
        for begin in range(0, len(moved), _RECORDS_AT_ONCE):
            await _copy(ledger, moved[begin : begin + _RECORDS_AT_ONCE])
        await _send(ledger, holding.number, [(move.key, None) for move in moved])
        logger.info("partition %d: %d records moved", holding.number, len(moved))


async def _copy(ledger: LedgerTopic, moved: Iterable[Move]) -> None:
    by_target: dict[int, list[LedgerRecord]] = {}
    for move in moved:
        by_target.setdefault(move.target, []).append((move.new_key, move.value))
    for target, records in by_target.items():
        await _send(ledger, target, records)


async def _set_positions(ledger: LedgerTopic, held: Iterable[Holding], partitions: int) -> None:
    """Say the new number everywhere, under an epoch above that of any record."""
    present = [await _held(ledger, holding.number) for holding in held]
    instants = [one.position.evaluated_at for one in present if one.position is not None]
    evaluated_at = max((at for at in instants if at is not None), default=None)
    nothing = dict.fromkeys(SOURCE_TOPICS, 0)
    for holding in present:
        position = position_after(holding, partitions, nothing, evaluated_at)
        key = position_key(_highest_epoch(holding) + 1)
        await _send(ledger, holding.number, [(key, position.encode())])


def _highest_epoch(holding: Holding) -> int:
    return max([holding.epoch, *(parse_key(name).epoch for name in holding.values)])


async def _send(ledger: LedgerTopic, number: int, records: list[LedgerRecord]) -> None:
    if records:
        for sent in await ledger.send(number, records):
            await acknowledged(sent)
