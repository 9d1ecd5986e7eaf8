"""Adding partitions, killed at every step: nobody starts half way, nothing is lost or doubled."""

from dataclasses import dataclass, field
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core.alert_records import AlertRecord
from monitor.core.events import SOURCE_TOPICS, decode
from monitor.core.instants import SECOND, Instant, parse_instant
from monitor.core.ledger_keys import parse_key
from monitor.core.readings import Level
from monitor.errors import ClusterError, LedgerError
from monitor.stream import repartition as repartitioning
from monitor.stream.intake import partition_of
from monitor.stream.ledger_marks import LedgerMarks
from monitor.stream.partition import Partition
from monitor.stream.recovery import Recovery
from monitor.stream.repartition import Repartition
from monitor.stream.topics import TopicNames
from tests.stream.live import cancellation, one_metric_rulebook, order
from tests.stream.memory import Fuse, Killed, MemoryCluster, MemoryLedger

BEFORE, AFTER = 4, 7
NOON = parse_instant("2026-11-20T12:00:00Z")
ONE = parse_instant("2026-11-20T13:00:00Z")
NOTHING = dict.fromkeys(SOURCE_TOPICS, 0)
NAMES = TopicNames()
SELLERS = [f"s{number}" for number in range(12)]
BREACHED = SELLERS[::3]
CUT_SHORT = SELLERS[1]
"""The seller whose alert was decided by a worker that died before its write was complete."""

Figures = dict[str, tuple[int, int | None, Level]]


def events_of(seller: str) -> list[bytes]:
    """Ten orders, half of them cancelled where the seller breaches; one order is yet to come."""
    events = [order(n, seller) for n in range(10)]
    if seller in {*BREACHED, CUT_SHORT}:
        events += [cancellation(n, seller) for n in range(5)]
    return [order(99, seller, "2026-11-20T12:30:00Z"), *events]


@dataclass
class World:
    """A cluster whose workers have applied everything and stopped."""

    fuse: Fuse = field(default_factory=Fuse)
    generation: int = 1
    deliveries_lie_in: int = BEFORE
    """For how many partitions what receivers were told was moved last."""
    said: list[AlertRecord] = field(default_factory=list)
    """What workers have published since the one that built this world."""
    owners: list[Partition] = field(default_factory=list)
    zombies: list[Partition] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.ledger = MemoryLedger(BEFORE, self.fuse)
        equal = (*NAMES.sources, NAMES.alerts, NAMES.ledger)
        self.cluster = MemoryCluster(self.ledger, NAMES, dict.fromkeys(equal, BEFORE))

    @property
    def partitions(self) -> int:
        """Of the source topics."""
        return self.cluster.counts_by_name[NAMES.orders]

    async def owned(self, number: int, at: Instant = NOON) -> Partition:
        """A partition as a worker of the present generation takes it over."""
        rulebook = one_metric_rulebook()
        partition = Partition(number, self.partitions, rulebook, at, version="1", durable=True)
        recovery = Recovery(self.ledger, partition, lambda share: None)
        await recovery.run(self.generation, NOTHING)
        partition.begin(partition.positions, partition.positions)
        return partition

    def take(self, partition: Partition, *values: bytes) -> None:
        """Apply events that lie on ``orders``."""
        read_to = partition.positions["orders"] + len(values)
        partition.apply("orders", [decode(value) for value in values], read_to)
        self.cluster.ends["orders", partition.number] = read_to

    async def publish(self, partition: Partition, at: Instant) -> list[AlertRecord]:
        """Decide, keep, publish, and keep that it was published."""
        records = partition.evaluate(at)
        await saved(partition)
        partition.published = partition.decided
        await saved(partition)
        return records

    async def repartition(self, partitions: int = AFTER, killed_at: int | None = None) -> None:
        """Run the procedure, and kill it before one of its steps."""
        self.fuse.step, self.fuse.taken = killed_at, 0
        try:
            run = Repartition(self.cluster, self.ledger, NAMES, partitions, self.move_deliveries)
            await run.run()
        finally:
            self.fuse.step = None

    async def move_deliveries(self) -> None:
        """Move what receivers were told; all at once, or killed before it."""
        self.fuse.burn()
        self.deliveries_lie_in = self.partitions

    async def started(self) -> set[int]:
        """The partitions that workers take over now, where each works for a moment."""
        counts = self.cluster.counts_by_name
        if len({counts[name] for name in (*NAMES.sources, NAMES.ledger)}) > 1:
            return set()  # `prepare_topics` refuses.
        self.generation += 1
        taken = set()
        for number in range(self.partitions):
            try:
                partition = await self.owned(number)
            except LedgerError:
                continue
            self.said += await self.publish(partition, (partition.evaluated_at or NOON) + SECOND)
            taken.add(number)
        return taken

    async def marks(self) -> list[LedgerMarks]:
        """What the partitions of the ledger say of themselves."""
        found = [LedgerMarks(self.ledger, number) for number in range(len(self.ledger.logs))]
        for marks in found:
            await marks.read()
        return found

    async def positions(self) -> list[int]:
        """For how many partitions each partition's position holds; below 0: it is barred."""
        return [
            0 if marks.position is None else marks.position.partitions
            for marks in await self.marks()
        ]

    def ends_of_ledger(self) -> list[int]:
        """Where its partitions end."""
        return [len(log) for log in self.ledger.logs]


