"""Batches, gaps, commits and rebalances of the transport, on real Kafka."""

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest
from aiokafka.errors import CommitFailedError

from deploy.kafka.node import KafkaNode
from monitor.cluster import Cluster
from monitor.errors import LedgerError
from tests.kafka.members import (
    Member,
    Offsets,
    are_read,
    committed_offsets,
    make_topic,
    offsets_read,
    producing,
    send,
    until_committed,
)
from tests.stream.live import until

ROOT = Path(__file__).resolve().parent.parent.parent
ALL = frozenset(range(4))


@pytest.fixture
def cluster(kafka: KafkaNode) -> Cluster:
    return Cluster((kafka.address,))


async def _keep_sending(producer: Any, topic: str, done: asyncio.Event) -> Offsets:
    ends: Offsets = {}
    while not done.is_set():
        ends = await send(producer, topic, 20, ALL)
        await asyncio.sleep(0.02)
    return ends


def _share(first: Member, second: Member) -> bool:
    return bool(first.numbers and second.numbers) and first.numbers | second.numbers == ALL


async def test_members_that_join_and_leave_read_each_record_once_and_in_order(
    cluster: Cluster,
) -> None:
    topic = await make_topic(cluster, 4)
    done = asyncio.Event()
    async with producing(cluster) as producer, Member(cluster, topic) as first:
        sending = asyncio.create_task(_keep_sending(producer, topic, done))
        second = Member(cluster, topic)
        async with second:
            await until(lambda: _share(first, second))
            await until(lambda: bool(second.taken))
        await until(lambda: first.numbers == ALL)
        done.set()
        ends = await sending
        await until(lambda: are_read(ends, first, second))
    read = offsets_read(first, second)
    assert {number: sorted(offsets) for number, offsets in read.items()} == {
        number: list(range(end)) for number, end in ends.items()
    }
    for member in (first, second):
        assert all(each == sorted(each) for each in offsets_read(member).values())
    assert await committed_offsets(cluster, topic) == ends


async def test_a_rebalance_waits_for_the_batch_in_work_and_commits_its_end_and_no_more(
    cluster: Cluster,
) -> None:
    topic = await make_topic(cluster)
    async with producing(cluster) as producer, Member(cluster, topic) as first:
        await until(lambda: bool(first.numbers))
        first.gate.clear()
        end_in_work = await send(producer, topic, 5)
        await until(lambda: first.in_work is not None)
        ends = await send(producer, topic, 5)
        await until(lambda: first.in_flight(0) == 2)
        second = Member(cluster, topic)
        second.ready.clear()
        first.ready.clear()
        joining = asyncio.create_task(second.__aenter__())
        await until(lambda: first.app.rebalancing)
        await asyncio.sleep(0.5)
        assert first.numbers
        assert first.in_flight(0) == 2
        assert await committed_offsets(cluster, topic) == {}
        first.gate.set()
        await until(lambda: not first.numbers)
        assert first.in_flight(0) == 0
        assert await committed_offsets(cluster, topic) == end_in_work
        await joining
        first.ready.set()
        second.ready.set()
        await until(lambda: are_read(ends, first, second))
        await second.__aexit__(None, None, None)
    assert sorted(offsets_read(first, second)[0]) == list(range(10))
    assert await committed_offsets(cluster, topic) == ends


async def test_what_a_killed_member_had_not_committed_is_read_by_the_one_that_takes_over(
    cluster: Cluster,
) -> None:
    topic = await make_topic(cluster)
    program = (
        "import asyncio, sys; from tests.kafka.members import run_until_killed;"
        " asyncio.run(run_until_killed(*sys.argv[1:]))"
    )
    async with producing(cluster) as producer:
        committed = await send(producer, topic, 7)
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", program, cluster.address, topic,
            cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        assert process.stdout is not None
        async with asyncio.timeout(20):
            assert await process.stdout.readline() == b"committed\n"
            ends = await send(producer, topic, 5)
            assert await process.stdout.readline() == b"in work\n"
        process.kill()
        await process.wait()
        async with Member(cluster, topic) as other:
            await until(lambda: bool(other.taken))
            assert other.taken[0].start == committed[0]
            await until_committed(cluster, topic, ends)
    assert offsets_read(other)[0] == list(range(committed[0], ends[0]))


