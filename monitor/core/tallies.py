"""The counters of one account: what each subject contributes, and the series it moves.

A series is never incremented by an event. What a subject contributes is judged anew from its
facts, compared with what the series hold of it, and only the difference moves them.
"""

from collections.abc import Iterable, Iterator

from monitor.core.facts import Message, Order, Subject
from monitor.core.instants import Day, Instant
from monitor.core.market import OF_VERDICT, Held, Judged, Market, SeriesKey
from monitor.core.windows import Buckets, in_slot, tally


class Tallies:
    """The series of one seller in one marketplace.

    They remember which of them were touched, and, per metric, who is on its bad side: an alert
    names them, and should not have to look for a few among all orders.
    """

    __slots__ = ("_bad", "_buckets", "_known", "_market", "_pending", "_touched")

    def __init__(self, market: Market) -> None:
        self._market = market
        self._buckets = Buckets(market.frame)
        self._pending = self._buckets.pending
        self._known = 0
        self._bad: dict[int, set[Subject]] = {}
        self._touched = 0

    def adopt(self, market: Market) -> None:
        """Go on under another policy that counts the same."""
        self._market = market
        self.touch_all()

    def redate(self, order: Order) -> None:
        """Bring ship-by date, counting days and category in step with an order's facts.

        What the series hold of the order moves along.
        """
        if order.placed_at is None:
            return
        was_days, was_category = order.days, order.counted_category
        order.days, order.day = self._market.date_order(order)
        order.counted_category = self._market.category_of(order)
        if not order.verdict or (was_days == order.days and was_category == order.counted_category):
            return
        before = self._held(order.verdict, was_days, was_category)
        after = self._held(order.verdict, order.days, order.counted_category)
        for slot, day, counted in before - after:
            self._add(slot, day, -counted)
        for slot, day, counted in after - before:
            self._add(slot, day, counted)

    def recount_order(self, order: Order, now: Instant, judged: Judged) -> None:
        """Bring order metrics in step with the facts of an order.

        Args:
            order: the order.
            now: the instant.
            judged: the metrics that can have changed.
        """
        if order.placed_at is None:
            return
        was, days = order.verdict, order.days
        verdict = was & judged.others
        for shift, day_of, judge, rule in judged.of[order.fulfilled_by]:
            if days[day_of] is not None:
                verdict |= judge(order, rule, now) << shift
        if verdict == was:
            return
        move = (was, verdict, order.counted_category)
        step = self._market.steps.get(move) or self._market.step(*move)
        order.verdict = step.verdict
        self._touched |= step.touched
        pending = self._pending
        for day_of, change in step.changes:
            day = days[day_of]
            assert day is not None
            pending[day] = pending.get(day, 0) + change
        for index, is_bad in step.turned:
            self._note_side(index, order, is_bad=is_bad)

    def recount(self, metric: str, subject: Subject, at: Instant | None, now: Instant) -> None:
        """Bring the metric of a return, message, vote or violation in step with its facts.

        Args:
            metric: the one metric that counts such subjects.
            at: the instant whose local day is the counting day, None while unknown.
        """
        market = self._market
        day = None if at is None else market.calendar.day_of(at)
        index = market.index_of.get(metric)
        if index is not None:
            verdict = market.metrics[index].judge(subject, market.rules.metrics[index], now)
            if verdict != subject.verdict or day != subject.day:
                self._move(index, subject.day, subject.verdict, day, verdict)
                subject.verdict = verdict
                is_bad = verdict == market.metrics[index].bad_verdict
                self._note_side(index, subject, is_bad=is_bad)
        subject.day = day

    def recount_answer(self, message: Message, was_day: Day | None) -> None:
        """Bring the answer times in step with a message; ``was_day`` is where it counted."""
        index = self._market.index_of.get("contact_response_rate")
        was, micros = message.counted_answer, message.answer_micros
        if index is None or (micros is None and was is None):
            return
        slot = self._market.answers_slot
        if was is not None and was_day is not None:
            self._buckets.add(was_day, in_slot(slot, -tally(was, 1)))
        if micros is not None and message.day is not None:
            self._buckets.add(message.day, in_slot(slot, tally(micros, 1)))
        message.counted_answer = micros
        self._touch(self._market.slots[index, None])

    def bad_side(self, index: int) -> Iterable[Subject]:
        """The subjects on the bad side of a metric, in no order, of days long gone too."""
        return self._bad.get(index, ())

    def forget(self, subject: Subject) -> None:
        """Let go of a subject that counts nowhere any more."""
        for bad in self._bad.values():
            bad.discard(subject)

    def next_turn(self, order: Order, now: Instant) -> Instant | None:
        """The next instant at which time alone may change a verdict on an order."""
        if order.placed_at is None:
            return None
        earliest = None
        for turns_at, rule in self._market.turns:
            at = turns_at(order, rule)
            if at is not None and at > now and (earliest is None or at < earliest):
                earliest = at
        return earliest

    def next_turn_of(self, metric: str, subject: Subject, now: Instant) -> Instant | None:
        """The same for a return or message."""
        index = self._market.index_of.get(metric)
        if index is None or (turns_at := self._market.metrics[index].turns_at) is None:
            return None
        at = turns_at(subject, self._market.rules.metrics[index])
        return at if at is not None and at > now else None

    def touch_all(self) -> None:
        """Note that every series moved."""
        self._touched |= self._known

    def take_touched(self) -> tuple[SeriesKey, ...]:
        """The series touched since this was last called."""
        self._known |= self._touched
        touched, self._touched = self._touched, 0
        return self._market.keys_of(touched)

    def keys(self) -> tuple[SeriesKey, ...]:
        """All series that anything was ever counted in."""
        return self._market.keys_of(self._known | self._touched)

    def window_sums(self) -> list[int]:
        """The bucket sum of each window of the market; not to be changed by the caller."""
        return self._buckets.sums(self._market.frame)

    def leaving(self, days: int) -> list[int]:
        """Per window of the market, the bucket sum of the days that leave it within ``days``."""
        return self._buckets.leaving(self._market.frame, days)

    def _held(
        self, verdict: int, days: tuple[Day | None, ...], category: str | None
    ) -> set[tuple[int, Day | None, int]]:
        """What an order contributes: slot, counting day and tally."""
        held: Iterator[Held] = self._market.held(verdict, category)
        return {(slot, days[day_of], counted) for slot, day_of, counted in held}

    def _move(self, index: int, was_day: Day | None, was: int, day: Day | None, now: int) -> None:
        slot = self._market.slots[index, None]
        if was_day == day:
            self._add(slot, day, OF_VERDICT[now] - OF_VERDICT[was])
        else:
            self._add(slot, was_day, -OF_VERDICT[was])
            self._add(slot, day, OF_VERDICT[now])

    def _note_side(self, index: int, subject: Subject, *, is_bad: bool) -> None:
        bad = self._bad.get(index)
        if is_bad:
            if bad is None:
                bad = self._bad[index] = set()
            bad.add(subject)
        elif bad is not None and subject in bad:
            bad.remove(subject)
            # A set keeps the size of the worst day, when all orders were to be delivered late.
            if not len(bad) & (len(bad) - 1):
                self._bad[index] = set(bad)

    def _add(self, slot: int, day: Day | None, change: int) -> None:
        if day is not None and change:
            self._buckets.add(day, in_slot(slot, change))
            self._touch(slot)

    def _touch(self, slot: int) -> None:
        self._touched |= 1 << slot
