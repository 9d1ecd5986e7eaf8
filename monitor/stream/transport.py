"""Faust's aiokafka transport, delivering one message per fetched partition batch.

An agent that takes messages one by one does a fifteenth of the work. Faust finds the driver
by the scheme of the broker address, ``batched://host:port``, among the entry points of the
group ``faust.transports``, where pyproject.toml names it. Every behaviour of Faust that this
relies on is pinned in tests/stream/test_faust_pins.py.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any, ClassVar, Protocol, cast

from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage, Message
from faust.types.transports import ConsumerT
from faust.types.tuples import ack_lock
from mode.utils.futures import notify

from monitor.stream.consumer_thread import ConsumerThread, ThreadEnded
from monitor.stream.inflight import Batch, InFlight

SCHEME = "batched"


class Delivery(Protocol):
    """Who takes the batches; the Faust app carries it as ``app.delivery``."""

    @property
    def topics(self) -> frozenset[str]:
        """The topics delivered in batches."""

    @property
    def commits(self) -> bool:
        """Whether offsets are committed at all."""

    async def open(self, consumer: "Consumer", assigned: frozenset[TP]) -> None:
        """Get ready for new partitions and call ``consumer.deliver`` for those that are.

        Cancelled when they are revoked.
        """

    async def drained(self) -> None:
        """Wait until what was processed may be committed."""

    def close(self, revoked: frozenset[TP]) -> None:
        """Let go of partitions; no batch of them is being processed any more."""


class Consumer(driver.Consumer):
    """Yields batches, and commits the end of the leading processed ones."""

    _thread: ConsumerThread

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.delivery: Delivery = cast("Any", self.app).delivery
        self._in_flight: dict[TP, InFlight] = {}
        self._delivering = asyncio.Event()
        self._opening: Any = None

    async def deliver(self, positions: Mapping[TP, int]) -> None:
        """From now on deliver these partitions, from these offsets on."""
        await self._thread.seek_all(positions)
        for tp, position in positions.items():
            self._in_flight[tp] = InFlight(position)
            self._read_offset[tp] = None
        self.resume_partitions(positions)
        self._delivering.set()

    async def rejoin(self) -> None:
        """Let the group assign all partitions anew."""
        await self._thread.rejoin()

    def highwater_seen(self, tp: TP) -> int | None:
        """The end offset of a partition as of the last fetch; None before one."""
        return self._thread.highwaters_seen.get(tp)

    def answered_millis(self, tp: TP) -> int | None:
        """When the broker last answered a fetch of a partition, by this machine's clock.

        None where it has not since the assignment.
        """
        return self._thread.answered_millis(tp)

    def finished(self, tp: TP) -> int | None:
        """The offset before which a partition is processed; None where it is not delivered."""
        queue = self._in_flight.get(tp)
        if queue is None:
            return None
        queue.committable()
        return queue.finished

    @property
    def generation(self) -> int:
        """That of the consumer group in which the present assignment was made."""
        return self.app.consumer_generation_id

    async def wait_empty(self) -> None:
        """Let the agent finish what it has begun, keep it, and commit."""
        # Faust's own collects garbage and commits in a loop; here nothing can be committed
        # before the ledger holds it.
        while not self.should_stop and self._unacked_messages:
            await self._wait_for_ack(timeout=1.0)
            self._clean_unacked_messages()
        await self.delivery.drained()
        # Where a commit is on its way, Faust waits for that one and makes no other.
        while self._commit_fut is not None:
            await self.maybe_wait_for_commit_to_finish()
        await self.commit_and_end_transactions()

    async def perform_seek(self) -> None:
        """Hold the assigned partitions until ``delivery`` opens them."""
        # Faust calls this last in a rebalance, after its recovery hook and just before the
        # flow resumes: a seek made earlier would be undone by the one it makes here.
        assigned = frozenset(tp for tp in self.assignment() if tp.topic in self.delivery.topics)
        self.pause_partitions(assigned)
        self._opening = self.add_future(self._open(assigned))

    async def _open(self, assigned: frozenset[TP]) -> None:
        try:
            await self.delivery.open(self, assigned)
        except ThreadEnded:
            # Who stops while partitions are being opened has not broken.
            if not (self.should_stop or self.app.should_stop):
                raise

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Drain, commit, and only then let go of the batches in flight."""
        if self._opening is not None:
            self._opening.cancel()
        # Within this call Faust drains the agent and commits, which needs the batches in flight.
        await super().on_partitions_revoked(revoked)
        self._thread.forget(revoked)
        for tp in revoked:
            self._in_flight.pop(tp, None)
        self.delivery.close(frozenset(revoked))

    def on_buffer_full(self, tp: TP) -> None:
        """Nothing: where the agent's queue is full, the next batch waits to be put there.

        Faust would stop fetching this partition, though all partitions share the queue, and
        then sit out a fetch from the others while the queue runs empty.
        """

    async def getmany(
        self,
        timeout: float,  # noqa: ASYNC109 - Faust's signature
    ) -> AsyncIterator[tuple[TP, Message]]:
        """Fetch once; each partition's records as one message."""
        if self.flow_active and not self._get_active_partitions():
            # Opening may take longer than the broker waits for a poll.
            self._thread.stay_in_group()
            self._delivering.clear()
            await self.wait(self._delivering.wait(), timeout=timeout)
        try:
            batches, _ = await self._wait_next_records(timeout)
        except ThreadEnded:
            if self.should_stop:
                return
            raise
        for tp, batch in cast("Mapping[TP, Batch]", batches or {}).items():
            # Whatever stops the flow ends in a new assignment, which seeks anew.
            if self.should_stop or not self.flow_active:
                return
            if await self._accepts(tp, batch):
                yield tp, self._message(tp, batch)

    async def _accepts(self, tp: TP, batch: Batch) -> bool:
        queue = self._in_flight.get(tp)
        if queue is None:
            return False
        if batch.generation == self.app.consumer_generation_id and queue.accept(batch):
            return True
        self.log.warning(
            "Reading %s[%d] again from %d: the batch at %d does not follow",
            *tp, queue.expected, batch.start,
        )  # fmt: skip
        await self._thread.seek_all({tp: queue.expected})
        return False

    def _message(self, tp: TP, batch: Batch) -> ConsumerMessage:
        last = batch.records[-1] if batch.records else None
        return ConsumerMessage(
            batch.topic,
            batch.partition,
            batch.end - 1,
            last.timestamp / 1000 if last else 0.0,
            last.timestamp_type if last else 0,
            None,
            None,
            cast("bytes", batch),
            None,
            0,
            0,
            tp,
            generation_id=batch.generation,
        )

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        if not self._is_batched(tp):
            await super()._add_gap(tp, offset_from, offset_to)

    def ack(self, message: Message) -> bool:
        """Note that Faust is done with a message; for a batch that commits nothing."""
        if not self._is_batched(message.tp):
            return super().ack(message)
        with ack_lock:
            if message.acked:
                return False
            message.acked = True
            self._unacked_messages.discard(message)
            self._n_acked += 1
        notify(self._waiting_for_ack)
        return True

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> Iterator[TP]:
        pending = list(super()._filter_tps_with_pending_acks(topics))
        yield from (tp for tp in pending if not self._is_batched(tp))
        yield from (
            tp for tp in self._in_flight if topics is None or tp in topics or tp.topic in topics
        )

    def _new_offset(self, tp: TP) -> int | None:
        if not self._is_batched(tp):
            return super()._new_offset(tp)
        # The compiled iterator of Faust's streams does not call ``ack``: it notes offsets itself.
        self._acked[tp].clear()
        self._acked_index[tp].clear()
        queue = self._in_flight.get(tp)
        offset = None if queue is None else queue.committable()
        return offset if self.delivery.commits else None

    def _should_commit(self, tp: TP, offset: int) -> bool:
        return self._is_batched(tp) or super()._should_commit(tp, offset)

    async def _commit_offsets(
        self,
        offsets: Mapping[TP, int],
        start_new_transaction: bool = True,  # noqa: FBT001, FBT002 - Faust's signature
    ) -> bool:
        # Faust itself takes a failed commit for done and would never repeat it.
        did_commit = await super()._commit_offsets(offsets, start_new_transaction)
        for tp, offset in offsets.items():
            if did_commit and tp in self._in_flight:
                self._in_flight[tp].committed = offset
        return did_commit

    def _is_batched(self, tp: TP) -> bool:
        return tp.topic in self.delivery.topics

    async def verify_all_partitions_active(self) -> None:
        """Nothing: Faust would miss commits that are off; our lag gauges tell more."""

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)


class Transport(driver.Transport):
    """The driver behind ``batched://`` addresses."""

    Consumer: ClassVar[type[ConsumerT]] = Consumer
