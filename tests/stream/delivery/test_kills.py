"""A delivery that dies at any of its steps: nothing is lost, and hardly anything told twice."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from hypothesis import example, given
from hypothesis import strategies as st

from monitor.core.alert_records import AlertRecord
from monitor.core.readings import Level
from monitor.notify.notification import Notification
from monitor.notify.text import Text
from monitor.notify.told import Row
from monitor.stream.inflight import Batch
from tests.stream.delivery.fakes import Bench, FakeReceiver, MemoryRows, batch, record
from tests.stream.memory import Fuse, Killed

SELLERS = 3
LEVELS = (Level.APPROACHING, Level.BREACHED, Level.OK)


@dataclass
class Mortal(FakeReceiver):
    """Whoever sends to it may die before and after it has taken something."""

    fuse: Fuse = field(default_factory=Fuse)
    unremembered: list[int] = field(default_factory=list)
    """Of each death between the sending and its row, how much was told with it."""

    async def deliver(self, notification: Notification, text: Text) -> None:
        self.fuse.burn()
        await super().deliver(notification, text)
        self.unremembered.append(len(notification.items))
        self.fuse.burn()


@dataclass
class MortalRows(MemoryRows):
    """Whoever writes may die before and after the row is acknowledged."""

    fuse: Fuse = field(default_factory=Fuse)
    receiver: Mortal = field(default_factory=Mortal)

    async def write(self, number: int, receiver: str, rows: Mapping[str, Row]) -> None:
        self.fuse.burn()
        await super().write(number, receiver, rows)
        if any(
            row.outcome == "delivered" and bytes(row.sending) == b"null" for row in rows.values()
        ):
            self.receiver.unremembered.pop()
        self.fuse.burn()


async def settled(running: "asyncio.Task[None]", batches: Sequence[Batch]) -> None:
    """Wait until the delivery has died, or has nothing left."""
    while not running.done() and not all(one.processed for one in batches):  # noqa: ASYNC110
        await asyncio.sleep(0)


async def lived_through(
    records: Sequence[AlertRecord], cuts: Sequence[int], lives: Sequence[tuple[int, float]]
) -> Mortal:
    """Deliver records of one partition in batches; die at a step of each life, and read anew.

    A life has a step and the seconds between two batches: what is read at once after a death
    may have come bit by bit before it.
    What is committed is the end of the leading processed batches, as the transport does it.
    """
    fuse = Fuse()
    receiver = Mortal(fuse=fuse)
    bench = Bench(receiver=receiver)
    bench.rows = MortalRows(fuse=fuse, receiver=receiver)
    bounds = sorted({0, *(cut % (len(records) + 1) for cut in cuts), len(records)})
    committed = 0
    for step, pause_seconds in (*lives, (None, 0.0)):
        fuse.step, fuse.taken = step, 0
        await bench.begin()
        batches = [
            batch(records[start:end], start=start)
            for start, end in pairwise(bounds)
            if start >= committed
        ]
        running = bench._running
        assert running is not None
        for one in batches:
            await bench.courier.take(one)
            # So that what is due meanwhile is told before the next batch comes.
            for _ in range(20 if pause_seconds else 0):
                await asyncio.sleep(0)
            bench.time.passed_seconds += pause_seconds
        await settled(running, batches)
        died = running.done()
        if died:
            assert isinstance(running.exception(), Killed)
        else:
            await bench.end()
        for one in batches:
            if not one.processed:
                break
            committed = one.end
    return receiver


@given(
    st.lists(st.integers(0, SELLERS - 1), min_size=1, max_size=12),
    st.lists(st.integers(0, 100), max_size=4),
    st.lists(st.tuples(st.integers(1, 12), st.sampled_from([0.0, 3.0, 6.0])), max_size=4),
)
@example(turns=[0, 0, 0], cuts=[1], lives=[(4, 3.0)])
@example(turns=[0, 0, 0], cuts=[1], lives=[(4, 3.0), (2, 0.0)])
@example(turns=[0] * 9 + [1], cuts=[1, 47], lives=[(6, 3.0), (6, 3.0)])
@example(turns=[0, 0], cuts=[1], lives=[(4, 0.0), (4, 3.0)])
def test_wherever_it_dies_each_receiver_ends_up_knowing_what_is_open(
    turns: list[int], cuts: list[int], lives: list[tuple[int, float]]
) -> None:
    seqs = Counter[int]()
    records = []
    for seller in turns:
        level = LEVELS[seqs[seller] % 3]
        seqs[seller] += 1
        records.append(record(seqs[seller], level, seller=f"s{seller}"))
    receiver = asyncio.run(lived_through(records, cuts, lives))
    told: dict[str, list[AlertRecord]] = {}
    for notification in receiver.notifications:
        for item in notification.items:
            told.setdefault(item.record.alert, []).append(item.record)
    last = {one.alert: one for one in records}
    for alert, one in last.items():
        heard = told.get(alert, [])
        # What closed within the wait of its opening may be left out altogether.
        is_taken_for_closed = not heard or heard[-1].to is Level.OK
        assert heard[-1:] == [one] or (is_taken_for_closed and one.to is Level.OK)
        assert [r.seq for r in heard] == sorted(r.seq for r in heard)
    lines = Counter(line for heard in receiver.heard for line in heard)
    assert lines.total() - len(lines) <= sum(receiver.unremembered)
