"""Adding partitions, killed at every step: nobody starts half way, nothing is lost or doubled."""

from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core.instants import SECOND
from monitor.core.ledger_keys import parse_key
from monitor.core.readings import Level
from monitor.errors import ClusterError, LedgerError
from monitor.stream import repartition as repartitioning
from tests.stream.growing import (
    AFTER,
    BEFORE,
    BREACHED,
    CUT_SHORT,
    NOON,
    ONE,
    SELLERS,
    World,
    check_outcome,
    finished_world,
    home_of,
    saved,
)
from tests.stream.live import cancellation, order
from tests.stream.memory import Killed


async def test_every_seller_goes_on_where_it_was() -> None:
    world = await finished_world()
    await world.repartition()
    await check_outcome(world)


async def test_no_sellers_time_goes_back() -> None:
    world = await finished_world()
    await world.repartition()
    positions = [marks.position for marks in await world.marks()]
    assert {one.evaluated_at for one in positions if one} == {NOON + 3 * SECOND}


async def test_all_is_removed_from_the_partition_that_it_left() -> None:
    world = await finished_world()
    await world.repartition()
    for number in range(AFTER):
        keys = [parse_key(name) for name in world.ledger.values(number)]
        assert {home_of(key.seller, AFTER) for key in keys if key.seller} <= {number}


@pytest.fixture(autouse=True)
def _quick_and_in_small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repartitioning, "_PAUSE_SECONDS", 0)
    monkeypatch.setattr(repartitioning, "_RECORDS_AT_ONCE", 40)


async def killed(world: World, step: int, partitions: int = AFTER) -> bool:
    """Whether the procedure came to a step, before which it was killed."""
    try:
        await world.repartition(partitions, killed_at=step)
    except Killed:
        return True
    return False


async def check_refused(world: World) -> int:
    """Try to start workers half way; how many partitions they take over."""
    positions, ends = await world.positions(), world.ends_of_ledger()
    has_grown = len(positions) > BEFORE
    taken = await world.started()
    assert len(taken) < len(positions)
    # Whoever starts already finds what its receivers were told.
    assert world.deliveries_lie_in == AFTER or not (taken and has_grown)
    assert all(positions[number] == (AFTER if has_grown else BEFORE) for number in taken)
    untouched = set(range(len(ends))) - taken
    assert all(len(world.ledger.logs[number]) == ends[number] for number in untouched)
    return len(taken)


async def test_whatever_step_it_is_killed_before_no_worker_starts_until_it_has_finished() -> None:
    refused_by_all = 0
    for step in count(2):  # Before the first one nothing has happened.
        world = await finished_world()
        if not await killed(world, step):
            break
        refused_by_all += not await check_refused(world)
        await world.repartition()
        await check_outcome(world)
    assert step > 30
    assert refused_by_all > 20


@settings(max_examples=15)
@given(st.lists(st.tuples(st.integers(2, 40), st.booleans()), min_size=2, max_size=5))
async def test_it_may_be_killed_again_and_again(kills: list[tuple[int, bool]]) -> None:
    world = await finished_world()
    for step, is_tried in kills:
        if not await killed(world, step):
            break
        if is_tried:
            await check_refused(world)
    await world.repartition()
    await check_outcome(world)


async def awaken_zombies(world: World) -> None:
    """Let halted workers go on: they write what they know of sellers that have moved."""
    for zombie in world.zombies:
        gone = [seller for seller in SELLERS if home_of(seller, BEFORE) == zombie.number]
        world.take(zombie, *(cancellation(n, seller) for seller in gone for n in range(5, 8)))
        zombie.evaluate(NOON + SECOND)
        await saved(zombie)
        assert zombie.superseded or not gone


async def test_what_a_halted_worker_writes_afterwards_does_not_come_back() -> None:
    world = await finished_world()
    await world.repartition()
    await awaken_zombies(world)
    await check_outcome(world)
    for number in range(AFTER):
        keys = [parse_key(name) for name in world.ledger.values(number)]
        assert {home_of(key.seller, AFTER) for key in keys if key.seller} <= {number}


async def test_what_it_writes_before_the_last_positions_are_set_does_not_come_back_either() -> None:
    world = await finished_world()
    await world.repartition()
    last = world.fuse.taken
    world = await finished_world()
    assert await killed(world, last)
    assert await check_refused(world) == AFTER - 1
    await awaken_zombies(world)
    await world.repartition()
    await check_outcome(world)


async def test_what_a_worker_says_while_it_begins_is_not_said_again() -> None:
    world = await finished_world()
    owner = world.owners[0]
    late = next(one for one in SELLERS if home_of(one, BEFORE) == 0 and one not in BREACHED)

    async def meddle(_: int) -> None:
        world.take(owner, *(cancellation(n, late) for n in range(5)))
        world.said += await world.publish(owner, NOON + 20 * SECOND)

    world.ledger.before_sending = meddle
    await world.repartition()
    world.generation += 1
    for number in range(AFTER):
        world.said += await world.publish(await world.owned(number, ONE), ONE)
    said = sorted((one.seller, one.to, one.seq) for one in world.said)
    assert said == sorted([(CUT_SHORT, Level.BREACHED, 1), (late, Level.BREACHED, 1)])


