"""A halted worker that goes on writes what it had decided: nobody after it may believe that."""

from monitor.core.alert_records import AlertRecord
from monitor.core.instants import SECOND
from monitor.core.readings import Level
from monitor.stream.partition import Partition
from monitor.stream.recovery import Recovery
from tests.stream.growing import BEFORE, NOON, NOTHING, SELLERS, World, home_of, saved
from tests.stream.live import cancellation, order
from tests.stream.memory import MemoryLedger, Record

NUMBER = 0
SELLER, OTHER = [one for one in SELLERS if home_of(one, BEFORE) == NUMBER][:2]


def compact(ledger: MemoryLedger) -> None:
    """Keep of each key the last value, and no tombstones; offsets stay."""
    last = {record.key: record for record in ledger.logs[NUMBER]}
    for index, record in enumerate(ledger.logs[NUMBER]):
        if last[record.key] is not record or record.value is None:
            # Its place stays, so that lists have offsets.
            ledger.logs[NUMBER][index] = Record(b"claim|0", None, record.offset)


async def parked_and_back(world: World, partition: Partition) -> None:
    """A rebalance that gives a worker the partition that it had."""
    await partition.settled()
    world.generation += 1
    await Recovery(world.ledger, partition, lambda share: None).run(world.generation, NOTHING)
    partition.begin(partition.positions, partition.positions)
    await saved(partition)


async def test_what_a_halted_worker_decided_is_gone_when_its_successors_claim_is() -> None:
    world = World()
    values = [order(n, SELLER) for n in range(10)]
    zombie = await world.owned(NUMBER)
    world.take(zombie, *values)
    await world.publish(zombie, NOON)
    world.generation = 2
    owner = await world.owned(NUMBER)
    # Woken, the halted worker decides; it hears that it owns nothing, and publishes nothing.
    world.take(zombie, *(cancellation(n, SELLER) for n in range(5)))
    decided: list[AlertRecord] = zombie.evaluate(NOON + SECOND)
    assert [one.to for one in decided] == [Level.BREACHED]
    write = await zombie.save()
    assert write is not None
    assert not await write
    # Its successor says something too, lets go of the partition and gets it back: its claim goes.
    world.take(owner, *(order(n, OTHER) for n in range(10)))
    world.take(owner, *(cancellation(n, OTHER) for n in range(5)))
    assert len(await world.publish(owner, NOON + 2 * SECOND)) == 1
    await parked_and_back(world, owner)
    said = await world.publish(owner, NOON + 3 * SECOND)
    compact(world.ledger)
    world.generation += 1
    third = await world.owned(NUMBER)
    world.take(third, *(cancellation(n, SELLER) for n in range(5)))
    said += await world.publish(third, NOON + 4 * SECOND)
    # Whoever of the two knows of the cancellations first says it, once, and from the beginning.
    assert [(one.to, one.seq) for one in said if one.seller == SELLER] == [(Level.BREACHED, 1)]
