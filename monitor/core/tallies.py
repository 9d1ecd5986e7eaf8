"""The counters of one account: what each subject contributes, and the series it moves.

A series is never incremented by an event. What a subject contributes is judged anew from its
facts, compared with what the series hold of it, and only the difference moves them.
"""

from collections.abc import Iterator

from monitor.core.facts import Message, Order, Subject
from monitor.core.instants import Day, Instant
from monitor.core.market import Market
from monitor.core.metrics.metric import COUNTED, HIT
from monitor.core.readings import MovedBy
from monitor.core.windows import Series, tally

SeriesKey = tuple[int, str | None]
"""Index of the metric in the market's rules, and the category (None: all)."""

_OF_VERDICT = (tally(0, 0), tally(0, 1), tally(1, 0), tally(1, 1))
assert _OF_VERDICT[COUNTED | HIT] == tally(1, 1)


class Tallies:
    """The series of one seller in one marketplace.

    ``touched`` collects the series that changed since it was last cleared, and what moved
    them last, which whoever moves them says in ``moved_by``.
    """

    __slots__ = ("_answer_times", "_market", "_series", "moved_by", "touched")

    def __init__(self, market: Market, moved_by: MovedBy = "events") -> None:
        self._market = market
        self._series: dict[SeriesKey, Series] = {}
        self._answer_times: Series | None = None
        self.touched: dict[SeriesKey, MovedBy] = {}
        self.moved_by = moved_by

    def redate(self, order: Order) -> None:
        """Bring ship-by date, counting days and category in step with an order's facts.

        What the series hold of the order moves along.
        """
        if order.placed_at is None:
            return
        was_days, was_category = order.days, order.counted_category
        days = order.days = self._days(order)
        category = order.counted_category = order.category
        order.day = self._latest_day(days)
        if not order.verdict or (was_days == days and was_category == category):
            return
        for index, shift, day_of, _, _, rule in self._market.order_metrics:
            verdict = (order.verdict >> shift) & 3
            was_day, day = was_days[day_of], days[day_of]
            if was_day != day:
                self._move((index, None), was_day, verdict, day, verdict)
            if rule.by_category:
                self._recategorise(index, was_category, was_day, -_OF_VERDICT[verdict])
                self._recategorise(index, category, day, _OF_VERDICT[verdict])
            if day is None:
                order.verdict &= ~(3 << shift)

    def recount_order(self, order: Order, now: Instant) -> None:
        """Bring the order metrics in step with the facts of an order."""
        if order.placed_at is None:
            return
        verdict = 0
        days, fulfilled_by = order.days, order.fulfilled_by
        for _, shift, day_of, population, judge, rule in self._market.order_metrics:
            if days[day_of] is not None and (population is None or population == fulfilled_by):
                verdict |= judge(order, rule, now) << shift
        moved = verdict ^ order.verdict
        if not moved:
            return
        for index, shift, day_of, _, _, rule in self._market.order_metrics:
            if (moved >> shift) & 3:
                day = days[day_of]
                was, is_now = (order.verdict >> shift) & 3, (verdict >> shift) & 3
                self._move((index, None), day, was, day, is_now)
                if order.counted_category in rule.by_category:
                    change = _OF_VERDICT[is_now] - _OF_VERDICT[was]
                    self._recategorise(index, order.counted_category, day, change)
        order.verdict = verdict

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
                self._move((index, None), subject.day, subject.verdict, day, verdict)
                subject.verdict = verdict
        subject.day = day

    def recount_answer(self, message: Message, was_day: Day | None) -> None:
        """Bring the answer times in step with a message; ``was_day`` is where it counted."""
        index = self._market.index_of.get("contact_response_rate")
        micros = message.answer_micros
        if index is None or (micros is None and message.counted_answer is None):
            return
        frame = self._market.frames[index]
        if self._answer_times is None:
            self._answer_times = Series(frame)
        if message.counted_answer is not None and was_day is not None:
            self._answer_times.add(frame, was_day, -tally(message.counted_answer, 1))
        if micros is not None and message.day is not None:
            self._answer_times.add(frame, message.day, tally(micros, 1))
        message.counted_answer = micros
        self.touched[index, None] = self.moved_by

    def next_turn(self, order: Order, now: Instant) -> Instant | None:
        """The next instant at which time alone may change a verdict on an order."""
        if order.placed_at is None:
            return None
        earliest = None
        for turns_at, rule in self._market.turning:
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

    def touch_all(self, moved_by: MovedBy) -> None:
        """Note that every series moved."""
        self.touched.update(dict.fromkeys(self._series, moved_by))

    def keys(self) -> Iterator[SeriesKey]:
        """All series there are."""
        return iter(self._series)

    def sums(self, key: SeriesKey) -> list[int]:
        """The tally of each window of a series."""
        return self._series[key].sums(self._market.frames[key[0]])

    def answer_sums(self, index: int) -> list[int]:
        """Answer time in microseconds and number of answers, per window, as tallies."""
        frame = self._market.frames[index]
        if self._answer_times is None:
            return [0] * len(frame.spans)
        return self._answer_times.sums(frame)

    def _move(
        self, key: SeriesKey, was_day: Day | None, was: int, day: Day | None, verdict: int
    ) -> None:
        if was_day == day:
            self._add(key, day, _OF_VERDICT[verdict] - _OF_VERDICT[was])
        else:
            self._add(key, was_day, -_OF_VERDICT[was])
            self._add(key, day, _OF_VERDICT[verdict])

    def _recategorise(self, index: int, category: str | None, day: Day | None, change: int) -> None:
        if category in self._market.rules.metrics[index].by_category:
            self._add((index, category), day, change)

    def _add(self, key: SeriesKey, day: Day | None, change: int) -> None:
        if day is None or not change:
            return
        series = self._series.get(key)
        frame = self._market.frames[key[0]]
        if series is None:
            series = self._series[key] = Series(frame)
        series.add(frame, day, change)
        self.touched[key] = self.moved_by

    def _days(self, order: Order) -> tuple[Day | None, Day | None, Day | None]:
        """Order day and promise days; settles the ship-by date under these rules."""
        market = self._market
        calendar = market.calendar
        assert order.placed_at is not None
        order_day = calendar.day_of(order.placed_at)
        due_at = order.ship_by
        if due_at is None:
            due_at = calendar.end_of_handling(order_day, market.rules.handling_days)
        order.ship_due_at = due_at
        counted = market.counted_days
        ship_day = calendar.day_of(due_at) if 1 in counted else None
        promised = order.deliver_by
        deliver_day = calendar.day_of(promised) if 2 in counted and promised is not None else None
        return order_day, ship_day, deliver_day

    def _latest_day(self, days: tuple[Day | None, Day | None, Day | None]) -> Day | None:
        known = [day for day in (days[i] for i in self._market.counted_days) if day is not None]
        return max(known, default=days[0])