async def test_nothing_is_touched_while_anything_is_unread_or_unpublished() -> None:
    world = await finished_world()
    world.take(world.owners[1], order(500, SELLERS[1]))
    ends = world.ends_of_ledger()
    with pytest.raises(LedgerError, match=r"orders\[1\] is applied up to .* stop the producers"):
        await world.repartition()
    await saved(world.owners[1])
    world.owners[1].published -= 1
    await saved(world.owners[1])
    with pytest.raises(LedgerError, match="partition 1 has alerts that may not be published"):
        await world.repartition()
    assert ends[:1] + ends[2:] == world.ends_of_ledger()[:1] + world.ends_of_ledger()[2:]
    world.cluster.is_idle = False
    with pytest.raises(ClusterError, match="stop all workers first"):
        await world.repartition()


@pytest.mark.parametrize("is_worker", [True, False])
async def test_who_writes_after_the_first_look_stops_it_and_workers_start_again(
    is_worker: bool,
) -> None:
    world = await finished_world()
    end = world.cluster.ends["orders", 2]

    def meddle(look: int) -> None:
        if look == 2:
            world.cluster.ends["orders", 2] = end + 1

    async def join(_: int) -> None:
        world.cluster.is_idle = False

    if is_worker:
        world.ledger.before_sending = join
    else:
        world.cluster.on_look = meddle
    with pytest.raises((ClusterError, LedgerError), match=r"stop (all workers|the producers)"):
        await world.repartition()
    assert await world.positions() == [BEFORE] * BEFORE
    assert not any(marks.growths for marks in await world.marks())
    assert await world.started() == set(range(BEFORE))
    world.cluster.is_idle = True
    world.cluster.ends["orders", 2] = end
    await world.repartition()
    await check_outcome(world)


async def test_begun_and_killed_it_gives_way_to_workers_that_have_to_read_more() -> None:
    world = await finished_world()
    assert await killed(world, 4)
    world.cluster.ends["orders", 3] += 1
    with pytest.raises(LedgerError, match=r"orders\[3\]"):
        await world.repartition()
    assert await world.started() == set(range(BEFORE))


async def test_once_topics_have_grown_there_is_no_way_back(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = await finished_world()
    assert await killed(world, 15)
    world.cluster.ends["orders", 3] += 1
    await world.repartition()
    assert "orders[3] has records from offset" in caplog.text
    await check_outcome(world)


async def test_partitions_that_nobody_owned_yet_are_barred_and_released_too() -> None:
    world = World()
    assert await killed(world, 5)
    world.cluster.ends["claims", 0] = 1
    with pytest.raises(LedgerError, match="claims"):
        await world.repartition()
    assert all(world.ledger.values(number) == {} for number in range(BEFORE))
    del world.cluster.ends["claims", 0]
    await world.repartition()
    assert await world.started() == set(range(AFTER))


async def test_what_comes_in_while_partitions_are_added_is_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = await finished_world()
    end = world.cluster.ends["orders", 2]

    def meddle(look: int) -> None:
        if look == 3:
            world.cluster.ends["orders", 2] = end + 4
            world.cluster.ends["orders", AFTER - 1] = 9

    world.cluster.on_look = meddle
    await world.repartition()
    (warning,) = (one.getMessage() for one in caplog.records if one.levelname == "WARNING")
    assert warning.startswith(f"orders[2] has records from offset {end} to {end + 3} that")


@pytest.mark.parametrize("step", [None, 2, 3, 5, 9, 12, 20])
async def test_topics_that_were_grown_by_hand_are_put_right(step: int | None) -> None:
    world = await finished_world()
    for name in world.cluster.counts_by_name:
        world.cluster.counts_by_name[name] = AFTER
    world.ledger.logs += [[] for _ in range(AFTER - BEFORE)]
    # Members of a group may find nothing but added partitions.
    assert await world.started() == set(range(BEFORE, AFTER))
    if step is not None:
        assert await killed(world, step)
        await world.started()
    await world.repartition()
    await check_outcome(world)


async def test_it_may_be_begun_for_another_number_only_until_topics_grow() -> None:
    world = await finished_world()
    assert await killed(world, 4)
    await world.repartition(9)
    await check_outcome(world, 9)
    world = await finished_world()
    assert await killed(world, 9)
    with pytest.raises(ClusterError, match="begun for 7 partitions: finish that first"):
        await world.repartition(9)
    with pytest.raises(ClusterError, match="there are 7 partitions already"):
        await world.repartition(5)


async def test_it_can_be_done_again_and_the_ledger_tells_each_time() -> None:
    world = await finished_world()
    ends = [world.cluster.ends["orders", number] for number in range(BEFORE)]
    await world.repartition()
    size = world.ends_of_ledger()
    world.cluster.ends["orders", 6] = 1
    await world.repartition()
    assert world.ends_of_ledger() == size, "there is nothing left to do"
    del world.cluster.ends["orders", 6]
    await world.repartition(9)
    found = [
        [(one.partitions, one.ends["orders"]) for one in marks.growths.values()]
        for marks in await world.marks()
    ]
    assert found == [
        *([(BEFORE, end), (AFTER, end)] for end in ends),
        *([(AFTER, 0)] for _ in range(AFTER - BEFORE)),
        *([] for _ in range(9 - AFTER)),
    ]
    await check_outcome(world, 9)