async def saved(partition: Partition) -> None:
    write = await partition.save()
    if write is not None:
        await write


def home_of(seller: str, partitions: int) -> int:
    return partition_of(seller.encode(), partitions)


async def finished_world() -> World:
    """Everybody has worked: two owners of each partition, a zombie, and a write cut short."""
    world = World()
    for number in range(BEFORE):
        sellers = [seller for seller in SELLERS if home_of(seller, BEFORE) == number]
        rest = [value for one in sellers if one != CUT_SHORT for value in events_of(one)[5:]]
        world.generation = 1
        zombie = await world.owned(number)
        world.take(zombie, *(value for one in sellers for value in events_of(one)[:5]))
        await saved(zombie)
        world.generation = 2
        owner = await world.owned(number)
        world.take(owner, *rest)
        await world.publish(owner, NOON + number * SECOND)
        if CUT_SHORT in sellers:
            world.take(owner, *events_of(CUT_SHORT)[5:])
            await saved(owner)
            assert [one.seller for one in owner.evaluate(NOON + 9 * SECOND)] == [CUT_SHORT]
            assert owner._journal is not None
            await world.ledger.send(number, owner._journal.take(owner.epoch).records)
        # What the zombie decides it never publishes.
        world.take(zombie, *rest)
        zombie.evaluate(NOON)
        await saved(zombie)
        world.cluster.ends["orders", number] = owner.positions["orders"]
        world.owners.append(owner)
        world.zombies.append(zombie)
    return world


def counted() -> Figures:
    """What one engine says that is given all events, the last of them in time."""
    engine = Partition(0, 1, one_metric_rulebook(), ONE, version="1")
    engine.begin(NOTHING, NOTHING)
    values = [decode(value) for seller in SELLERS for value in events_of(seller)]
    engine.apply("orders", values, len(values))
    engine.evaluate(ONE)
    return figures_of([engine])


def figures_of(partitions: list[Partition]) -> Figures:
    found: Figures = {}
    for partition in partitions:
        for reading in partition.readings():
            assert reading.seller not in found, "a seller is in two partitions"
            found[reading.seller] = (reading.numerator, reading.denominator, reading.level)
    return found


async def check_outcome(world: World, partitions: int = AFTER) -> None:
    """Each seller is as it was, in its new partition, and goes on with its alert."""
    assert set(world.cluster.counts_by_name.values()) == {partitions}
    world.generation += 1
    owned = [await world.owned(number, ONE) for number in range(partitions)]
    assert [partition.unpublished() for partition in owned] == [[]] * partitions
    world.said += [record for one in owned for record in await world.publish(one, ONE)]
    # Decided before, but never out.
    said = [(one.seller, one.to, one.seq) for one in world.said]
    assert said == [(CUT_SHORT, Level.BREACHED, 1)]
    assert figures_of(owned) == counted()
    for partition in owned:
        homes = {home_of(one.seller, partitions) for one in partition.readings()}
        assert homes <= {partition.number}
    for seller in BREACHED:
        partition = owned[home_of(seller, partitions)]
        before = partition.decided
        world.take(partition, *(order(n, seller) for n in range(200, 300)))
        (closed,) = await world.publish(partition, ONE + SECOND * (before + 1))
        assert (closed.seller, closed.to, closed.seq) == (seller, Level.OK, 2)
        assert closed.episode == 1
        assert closed.chain.n == before + 1
        assert closed.cut["orders"][0] == partition.number


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
