"""A cluster whose workers have stopped, for partitions to be added, and what must come of it."""

from dataclasses import dataclass, field

from monitor.core.alert_records import AlertRecord
from monitor.core.events import SOURCE_TOPICS, decode
from monitor.core.instants import SECOND, Instant, parse_instant
from monitor.core.readings import Level
from monitor.errors import LedgerError
from monitor.stream.intake import partition_of
from monitor.stream.ledger_marks import LedgerMarks
from monitor.stream.partition import Partition
from monitor.stream.recovery import Recovery
from monitor.stream.repartition import Repartition
from monitor.stream.topics import TopicNames
from tests.stream.live import cancellation, one_metric_rulebook, order
from tests.stream.memory import Fuse, MemoryCluster, MemoryLedger

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
