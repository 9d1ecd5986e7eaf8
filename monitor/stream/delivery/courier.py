"""Tells one receiver of alert records, one notification at a time, and remembers what it was told.

Read, group, write down what is about to be told, send, write the row, and await its
acknowledgement: only then a batch counts as processed and is committed. Whatever it is
interrupted at, the next owner of the partition reads the same records again, and the rows say
which were dealt with.
"""

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import get_args

import msgspec

from monitor.core.alert_records import AlertRecord, decode_record
from monitor.core.instants import SECOND, Instant, isoformat, parse_instant
from monitor.notify.delays import Delays
from monitor.notify.grouping import Group, Groups
from monitor.notify.notification import Item, Notification, Occasion
from monitor.notify.outage import Outage
from monitor.notify.pacing import Rate
from monitor.notify.plan import Addressee, DeliveryPlan
from monitor.notify.routing import Decision
from monitor.notify.sorting import Sorted, sort_out, sort_waiting
from monitor.notify.text import Text
from monitor.notify.told import POSTPONED, Outcome, Row, Told, row_after, row_sending
from monitor.snapshot import ReceiverStats
from monitor.stream.delivery.attempts import Answer, Attempts, OnOutage
from monitor.stream.delivery.deliveries_topic import Rows
from monitor.stream.delivery.pauses import Time
from monitor.stream.inflight import Batch

logger = logging.getLogger(__name__)

_REST_SECONDS_MAX = 12.0
_LOOK_SECONDS = 5.0
_LOOK_AT_ALL_SECONDS = 30.0
_RESOLVED_SECONDS = 300
_NOTICES_MAX = 20
_RECORDS_AT_ONCE = 500
_ANSWERS = ("delivered", "refused", "failed")
_OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)


@dataclass(slots=True, eq=False)
class _Source:
    """A batch, and how many of its records are not dealt with yet."""

    batch: Batch
    left: int

    def settle_one(self) -> None:
        self.left -= 1
        if self.left == 0:
            self.batch.processed = True


