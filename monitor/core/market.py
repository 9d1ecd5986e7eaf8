"""A marketplace on one of its days: the policy in force, compiled for counting."""

from collections.abc import Callable, Iterable, Iterator
from datetime import date
from typing import NamedTuple, get_args
from zoneinfo import ZoneInfo

from monitor.core.calendar import Calendar
from monitor.core.events import FulfilledBy
from monitor.core.facts import Days, Order
from monitor.core.instants import Day, Instant
from monitor.core.metrics import METRICS
from monitor.core.metrics.metric import COUNTED, HIT, OUT, Fact, Metric, SubjectKind
from monitor.core.rules import CountOn, MarketplaceRules, MetricRule, Population, WindowDays
from monitor.core.series import Series
from monitor.core.windows import Frame, Lagged, frame_of, in_slot, tally

SeriesKey = tuple[int, str | None]
"""Index of the metric in the market's rules, and the category (None: all)."""

Held = tuple[int, int, int]
"""What an order contributes to one series: its slot, which of ``Order.days``, the tally."""

Judge = Callable[[Order, MetricRule, Instant], int]

OF_VERDICT = (tally(0, 0), tally(0, 1), tally(1, 0), tally(1, 1))
"""The tally of a verdict."""
assert OF_VERDICT[COUNTED | HIT] == tally(1, 1)

_NO_FLOOR = -(10**9)
_DAY_OF = {CountOn.ORDER: 0, CountOn.SHIP_BY: 1, CountOn.DELIVER_BY: 2}
# Far more than honest events lead to: a bound on what others can make it remember.
_REMEMBERED_MAX = 100_000


class OrderMetric(NamedTuple):
    """An order metric as the inner loop needs it; ``position`` is that in the rules.

    ``shift`` is where its two verdict bits lie in ``Order.verdict``, ``day_of`` which of
    ``Order.days`` it counts on, ``population`` who must have fulfilled an order (None: any).
    """

    position: int
    shift: int
    day_of: int
    population: str | None
    judge: Judge
    rule: MetricRule


class Judged(NamedTuple):
    """Some of the order metrics, as the inner loop needs them.

    ``of`` holds, by who fulfils an order, those whose population it is in: the shift, the place
    in ``Order.days``, the judge and its rule of each. ``others`` is a mask of the verdict bits
    of all other metrics.
    """

    of: dict[str, tuple[tuple[int, int, Judge, MetricRule], ...]]
    others: int


class Step(NamedTuple):
    """What an order's change from one verdict to another does to its account.

    ``touched`` has a bit per slot that changes; ``changes`` are, for each of ``Order.days`` on
    which any does, what to add to that day's bucket. ``turned`` are the metrics, by their
    place in the rules, of which the order now is on the bad side, or no longer is. ``verdict``
    is the one object that all orders of that verdict share.
    """

    verdict: int
    touched: int
    changes: tuple[tuple[int, int], ...]
    turned: tuple[tuple[int, bool], ...]


def _never(day: date) -> bool:  # noqa: ARG001
    return False


_NO_POLICY = MarketplaceRules(
    policy="", digest="", calendar=Calendar(ZoneInfo("UTC"), _never), metrics=()
)


