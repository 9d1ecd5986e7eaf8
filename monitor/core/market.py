"""A marketplace on one of its days: the policy in force, compiled for counting."""

from collections.abc import Callable
from datetime import date
from typing import NamedTuple
from zoneinfo import ZoneInfo

from monitor.core.calendar import Calendar
from monitor.core.facts import Order
from monitor.core.instants import Instant
from monitor.core.metrics import METRICS
from monitor.core.metrics.metric import OUT, Metric, SubjectKind
from monitor.core.rules import CountOn, MarketplaceRules, MetricRule, Population
from monitor.core.windows import Frame, frame_of

_NO_FLOOR = -(10**9)
_DAY_OF = {CountOn.ORDER: 0, CountOn.SHIP_BY: 1, CountOn.DELIVER_BY: 2}


class OrderMetric(NamedTuple):
    """An order metric as the inner loop needs it; ``position`` is that in the rules.

    ``shift`` is where its two verdict bits lie in ``Order.verdict``, ``day_of`` which of
    ``Order.days`` it counts on, ``population`` who must have fulfilled an order (None: any).
    """

    position: int
    shift: int
    day_of: int
    population: str | None
    judge: Callable[[Order, MetricRule, Instant], int]
    rule: MetricRule


def _never(day: date) -> bool:  # noqa: ARG001
    return False


_NO_POLICY = MarketplaceRules(
    policy="", digest="", calendar=Calendar(ZoneInfo("UTC"), _never), metrics=()
)


class Market:
    """The rules of one marketplace and the frames of its metrics on the current local day.

    A marketplace that no policy names is not ``known``: it keeps facts, and counts nothing.
    """

    def __init__(self, name: str, rules: MarketplaceRules | None, now: Instant) -> None:
        self.name = name
        self.known = rules is not None
        self.rules = rules or _NO_POLICY
        self.calendar = self.rules.calendar
        self.metrics: tuple[Metric, ...] = tuple(
            METRICS[rule.metric] for rule in self.rules.metrics
        )
        self.order_metrics = self._order_metrics()
        self.turning = tuple(
            (metric.turns_at, rule)
            for metric, rule in zip(self.metrics, self.rules.metrics, strict=True)
            if metric.turns_at is not None and metric.subject is SubjectKind.ORDER
        )
        self.counted_days = frozenset(plan.day_of for plan in self.order_metrics) or {0}
        self.index_of = {metric.name: index for index, metric in enumerate(self.metrics)}
        self.day = self.calendar.day_of(now)
        self._frame()

    def judge_order(self, plan: OrderMetric, order: Order, now: Instant) -> int:
        """The verdict of one metric on a placed order."""
        if order.days[plan.day_of] is None or plan.population not in (None, order.fulfilled_by):
            return OUT
        return plan.judge(order, plan.rule, now)

    def turn(self, now: Instant) -> bool:
        """Move to the local day of an instant; whether it is another day."""
        day = self.calendar.day_of(now)
        if day == self.day:
            return False
        self.day = day
        self._frame()
        return True

    def rule(self, metric: str) -> MetricRule | None:
        """The rule of a metric, None where the policy does not compute it."""
        index = self.index_of.get(metric)
        return None if index is None else self.rules.metrics[index]

    def _frame(self) -> None:
        retention_days = self.rules.retention_days
        self.floor = self.day - retention_days if self.known else _NO_FLOOR
        self.frames: tuple[Frame, ...] = tuple(
            frame_of(rule, retention_days, self.day) for rule in self.rules.metrics
        )

    def _order_metrics(self) -> tuple[OrderMetric, ...]:
        plans: list[OrderMetric] = []
        for index, (metric, rule) in enumerate(zip(self.metrics, self.rules.metrics, strict=True)):
            if metric.subject is SubjectKind.ORDER:
                day_of = _DAY_OF[rule.count_on]
                whose = None if rule.population is Population.ALL else rule.population.value
                plan = OrderMetric(index, 2 * len(plans), day_of, whose, metric.judge, rule)
                plans.append(plan)
        return tuple(plans)