class Courier:
    """Delivers to one receiver what the partitions hold that this worker owns.

    Args:
        addressee: the receiver.
        plan: how records are grouped, and what is said.
        rows: where it is remembered.
        time: the present.
        on_outage: hears when the receiver counts as failing, and when it is back.
    """

    def __init__(
        self,
        addressee: Addressee,
        plan: DeliveryPlan,
        rows: Rows,
        time: Time,
        on_outage: OnOutage,
    ) -> None:
        self.name = addressee.receiver.name
        self._receiver = addressee.receiver
        self._desk = plan.desk
        self._rows = rows
        self._time = time
        self._groups = Groups(plan.grouping)
        rate = Rate(addressee.rate_per_minute, time.seconds())
        outage = Outage(plan.failing_after_seconds)
        self._attempts = Attempts(self.name, rate, outage, time, on_outage)
        self._told: dict[int, Told] = {}
        self._hidden_until: dict[str, Instant | None] = {}
        self._notices: deque[tuple[Notification, Text]] = deque(maxlen=_NOTICES_MAX)
        self._outcomes: Counter[str] = Counter()
        self._delays = Delays()
        self._resend_at: float | None = None
        self._look_at = self._look_at_all_at = 0.0
        self._woken, self._room, self._at_rest = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._resumed = asyncio.Event()
        self._at_rest.set()
        self._attempts.let_go.set()

    def own(self, told: Mapping[int, Told]) -> None:
        """Deliver what is read of these partitions from now on."""
        self._told = dict(told)
        for one in self._told.values():
            one.resolved_since(self._time.now() - _RESOLVED_SECONDS * SECOND)
        self._look_at = self._look_at_all_at = 0.0
        if self._receiver.resend_seconds is not None:
            self._resend_at = self._time.seconds()
        self._attempts.let_go.clear()
        self._at_rest.clear()
        self._resumed.set()

    async def take(self, batch: Batch) -> None:
        """Put the records of a batch into groups; waits while too many are held.

        The batch counts as processed once all of them are dealt with. Where the partition is
        being let go of it never does: the next owner reads it again.
        """
        while self._groups.is_full and not self._attempts.let_go.is_set():
            self._room.clear()
            await self._room.wait()
        told = self._told.get(batch.partition)
        if told is None or self._attempts.let_go.is_set():
            return
        source = _Source(batch, 1)
        for begin in range(0, len(batch.records), _RECORDS_AT_ONCE):
            self._group(batch.records[begin : begin + _RECORDS_AT_ONCE], told, source)
            await asyncio.sleep(0)
        source.settle_one()
        self._woken.set()

    def let_go(self) -> None:
        """Begin nothing more."""
        self._attempts.let_go.set()
        self._resumed.clear()
        self._woken.set()
        self._room.set()

    async def rest(self) -> None:
        """Begin nothing more, and wait until what was begun is remembered.

        A receiver that hangs is waited for only so long: it may hear of that once more.
        """
        self.let_go()
        try:
            async with asyncio.timeout(_REST_SECONDS_MAX):
                await self._at_rest.wait()
        except TimeoutError:
            logger.warning(
                "receiver %s did not answer in time: what it is being told it may hear twice",
                self.name,
            )

    def disown(self) -> None:
        """Forget all partitions."""
        self._told = {}
        self._groups.drop()
        self._hidden_until.clear()
        self._room.set()

    def notice(self, notification: Notification, text: Text) -> None:
        """Tell of another receiver, as soon as can be."""
        self._notices.append((notification, text))
        self._woken.set()

    async def run(self) -> None:
        """Deliver until cancelled."""
        try:
            while True:
                if self._attempts.let_go.is_set():
                    self._at_rest.set()
                    await self._resumed.wait()
                self._woken.clear()
                if not await self._step():
                    await self._time.pause(self._wait_seconds(), self._woken)
        finally:
            self._at_rest.set()

    def stats(self) -> ReceiverStats:
        """What became of records, and what is under way."""
        now = self._time.now()
        oldest = min(
            (parse_instant(one.as_of) for one in self._groups.first_records()), default=None
        )
        waiting = [outcome for told in self._told.values() for _, outcome in told.waiting()]
        return ReceiverStats(
            receiver=self.name,
            notifications={name: self._attempts.answers[name] for name in _ANSWERS},
            records={outcome: self._outcomes[outcome] for outcome in _OUTCOMES},
            postponed={outcome: waiting.count(outcome) for outcome in sorted(POSTPONED)},
            refused=sum(told.refused for told in self._told.values()),
            undelivered=self._groups.held,
            oldest_seconds=0.0 if oldest is None else max(0.0, (now - oldest) / SECOND),
            delays=self._delays.distribution(),
            failing=self._attempts.outage.is_told,
        )

    def _group(self, records: Iterable[object], told: Told, source: _Source) -> None:
        now_seconds, at = self._time.seconds(), self._time.now()
        for found in records:
            record = self._decoded(found, source.batch)
            if record is not None and not told.is_done(record):
                source.left += 1
                self._groups.add(record, source.batch.partition, source, now_seconds, at)

    def _decoded(self, found: object, batch: Batch) -> AlertRecord | None:
        try:
            return decode_record(getattr(found, "value", None) or b"")
        except msgspec.MsgspecError as error:
            logger.warning(
                "%s[%d] holds something that is no alert record: %s",
                *(batch.topic, batch.partition, error),
            )
            return None

    async def _step(self) -> bool:
        """Do what is to be done next; False where nothing is."""
        now_seconds = self._time.seconds()
        self._attempts.look()
        if self._notices:
            await self._tell_notice()
        elif self._resend_at is not None and now_seconds >= self._resend_at:
            await self._resend()
        elif group := self._groups.due(now_seconds):
            await self._tell_group(group)
        elif now_seconds >= self._look_at:
            await self._look_at_waiting(now_seconds)
        else:
            return False
        return True

    def _wait_seconds(self) -> float:
        """How long there is nothing to do."""
        instants = [
            self._look_at,
            self._groups.due_at_seconds(),
            self._resend_at,
            self._attempts.outage.told_at_seconds(),
        ]
        now_seconds = self._time.seconds()
        return max(0.0, min(at for at in instants if at is not None) - now_seconds)

    async def _tell_notice(self) -> None:
        notification, text = self._notices[0]
        answer = await self._attempts.ask(partial(self._receiver.deliver, notification, text))
        if answer is not None:
            self._notices.popleft()

    async def _resend(self) -> None:
        """Say again what is open, and what closed a moment ago."""
        since = self._time.now() - _RESOLVED_SECONDS * SECOND
        items = [
            self._desk.judge(record, None)
            for told in self._told.values()
            for record in (*told.open_records(), *told.resolved_since(since))
        ]
        if items:
            await self._attempts.ask(partial(self._receiver.resend, items))
        self._resend_at = self._time.seconds() + (self._receiver.resend_seconds or 0.0)

    async def _tell_group(self, group: Group) -> None:
        told = self._told[group.partition]
        records = list(group.records.values())
        sort = partial(sort_out, records, told, self._desk.judge, self._rule)
        if not await self._tell(group.partition, told, group.occasion, sort):
            return
        self._outcomes["suppressed"] += group.passed_over
        self._groups.settle(group)
        if not self._groups.is_full:
            self._room.set()

    async def _look_at_waiting(self, now_seconds: float) -> None:
        """Tell of what waited for the end of a mute time or a silence.

        A silence may end before its time, so that now and then all are looked at.
        """
        looks_at_all = now_seconds >= self._look_at_all_at
        for number, told in list(self._told.items()):
            due = [
                record
                for record, _ in told.waiting()
                if looks_at_all or (self._hidden_until.get(record.alert) or 0) <= self._time.now()
            ]
            if not due:
                continue
            accounts = {(record.seller, record.marketplace) for record in due}
            occasion: Occasion = "change" if len(accounts) == 1 else "summary"
            sort = partial(sort_waiting, due, told, self._desk.judge, self._rule)
            if not await self._tell(number, told, occasion, sort):
                return
        self._look_at = self._time.seconds() + _LOOK_SECONDS
        if looks_at_all:
            self._look_at_all_at = self._time.seconds() + _LOOK_AT_ALL_SECONDS

    async def _tell(
        self, number: int, told: Told, occasion: Occasion, sort: Callable[[Instant], Sorted]
    ) -> bool:
        """Sort records and tell of them, until it is done; False to let go.

        They are sorted anew before each attempt: what was silenced meanwhile is not told.
        """
        while not self._attempts.let_go.is_set():
            found = sort(self._time.now())
            answer = Answer(taken=True)
            if found.items:
                await self._intend(number, told, found.items)
                tried = await self._send(Notification(tuple(found.items), occasion))
                if tried is None:
                    continue
                answer = tried
            await self._remember(number, told, found, answer)
            return True
        return False

    async def _send(self, notification: Notification) -> Answer | None:
        text = self._desk.compose(notification, self.name)
        answer = await self._attempts.ask(partial(self._receiver.deliver, notification, text))
        if answer is not None and answer.taken:
            now = self._time.now()
            for item in notification.items:
                self._delays.note(max(0.0, (now - parse_instant(item.record.as_of)) / SECOND))
        return answer

    async def _intend(self, number: int, told: Told, items: Iterable[Item]) -> None:
        """Write down what is about to be told.

        Else a kill before the row of an opening would let its closing go unheard, where both
        are then read at once.
        """
        at = isoformat(self._time.now())
        rows = {
            item.record.alert: row
            for item in items
            if (row := row_sending(told.row(item.record.alert), item.record, at)) is not None
        }
        if rows:
            await self._rows.write(number, self.name, rows)
        for alert, row in rows.items():
            told.note(alert, row)

    async def _remember(self, number: int, told: Told, found: Sorted, answer: Answer) -> None:
        """Write the rows of all that was sorted, and only then count it as done."""
        at = isoformat(self._time.now())
        outcome: Outcome = "delivered" if answer.taken else "refused"
        rows = {
            item.record.alert: row_after(
                told.row(item.record.alert), item.record, outcome, at, answer.reason
            )
            for item in found.items
        }
        for record, aside in found.aside:
            row = row_after(told.row(record.alert), record, aside, at)
            if not _waits_already(told.row(record.alert), row):
                rows[record.alert] = row
        if rows:
            await self._rows.write(number, self.name, rows)
        for alert, row in rows.items():
            told.note(alert, row)
            self._outcomes[row.outcome] += 1
        self._hidden_until.update(found.until)

    def _rule(self, item: Item, at: Instant) -> Decision:
        return self._desk.rule(item, self.name, at)


def _waits_already(known: Row | None, row: Row) -> bool:
    """Whether a record that is postponed was so for the same reason before."""
    return (
        known is not None
        and row.outcome in POSTPONED
        and (known.outcome, known.seq, known.as_of) == (row.outcome, row.seq, row.as_of)
    )
