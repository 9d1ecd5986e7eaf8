"""The counters of one account: what each subject contributes, and the series it moves.

A series is never incremented by an event. What a subject contributes is judged anew from its
facts, compared with what the series hold of it, and only the difference moves them.
"""

from collections.abc import Iterator

from monitor.core.facts import Message, Order, Return, Subject
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

    def recount_order(self, order: Order, now: Instant) -> None:
        """Bring the order metrics in step with the facts of an order."""
        market = self._market
        verdict, days = 0, order.days
        if order.placed_at is not None:
            days = self._days(order)
            for _, shift, day_of, judge, rule in market.order_metrics:
                if days[day_of] is not None:
                    verdict |= judge(order, rule, now) << shift
        category = order.category
        if verdict == order.verdict and days == order.days and category == order.counted_category:
            return
        for index, shift, day_of, _, rule in market.order_metrics:
            was = (order.verdict >> shift) & 3
            now_is = (verdict >> shift) & 3
            was_day, day = order.days[day_of], days[day_of]
            if was != now_is or was_day != day:
                self._move((index, None), was_day, was, day, now_is)
            if rule.by_category:
                if order.counted_category in rule.by_category:
                    self._move((index, order.counted_category), was_day, was, None, 0)
                if category in rule.by_category:
                    self._move((index, category), None, 0, day, now_is)
        order.verdict, order.days, order.counted_category = verdict, days, category
        order.day = self._latest_day(days)

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
        if index is None or (micros == message.counted_answer and was_day == message.day):
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
        turns = (turns_at(order, rule) for turns_at, rule in self._market.turning)
        return min((at for at in turns if at is not None and at > now), default=None)

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

    def by_day(self, key: SeriesKey) -> dict[Day, int]:
        """The tally of each counting day of a series."""
        return self._series[key].by_day()

    def _move(
        self, key: SeriesKey, was_day: Day | None, was: int, day: Day | None, verdict: int
    ) -> None:
        series = self._series.get(key)
        frame = self._market.frames[key[0]]
        if series is None:
            series = self._series[key] = Series(frame)
        if was_day == day and day is not None:
            series.add(frame, day, _OF_VERDICT[verdict] - _OF_VERDICT[was])
        else:
            if was and was_day is not None:
                series.add(frame, was_day, -_OF_VERDICT[was])
            if verdict and day is not None:
                series.add(frame, day, _OF_VERDICT[verdict])
        self.touched[key] = self.moved_by

    def _days(self, order: Order) -> tuple[Day | None, Day | None, Day | None]:
        """Order day and promise days; also settles the ship-by date under these rules."""
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
