"""Kills with -9 between each two steps of delivery: nothing is lost, repeats are counted.

A delivery reads, groups, sends, writes its row and commits. A kill between the sending and the
acknowledgement of the row makes the receiver hear once more; any other does not.
"""

import asyncio
import signal
import sys
import uuid
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import msgspec
from aiokafka import AIOKafkaProducer

from deploy.kafka.node import KafkaNode
from monitor.cluster import Cluster
from monitor.stream.topics import TopicNames, prepare_topics
from tests.faults.fleet import PLAN, ROOT
from tests.faults.verdict import Verdict
from tests.stream.delivery.fakes import record

SELLERS = 12
_WAIT_SECONDS = 30.0
# Where nothing can be sent and not remembered: reading and committing go on beside a sending.
_NEVER_REPEAT = frozenset(
    {
        "after_records_are_grouped",
        "before_it_is_sent",
        "after_the_row_is_written",
        "after_it_is_remembered",
    }
)
SHORT = (
    "after_the_batch_is_read",
    "before_it_is_sent",
    "after_it_is_sent",
    "amid_the_row",
    "after_the_row_is_written",
    "before_the_commit",
    "after_the_commit",
)
"""Between each two steps."""
LONG = (
    "before_the_batch_is_read",
    "after_records_are_grouped",
    "before_the_row_is_written",
    "after_it_is_remembered",
    *SHORT,
) * 4


class Orders(msgspec.Struct, frozen=True):
    """What a delivery is told."""

    address: str
    prefix: str
    told: str
    instance_id: str
    place: str | None = None
    passages: int = 1


@dataclass(slots=True)
class _Trial:
    node: KafkaNode
    prefix: str
    directory: Path
    random: Random
    producer: AIOKafkaProducer
    published: list[str]
    started: int = 0
    runs: list[tuple[str, int]] = field(default_factory=list)
    """Where each delivery died, and how many lines it left."""

    @property
    def told_path(self) -> Path:
        return self.directory / "told"

    def told(self) -> list[str]:
        """What was told, in its order."""
        with suppress(FileNotFoundError):
            return self.told_path.read_text().splitlines()
        return []

    async def publish(self) -> None:
        """A record of each seller, each of an alert of its own."""
        turn = len(self.published) // SELLERS + 1
        for number in range(SELLERS):
            one = record(1, seller=f"s{number}", window_days=turn)
            await self.producer.send_and_wait(
                TopicNames.prefixed(self.prefix).alerts, one.encode(), key=one.seller.encode()
            )
            self.published.append(f"{one.alert} {one.seq}")

    async def start(self, place: str | None) -> asyncio.subprocess.Process:
        """A delivery, which dies at a place where one is named."""
        self.started += 1
        passages = self.random.randint(1, 2)
        orders = Orders(self.node.address, self.prefix, str(self.told_path), "one", place, passages)
        with (self.directory / f"delivery-{self.started}.log").open("wb") as output:
            return await asyncio.create_subprocess_exec(
                sys.executable, "-m", "tests.faults.delivery_program",
                msgspec.json.encode(orders).decode(),
                cwd=ROOT, stdin=asyncio.subprocess.DEVNULL, stdout=output, stderr=output,
            )  # fmt: skip

    async def kill_at(self, place: str) -> bool:
        """Whether a delivery died at a place."""
        process = await self.start(place)
        is_over = asyncio.Event()
        publishing = asyncio.create_task(self._keep_publishing(is_over))
        try:
            async with asyncio.timeout(_WAIT_SECONDS):
                await process.wait()
        except TimeoutError:
            process.terminate()
            await process.wait()
        finally:
            is_over.set()
            await publishing
        self.runs.append((place, len(self.told())))
        return process.returncode == -signal.SIGKILL

    async def catch_up(self) -> bool:
        """Let a delivery tell all that is left; whether it does."""
        process = await self.start(None)
        await self.publish()
        due = set(self.published)
        did = await _holds(lambda: due <= set(self.told()), _WAIT_SECONDS)
        process.terminate()
        status = await process.wait()
        return did and status == 0

    async def _keep_publishing(self, is_over: asyncio.Event) -> None:
        while not is_over.is_set():
            await self.publish()
            await asyncio.sleep(0.3)


async def killing_delivery(
    node: KafkaNode, places: Sequence[str], seed: int, directory: Path
) -> Verdict:
    """Kill a delivery at each place in turn, and let the last one finish."""
    prefix = f"delivery-{uuid.uuid4().hex[:8]}-"
    cluster = Cluster((node.address,))
    await prepare_topics(cluster, TopicNames.prefixed(prefix), PLAN)
    verdict = Verdict()
    async with AIOKafkaProducer(**cluster.client_options()) as producer:
        trial = _Trial(node, prefix, directory, Random(seed), producer, [])
        # The receiver's beginning, before anything is published.
        first = await trial.start("before_the_batch_is_read")
        await _holds(lambda: "is new" in (directory / "delivery-1.log").read_text(), _WAIT_SECONDS)
        first.kill()
        await first.wait()
        sprung = sum([await trial.kill_at(place) for place in places])
        finished = await trial.catch_up()
    told = trial.told()
    repeated = _repeated(told, trial.runs)
    lost = sorted(set(trial.published) - set(told))
    verdict.note("nothing is lost", [] if finished else lost or ["the last one did not end well"])
    verdict.note("each place was reached", _missed(sprung, len(places)))
    verdict.note(
        "only what was not remembered is told twice",
        [
            f"{repeated[run]} after {place}"
            for run, (place, _) in enumerate(trial.runs)
            if repeated[run] and place in _NEVER_REPEAT
        ],
    )
    verdict.note("nothing else is told", sorted(set(told) - set(trial.published)))
    verdict.figures |= {
        "published": len(trial.published),
        "kills": sprung,
        "kills_after_which_a_notification_was_repeated": len(repeated),
        "records_told_twice": repeated.total(),
    }
    return verdict


def _repeated(told: Sequence[str], runs: Sequence[tuple[str, int]]) -> Counter[int]:
    """How many records were told once more, by the run of the delivery that had told them."""
    ends = [end for _, end in runs]
    before: dict[str, int] = {}
    found = Counter[int]()
    for index, line in enumerate(told):
        if line in before:
            found[bisect_right(ends, before[line])] += 1
        before[line] = index
    return found


def _missed(sprung: int, due: int) -> list[str]:
    return [] if sprung == due else [f"{sprung} of {due} kills took place"]


async def _holds(condition: Callable[[], bool], seconds: float) -> bool:
    """Whether something holds within a time."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while not condition():
        if loop.time() > end:
            return False
        await asyncio.sleep(0.05)
    return True
