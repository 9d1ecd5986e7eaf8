"""The thread in which Faust runs aiokafka's consumer: fetches, seeks and commits."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from mode.utils.futures import maybe_set_exception

from monitor.errors import ClusterError
from monitor.stream.inflight import Batch

FETCH_WAIT_MILLIS = 100


class ThreadEnded(ClusterError):
    """The thread of the consumer has ended: the worker stops, or something in it broke."""


class ConsumerThread(driver.AIOKafkaConsumerThread):
    """aiokafka's own thread; knows which offsets each fetch covered."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._calls: set[asyncio.Future[Any]] = set()
        self._positions: dict[TP, int] = {}
        self._sought: dict[TP, Any] = {}
        self.highwaters_seen: dict[TP, int] = {}

    async def call_thread(
        self, fun: Callable[..., Awaitable[Any]], *args: Any, **kwargs: Any
    ) -> Any:
        """Run something in the thread.

        Raises:
            ThreadEnded: it has ended, or ends meanwhile.
        """
        # Faust's own is cancelled where the thread ends amid the call, though nobody cancelled
        # who waits for it, waits for ever where it ends before, and fails where it has ended.
        call = self.parent_loop.create_future()
        self._calls.add(call)
        try:
            if self._shutdown.is_set():
                raise ThreadEnded(_ENDED)
            await self.method_queue.call(call, fun, *args, **kwargs)
            return await call
        except asyncio.CancelledError:
            if call.done() and not call.cancelled() and _is_cancellation(call.exception()):
                raise ThreadEnded(_ENDED) from None
            raise
        except RuntimeError:
            if self.thread_loop.is_closed():
                raise ThreadEnded(_ENDED) from None
            raise
        finally:
            self._calls.discard(call)

    def set_shutdown(self) -> None:
        """Tell the main thread that this one has ended."""
        super().set_shutdown()
        self.parent_loop.call_soon_threadsafe(self._end_calls)

    async def commit(self, offsets: Mapping[TP, int]) -> bool:
        """Commit; False where that cannot be any more."""
        try:
            return bool(await super().commit(offsets))
        except ThreadEnded:
            return False

    async def seek_all(self, positions: Mapping[TP, int]) -> None:
        """Read on from these offsets."""
        await self.call_thread(self._seek_all, positions)

    async def rejoin(self) -> None:
        """Ask the group for another assignment."""
        await self.call_thread(self._rejoin)

    def answered_millis(self, tp: TP) -> int | None:
        """When the broker last answered a fetch of a partition, even with nothing."""
        # It is asked for again and again while nothing of it waits to be taken.
        state = None if self._consumer is None else self._state(self._consumer, tp)
        return None if state is None else state.timestamp

    def forget(self, partitions: Iterable[TP]) -> None:
        """Fetch nothing of these partitions until they are sought again."""
        for tp in partitions:
            self._positions.pop(tp, None)
            self._sought.pop(tp, None)
            self.highwaters_seen.pop(tp, None)

    def stay_in_group(self) -> None:
        """Count as a poll, though there is nothing to fetch."""
        with self._ensure_consumer()._fetcher._subscriptions.fetch_context():  # noqa: SLF001
            pass

    def _create_worker_consumer(self, transport: driver.Transport) -> AIOKafkaConsumer:
        consumer = super()._create_worker_consumer(transport)
        # A fetch sent while the busy partitions are still buffered asks for the idle ones alone,
        # and until it returns nothing else is asked of that broker. Faust lets it wait 1.5 s.
        consumer._fetch_max_wait_ms = FETCH_WAIT_MILLIS  # noqa: SLF001
        # What a producer took back never happened; a replay does not read it either.
        consumer._isolation_level = "read_committed"  # noqa: SLF001
        return consumer

    def _end_calls(self) -> None:
        for call in self._calls:
            maybe_set_exception(call, ThreadEnded(_ENDED))

    async def _rejoin(self) -> None:
        self._ensure_consumer()._coordinator.request_rejoin()  # noqa: SLF001

    async def _seek_all(self, positions: Mapping[TP, int]) -> None:
        consumer = self._ensure_consumer()
        for tp, position in positions.items():
            if tp in self.assignment():
                consumer.seek(driver.ensure_aiokafka_TP(tp), position)
                self._positions[tp] = position
                self._sought[tp] = self._last_reset(consumer, tp)

    async def _fetch_records(
        self,
        consumer: AIOKafkaConsumer,
        active_partitions: set[TP],
        timeout: float | None = None,  # noqa: ASYNC109 - Faust's signature
        max_records: int | None = None,
    ) -> Mapping[TP, Any]:
        # Assignments, seeks and fetches all run in this thread: a generation that is the
        # present one before the fetch, and a position noted at the last seek or fetch, hold
        # for the records that come.
        generation = self.app.consumer_generation_id
        fetched = await super()._fetch_records(consumer, active_partitions, timeout, max_records)
        batches = {}
        for tp, start in list(self._positions.items()):
            records = fetched.get(tp, ())
            state = self._state(consumer, tp)
            if state is None or (state.position == start and not records):
                continue
            end = state.position
            if end < start or (records and records[0].offset < start):
                raise ClusterError(_TURNED_BACK.format(tp=tp, start=start, end=end))
            if self._last_reset(consumer, tp) is not self._sought[tp]:
                raise ClusterError(_GONE.format(tp=tp, start=start, end=end))
            self._positions[tp] = end
            batches[tp] = Batch(tp.topic, tp.partition, records, start, end, generation)
        return batches

    def _state(self, consumer: AIOKafkaConsumer, tp: TP) -> Any:
        """What aiokafka knows of a partition; None where it is not ours or has no position."""
        subscription = consumer._fetcher._subscriptions.subscription  # noqa: SLF001
        assignment = subscription and subscription.assignment
        partition = driver.ensure_aiokafka_TP(tp)
        if not assignment or partition not in assignment.tps:
            return None
        state = assignment.state_value(partition)
        if state.highwater is not None:
            self.highwaters_seen[tp] = state.highwater
        return state if state.has_valid_position else None

    def _last_reset(self, consumer: AIOKafkaConsumer, tp: TP) -> Any:
        """Another object each time the broker has not had the offset that was asked for."""
        state = self._state(consumer, tp)
        return state and state._position_fut  # noqa: SLF001


def _is_cancellation(error: BaseException | None) -> bool:
    return isinstance(error, asyncio.CancelledError)


_ENDED = "the connection of the consumer is closed"
_TURNED_BACK = (
    "{tp.topic}[{tp.partition}] went back from offset {start} to {end}: the topic was deleted"
    " and made anew, or has lost records; start the monitor again to read it from the beginning"
)
_GONE = (
    "the records of {tp.topic}[{tp.partition}] from offset {start} on were deleted before they"
    " were read, up to {end}: keep them longer (retention.ms, retention.bytes), then start the"
    " monitor again to read what is left from the beginning"
)
