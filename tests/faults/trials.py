"""The trials: what is done to the workers while an adversary publishes."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from deploy.kafka.node import KafkaNode
from monitor.cluster import Cluster
from monitor.stream.topics import LEDGER_CONFIG, TopicNames, prepare_topics
from tests.faults.adversary import Adversary, Feeder
from tests.faults.fleet import PARTITIONS, PLAN, Fleet, Member
from tests.faults.verdict import Court, Verdict, until

READY_SECONDS = 60.0
AMBUSH_SECONDS = 20.0
KILLING_PLACES = (
    "before_publication",
    "before_reading_the_ledger",
    "before_the_ledger_has_it",
    "before_the_journal_has_it",
    "after_the_claim",
    "amid_publication",
    "after_the_dead_letters",
    "before_taking_back",
    "after_publication",
    "before_the_claim",
    "after_taking_back",
)


@dataclass(frozen=True, slots=True)
class Size:
    """How long the trials are."""

    kills: int
    session_timeout_seconds: float
    pause_seconds: float
    zombies: int
    under_load_seconds: float
    broker_restarts: int
    days: int
    rate: float
    sample: int


LONG = Size(
    kills=20,
    session_timeout_seconds=6.0,
    pause_seconds=10.0,
    zombies=4,
    under_load_seconds=8.0,
    broker_restarts=3,
    days=75,
    rate=400.0,
    sample=300,
)
SHORT = Size(
    kills=2,
    session_timeout_seconds=3.0,
    pause_seconds=5.0,
    zombies=1,
    under_load_seconds=2.0,
    broker_restarts=1,
    days=30,
    rate=400.0,
    sample=40,
)


@dataclass(slots=True)
class Ground:
    """Where a trial takes place: topics of its own, a feeder under way, workers to come."""

    node: KafkaNode
    size: Size
    random: Random
    fleet: Fleet
    feeder: Feeder
    court: Court
    feeding: "asyncio.Task[None]"

    async def judge(self) -> Verdict:
        """End the stream, and check everything."""
        self.feeder.stop()
        await self.feeding
        return await self.court.judge(self.fleet)

    async def ready(self) -> None:
        """Wait until the partitions are all owned and caught up."""
        await until(lambda: self.fleet.is_ready, READY_SECONDS, self.fleet)

    async def sleep(self, least: float, most: float) -> None:
        """Wait for a random while, in seconds."""
        await asyncio.sleep(self.random.uniform(least, most))


async def _make_ledger(cluster: Cluster, name: str) -> None:
    """The ledger topic, compacted as often as can be."""
    config = LEDGER_CONFIG | {
        "segment.ms": "1000",
        "min.cleanable.dirty.ratio": "0.01",
        "delete.retention.ms": "1000",
    }
    admin = AIOKafkaAdminClient(**cluster.client_options())
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, PARTITIONS, 1, topic_configs=config)])
    finally:
        await admin.close()


@asynccontextmanager
async def ground(node: KafkaNode, size: Size, seed: int, directory: Path) -> AsyncIterator[Ground]:
    """Topics, and a feeder that runs until the trial is judged."""
    prefix = f"faults-{uuid.uuid4().hex[:8]}-"
    names, cluster = TopicNames.prefixed(prefix), Cluster((node.address,))
    await _make_ledger(cluster, names.ledger)
    await prepare_topics(cluster, names, PLAN)
    adversary = await asyncio.to_thread(Adversary, seed, days=size.days)
    fleet = Fleet(node.address, prefix, directory, size.session_timeout_seconds)
    async with fleet, AIOKafkaProducer(
        enable_idempotence=True, linger_ms=5, **cluster.client_options()
    ) as producer:  # fmt: skip
        feeder = Feeder(producer, names, adversary, size.rate)
        feeding = asyncio.create_task(feeder.run())
        random = Random(seed)
        court = Court(cluster, names, random, size.sample)
        try:
            yield Ground(node, size, random, fleet, feeder, court, feeding)
        finally:
            feeder.stop()
            await asyncio.gather(feeding, return_exceptions=True)


async def killing(ground: Ground) -> Verdict:
    """Workers killed with -9: at random instants, at delicate places, and two at once."""
    kills = sprung = 0
    places = iter(KILLING_PLACES * 2)
    for way in ("anytime", "ambush", "starting", "ambush", "both", "ambush") * 20:
        if kills >= ground.size.kills:
            break
        instance_id = ground.random.choice(("one", "one", None))
        if way == "ambush":
            sprung += await _ambushed(ground, next(places), instance_id)
            kills += 1
        else:
            kills += await _killed(ground, way, instance_id)
    await ground.fleet.start(instance_id="one")
    await ground.ready()
    verdict = await ground.judge()
    verdict.figures |= {"kills": kills, "kills_at_delicate_places": sprung}
    return verdict


async def _killed(ground: Ground, way: str, instance_id: str | None) -> int:
    """Start one worker or two, and kill all; how many that were."""
    started = [await ground.fleet.start(instance_id=instance_id)]
    if way == "both":
        started.append(await ground.fleet.start(instance_id="two"))
    if way == "starting":
        await ground.sleep(1.0, 4.0)
    else:
        await ground.ready()
        await ground.sleep(0.2, 3.0)
    await asyncio.gather(*(member.kill() for member in started))
    return len(started)


async def _ambushed(ground: Ground, place: str, instance_id: str | None) -> bool:
    """Start a worker that is killed at a place; whether it came there."""
    passages = ground.random.randint(1, 3)
    member = await ground.fleet.start(instance_id=instance_id, place=place, passages=passages)
    try:
        async with asyncio.timeout(AMBUSH_SECONDS):
            await member.process.wait()
    except TimeoutError:
        await member.kill()
    return member.has_fallen


async def halting(ground: Ground) -> Verdict:
    """A worker halted past its session's end while another takes over, then continued.

    At random instants, and where it is about to publish or to claim a partition.
    """
    fleet, size = ground.fleet, ground.size
    places = (None, "before_publication", "before_the_claim", "before_reading_the_ledger")
    sprung = 0
    for place in places[: size.zombies]:
        zombie = await _halted(ground, place)
        sprung += zombie.has_fallen
        other = await fleet.start()
        await ground.sleep(size.pause_seconds, size.pause_seconds + 1.0)
        zombie.go_on()
        await ground.ready()
        await ground.sleep(1.0, 3.0)
        if place != places[size.zombies - 1]:
            # What the zombie wrote meets a third owner, who reads it all.
            await asyncio.gather(zombie.kill(), other.kill())
    verdict = await ground.judge()
    verdict.figures |= {"halts": size.zombies, "halts_at_delicate_places": sprung}
    return verdict


async def _halted(ground: Ground, place: str | None) -> Member:
    fleet = ground.fleet
    if place is None:
        zombie = await fleet.start()
        await ground.ready()
        await ground.sleep(0.2, 2.0)
        zombie.halt()
        return zombie
    zombie = await fleet.start(place=place, signal_name="SIGSTOP", passages=2)
    await until(lambda: zombie.has_fallen, READY_SECONDS, fleet)
    return zombie


async def scaling(ground: Ground) -> Verdict:
    """Workers added and removed under load: one, three, two."""
    fleet, seconds = ground.fleet, ground.size.under_load_seconds
    first = await fleet.start()
    await ground.ready()
    await asyncio.sleep(seconds)
    await fleet.start()
    await fleet.start()
    await until(lambda: len(fleet.reports()) == 3 and fleet.is_ready, READY_SECONDS, fleet)
    await asyncio.sleep(seconds)
    await first.stop()
    await ground.ready()
    await asyncio.sleep(seconds)
    return await ground.judge()


async def restarting(ground: Ground) -> Verdict:
    """The broker restarted under load, in order and by a crash, with two workers."""
    size = ground.size
    await ground.fleet.start()
    await ground.fleet.start()
    await ground.ready()
    for turn in range(size.broker_restarts):
        await ground.sleep(0.5, size.under_load_seconds)
        if turn % 2:
            await asyncio.to_thread(ground.node.kill)
        else:
            await asyncio.to_thread(ground.node.stop)
        await ground.sleep(0.0, size.under_load_seconds)
        await asyncio.to_thread(ground.node.start)
        await ground.ready()
    verdict = await ground.judge()
    verdict.figures |= {"broker_restarts": size.broker_restarts}
    return verdict


Trial = Callable[[Ground], Awaitable[Verdict]]
TRIALS: dict[str, Trial] = {
    "killing": killing,
    "halting": halting,
    "scaling": scaling,
    "restarting": restarting,
}