async def test_a_member_that_was_expelled_commits_nothing_and_joins_again(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unsent() -> bool:
        return True

    topic = await make_topic(cluster, 4)
    first = Member(cluster, topic)
    second = Member(cluster, topic)
    async with producing(cluster) as producer, first, second:
        await until(lambda: _share(first, second))
        number = min(first.numbers)
        first.gate.clear()
        in_work = await send(producer, topic, 5, [number])
        await until(lambda: first.in_work is not None)
        with monkeypatch.context() as patch:
            patch.setattr(first.kafka._coordinator, "_do_heartbeat", unsent)
            await until(lambda: second.numbers == ALL)
        second.gate.clear()
        await until(lambda: are_read(in_work, second) or second.in_work is not None)
        # The others' commit must not be taken back by the one of the expelled member.
        second.gate.set()
        await until_committed(cluster, topic, in_work)
        ends = in_work | await send(producer, topic, 5, [number])
        await until(lambda: first.app.rebalancing)
        first.gate.set()
        await until(lambda: _share(first, second))
        await until(lambda: are_read(ends, first, second))
        await until_committed(cluster, topic, ends)
        assert first.app.crash_reason is None
    # Both read what was in work, and each has noted it once.
    assert sorted(offsets_read(first, second)[number]) == sorted([*range(5), *range(10)])


async def test_records_fetched_before_a_rebalance_and_handed_over_after_it_are_read_again(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    topic = await make_topic(cluster, 4)
    first, second = Member(cluster, topic), Member(cluster, topic)
    async with producing(cluster) as producer, first:
        await until(lambda: first.numbers == ALL)
        thread = first.consumer._thread
        fetch, begun = thread._fetch_records, asyncio.Event()
        held: list[Any] = []

        async def late(*args: Any, **options: Any) -> Any:
            begun.set()
            batches = await fetch(*args, **options)
            if batches and not held:
                held.append(batches)
                await until(lambda: _share(first, second))
            return batches

        monkeypatch.setattr(thread, "_fetch_records", late)
        await until(begun.is_set)
        ends = await send(producer, topic, 5, ALL)
        await until(lambda: bool(held))
        async with second:
            await until(lambda: are_read(ends, first, second))
            kept = {tp for tp in held[0] if tp.partition in first.numbers}
            await until_committed(cluster, topic, ends)
    assert {number: sorted(offsets) for number, offsets in offsets_read(first, second).items()} == {
        number: list(range(5)) for number in ALL
    }
    assert all(f"Reading {tp.topic}[{tp.partition}] again from 0" in caplog.text for tp in kept)
    old = {batch.generation for batch in held[0].values()}
    assert not old & {batch.generation for batch in first.taken}


async def test_a_partition_is_held_until_it_is_opened_and_then_read_from_where_it_is_told(
    cluster: Cluster,
) -> None:
    topic = await make_topic(cluster)
    async with producing(cluster) as producer:
        await send(producer, topic, 10)
        async with Member(cluster, topic) as member:
            await until_committed(cluster, topic, {0: 10})
        await send(producer, topic, 30)
        member = Member(cluster, topic, starts={0: 25})
        member.ready.clear()
        async with member:
            await until(lambda: member.opened > 0)
            await asyncio.sleep(0.7)
            assert member.taken == []
            assert member.consumer._get_active_partitions() == set()
            member.ready.set()
            await until_committed(cluster, topic, {0: 40})
    # Faust would have read on from the committed offset, which is 10.
    assert member.taken[0].start == 25
    assert offsets_read(member)[0] == list(range(25, 40))


async def test_a_member_stays_in_its_group_however_long_opening_takes(cluster: Cluster) -> None:
    topic = await make_topic(cluster)
    member = Member(cluster, topic)
    member.ready.clear()
    async with member:
        await until(lambda: member.opened > 0)
        await asyncio.sleep(3.5)
        # aiokafka leaves the group when this reaches max_poll_interval_ms, which is far longer.
        assert member.kafka._subscription.fetcher_idle_time < 2.5
        member.ready.set()


async def test_a_commit_that_the_broker_refused_is_repeated(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = await make_topic(cluster)
    async with producing(cluster) as producer, Member(cluster, topic) as member:
        await until(lambda: bool(member.numbers))
        commit, refused = member.kafka.commit, list[Any]()

        async def refuse_once(offsets: Any) -> None:
            if not refused:
                refused.append(offsets)
                raise CommitFailedError("the group has already rebalanced")
            await commit(offsets)

        monkeypatch.setattr(member.kafka, "commit", refuse_once)
        ends = await send(producer, topic, 5)
        await until_committed(cluster, topic, ends)
    assert len(refused) == 1


async def _crashed(member: Member) -> None:
    """Break a member from within; Faust then ends the thread of its consumer."""
    await member.consumer.crash(LedgerError("refused"))


async def test_a_member_that_breaks_amid_a_commit_stops_in_order(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = await make_topic(cluster)
    async with producing(cluster) as producer, Member(cluster, topic) as member:
        await until(lambda: bool(member.numbers))
        begun = asyncio.Event()

        async def endless(_: Any) -> None:
            begun.set()
            await asyncio.Event().wait()

        monkeypatch.setattr(member.kafka, "commit", endless)
        await send(producer, topic, 5)
        await until(begun.is_set)
        await _crashed(member)
        async with asyncio.timeout(5):
            await member.app.stop()
    assert str(await member.crash()) == "refused"


async def test_a_member_that_breaks_and_has_something_to_commit_stops_in_order(
    cluster: Cluster,
) -> None:
    topic = await make_topic(cluster)
    async with producing(cluster) as producer, Member(cluster, topic) as member:
        await until(lambda: bool(member.numbers))
        member.gate.clear()
        await send(producer, topic, 5)
        await until(lambda: member.in_work is not None)
        await _crashed(member)
        await until(member.consumer._thread._shutdown.is_set)
        member.gate.set()
        await until(lambda: bool(member.taken))
        async with asyncio.timeout(5):
            await member.app.stop()
    assert str(await member.crash()) == "refused"


async def test_a_member_that_is_stopped_while_it_opens_partitions_has_not_broken(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = await make_topic(cluster)
    member = Member(cluster, topic)
    member.ready.clear()
    async with member:
        await until(lambda: member.opened > 0)
        begun = asyncio.Event()

        async def endless(*_: Any) -> None:
            begun.set()
            await asyncio.Event().wait()

        monkeypatch.setattr(member.kafka, "beginning_offsets", endless)
        member.ready.set()
        await until(begun.is_set)
    assert member.app.crash_reason is None