class Market:
    """The rules of one marketplace and the frame of their windows on the current local day.

    A marketplace that no policy names is not ``known``: it keeps facts, and counts nothing.
    ``series`` are the keys of all series that the rules can give, by slot; ``answers_slot`` is
    that of the answer times, the last. ``uncovered`` are the places of the windows that begin
    before the instant from which on history is complete.
    """

    def __init__(self, name: str, rules: MarketplaceRules | None, now: Instant) -> None:
        self.name = name
        self._complete_from: Instant | None = None
        self.known = rules is not None
        self.rules = rules or _NO_POLICY
        self.calendar = self.rules.calendar
        self.metrics: tuple[Metric, ...] = tuple(
            METRICS[rule.metric] for rule in self.rules.metrics
        )
        self.index_of = {metric.name: index for index, metric in enumerate(self.metrics)}
        self._compile_order_metrics()
        self._compile_series()
        self.steps: dict[tuple[int, int, str | None], Step] = {}
        self._days: dict[Days, tuple[Days, Day | None]] = {}
        self._keys: dict[int, tuple[SeriesKey, ...]] = {}
        self.day = self.calendar.day_of(now)
        self._frame()

    def judge_order(self, plan: OrderMetric, order: Order, now: Instant) -> int:
        """The verdict of one metric on a placed order."""
        if order.days[plan.day_of] is None or plan.population not in (None, order.fulfilled_by):
            return OUT
        return plan.judge(order, plan.rule, now)

    def counts_like(self, other: "Market") -> bool:
        """Whether what was counted under the other holds under this one."""
        return self.known and other.known and self.rules.counts_like(other.rules)

    def turn(self, now: Instant) -> bool:
        """Move to the local day of an instant; whether it is another day."""
        day = self.calendar.day_of(now)
        if day == self.day:
            return False
        self.day = day
        self._frame()
        return True

    def cover(self, complete_from: Instant | None) -> None:
        """Say from which instant on history is complete; None: all of it is."""
        self._complete_from = complete_from
        self._frame()

    def rule(self, metric: str) -> MetricRule | None:
        """The rule of a metric, None where the policy does not compute it."""
        index = self.index_of.get(metric)
        return None if index is None else self.rules.metrics[index]

    def span(self, metric: str, window: WindowDays) -> tuple[Day, Day]:
        """The last day that has left a window of a metric, and the last day inside."""
        index = self.index_of[metric]
        position = self.rules.metrics[index].windows.index(window)
        return self.frame.spans[self.windows_of[index][position]]

    def date_order(self, order: Order) -> tuple[Days, Day | None]:
        """The days of a placed order and the latest on which a metric counts it.

        Settles its ship-by date under these rules. Equal days are one object for all orders.
        """
        calendar = self.calendar
        assert order.placed_at is not None
        order_day = calendar.day_of(order.placed_at)
        due_at = order.ship_by
        if due_at is None:
            due_at = calendar.end_of_handling(order_day, self.rules.handling_days)
        order.ship_due_at = due_at
        ship_day = calendar.day_of(due_at) if 1 in self._counted_days else None
        promised = order.deliver_by
        if promised is None or 2 not in self._counted_days:
            days: Days = (order_day, ship_day, None)
        else:
            days = (order_day, ship_day, calendar.day_of(promised))
        return self._days.get(days) or self._remember_days(days)

    def category_of(self, order: Order) -> str | None:
        """The category of an order, None where no series is kept for it."""
        return self._categories.get(order.category)

    def held(self, verdict: int, category: str | None) -> Iterator[Held]:
        """What an order of this verdict and category contributes to each series."""
        for metric in self.order_metrics:
            counted = OF_VERDICT[(verdict >> metric.shift) & 3]
            if counted:
                yield self.slots[metric.position, None], metric.day_of, counted
                if category in metric.rule.by_category:
                    yield self.slots[metric.position, category], metric.day_of, counted

    def step(self, was: int, verdict: int, category: str | None) -> Step:
        """What a change of verdict does to the account of an order with counted category.

        It is remembered in ``steps``, by the same three.
        """
        if len(self.steps) > _REMEMBERED_MAX:
            self.steps.clear()
        touched, by_day = 0, dict[int, int]()
        before, after = set(self.held(was, category)), set(self.held(verdict, category))
        for sign, found in ((-1, before - after), (1, after - before)):
            for slot, day_of, counted in found:
                touched |= 1 << slot
                by_day[day_of] = by_day.get(day_of, 0) + in_slot(slot, sign * counted)
        turned = tuple(
            (metric.position, is_bad)
            for metric in self.order_metrics
            if (is_bad := self._is_bad(metric, verdict)) != self._is_bad(metric, was)
        )
        step = Step(verdict, touched, tuple(by_day.items()), turned)
        self.steps[was, verdict, category] = step
        return step

    def keys_of(self, touched: int) -> tuple[SeriesKey, ...]:
        """The series of a mask with a bit per slot."""
        keys = self._keys.get(touched)
        if keys is None:
            if len(self._keys) > _REMEMBERED_MAX:
                self._keys.clear()
            found = enumerate(self.series)
            keys = self._keys[touched] = tuple(key for slot, key in found if touched >> slot & 1)
        return keys

    def _is_bad(self, metric: OrderMetric, verdict: int) -> bool:
        return verdict >> metric.shift & 3 == self.metrics[metric.position].bad_verdict

    def _frame(self) -> None:
        retention_days = self.rules.retention_days
        self.floor = self.day - retention_days if self.known else _NO_FLOOR
        self.turns_at = self.calendar.start_of(self.day + 1)
        """The first instant of the next local day."""
        start_of = self.calendar.start_of
        self.kept_from = start_of(self.floor + 1) if self.known else start_of(self.day)
        """The first instant of the days within retention."""
        self.frame: Frame = frame_of(self._windows, retention_days, self.day)
        complete_from = self._complete_from
        self.uncovered: frozenset[int] = frozenset(
            place
            for place, (left, _) in enumerate(self.frame.spans)
            if complete_from is not None and start_of(left + 1) < complete_from
        )

    def _compile_order_metrics(self) -> None:
        plans: list[OrderMetric] = []
        for index, (metric, rule) in enumerate(zip(self.metrics, self.rules.metrics, strict=True)):
            if metric.subject is SubjectKind.ORDER:
                day_of = _DAY_OF[rule.count_on]
                whose = None if rule.population is Population.ALL else rule.population.value
                plan = OrderMetric(index, 2 * len(plans), day_of, whose, metric.judge, rule)
                plans.append(plan)
        self.order_metrics = tuple(plans)
        self._counted_days = frozenset(plan.day_of for plan in plans) or {0}
        self.every = self._judged(plans)
        self.resting_on: dict[Fact, Judged] = {
            fact: self._judged(
                plan for plan in plans if fact in self.metrics[plan.position].rests_on
            )
            for fact in get_args(Fact)
        }
        turning = [plan for plan in plans if self.metrics[plan.position].turns_at is not None]
        self.turning = self._judged(turning)
        # Two metrics turn as one where an order is late; the grace is all of a rule that
        # any of these looks at.
        self.turns = tuple(
            {
                (turns_at, plan.rule.scan_grace): (turns_at, plan.rule)
                for plan in turning
                if (turns_at := self.metrics[plan.position].turns_at) is not None
            }.values()
        )

    def _judged(self, plans: Iterable[OrderMetric]) -> Judged:
        found = tuple(plans)
        own = sum(3 << plan.shift for plan in found)
        every = sum(3 << plan.shift for plan in self.order_metrics)
        of = {
            whose: tuple(
                (plan.shift, plan.day_of, plan.judge, plan.rule)
                for plan in found
                if plan.population in (None, whose)
            )
            for whose in get_args(FulfilledBy)
        }
        return Judged(of, every & ~own)

    def _compile_series(self) -> None:
        rules = self.rules.metrics
        self.series: tuple[SeriesKey, ...] = tuple(
            (index, category)
            for index, rule in enumerate(rules)
            for category in (None, *rule.by_category)
        )
        self.slots = {key: slot for slot, key in enumerate(self.series)}
        self.answers_slot = len(self.series)
        self._categories: dict[str | None, str] = {
            category: category for rule in rules for category in rule.by_category
        }
        lagged: dict[Lagged, int] = {}
        self.windows_of = tuple(
            tuple(
                lagged.setdefault((window, rule.lag_days), len(lagged)) for window in rule.windows
            )
            for rule in rules
        )
        self._windows = tuple(lagged)
        self.series_of = {key: self._series(*key) for key in self.series}

    def _series(self, index: int, category: str | None) -> Series:
        rule, metric = self.rules.metrics[index], self.metrics[index]
        return Series(
            rule,
            category,
            self.slots[index, category],
            tuple(zip(rule.windows, self.windows_of[index], strict=True)),
            only_counts=metric.only_counts,
            is_timed=metric.subject is SubjectKind.MESSAGE,
        )

    def _remember_days(self, days: Days) -> tuple[Days, Day | None]:
        if len(self._days) > _REMEMBERED_MAX:
            self._days.clear()
        counted = [day for day in (days[i] for i in self._counted_days) if day is not None]
        found = self._days[days] = (days, max(counted, default=days[0]))
        return found
