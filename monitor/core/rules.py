"""A policy as the core needs it: frozen values, exact numbers, no file and no text to parse."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from fractions import Fraction
from typing import Literal

from monitor.core.calendar import Calendar
from monitor.core.instants import DAY, HOUR, Day, Instant

WindowDays = int | Literal["all"]
ItemKind = Literal["shipment", "reply", "return_answer", "claim_answer"]
Severity = Literal["info", "warning", "critical"]


class Comparison(StrEnum):
    """How a limit is compared; the first two where high is bad, the others where low is."""

    UNDER = "under"
    AT_MOST = "at most"
    AT_LEAST = "at least"
    OVER = "over"


class Population(StrEnum):
    """Which orders an order metric counts, by who ships them."""

    ALL = "all"
    SELLER = "seller"
    MARKETPLACE = "marketplace"


class CountOn(StrEnum):
    """The date that fixes an order's counting day."""

    ORDER = "order"
    SHIP_BY = "ship_by"
    DELIVER_BY = "deliver_by"


@dataclass(frozen=True, slots=True)
class Limit:
    """``under 1%`` as a comparison and an exact value (a fraction, or a number of items)."""

    comparison: Comparison
    value: Fraction


@dataclass(frozen=True, slots=True)
class AlertRule:
    """When the series of a metric speak, and how loudly (contract, "A policy file").

    A worse level opens once it has lasted ``hold`` and closes once a better one has lasted
    ``recovery_hold``; it is better only where ``clear_margin`` more defects would leave it so.
    ``approach_headroom``: a series also approaches while no more than so many may turn bad.
    Below ``volume_min`` counted orders an alert speaks in counts and, unless
    ``page_below_volume_min``, with severity ``info``. Durations are microseconds.
    """

    hold: int = 0
    recovery_hold: int = 0
    clear_margin: int = 1
    approach_headroom: int | None = None
    volume_min: int = 0
    page_below_volume_min: bool = True
    repeat_every: int | None = None
    severity_approaching: Severity = "warning"
    severity_breached: Severity = "critical"


@dataclass(frozen=True, slots=True)
class DeadlineRule:
    """When a seller's open items of a kind speak: ``warn_before`` the first one is due.

    Said again at most ``repeat_every``, and only where more items wait than were said.
    """

    warn_before: int
    repeat_every: int | None = HOUR
    severity_approaching: Severity = "warning"
    severity_breached: Severity = "critical"
    runbook: str = ""


@dataclass(frozen=True, slots=True)
class MetricRule:
    """What one metric counts for one marketplace.

    Every metric has all fields; a metric reads only its own (contract, "A policy file").
    Durations are microseconds.
    """

    metric: str
    windows: tuple[WindowDays, ...]
    limit: Limit
    approach: Fraction | None = None
    lag_days: int = 0
    source: str = ""
    runbook: str = ""
    count_on: CountOn = CountOn.ORDER
    population: Population = Population.ALL
    negative_rating_max: int = 2
    guarantee_claims: Literal["all", "unless_cleared"] = "all"
    chargeback_kinds: frozenset[str] = frozenset()
    cancelled_by: frozenset[str] = frozenset({"seller"})
    excused_reasons: frozenset[str] = frozenset()
    answer_within: int = 48 * HOUR
    reply_within: int = 24 * HOUR
    scan_grace: int = 72 * HOUR
    claim_within: int | None = None
    by_category: Mapping[str, Limit] = field(default_factory=dict)
    alert: AlertRule = AlertRule()


@dataclass(frozen=True, slots=True)
class MarketplaceRules:
    """The policy in force for one marketplace: its calendar and its metrics, sorted by name.

    Deadlines alert for the kinds that have a rule. ``heartbeat_within``: a feed that has sent
    heartbeats is silent where none came for so long (microseconds; None: not watched).
    """

    policy: str
    """Name of the policy."""
    digest: str
    """SHA-256 of the policy's canonical form, hexadecimal."""
    calendar: Calendar
    metrics: tuple[MetricRule, ...]
    retention_days: int = 400
    handling_days: int = 2
    deadlines: Mapping[ItemKind, DeadlineRule] = field(default_factory=dict)
    heartbeat_within: int | None = None
    canonical: str = field(default="", repr=False)
    """The policy's canonical form; empty where it comes from no policy file."""

    def counts_like(self, other: "MarketplaceRules") -> bool:
        """Whether both count the same; they may differ in limits, names and texts."""
        return _counting(self) == _counting(other)

    def rule(self, metric: str) -> MetricRule | None:
        """The rule of a metric, or None where the policy does not compute it."""
        return next((rule for rule in self.metrics if rule.metric == metric), None)


@dataclass(frozen=True, slots=True)
class Era:
    """Rules and the local day from which they are in force (None: always were)."""

    valid_from_day: Day | None
    rules: MarketplaceRules

    @property
    def starts_at(self) -> Instant | None:
        """The first instant of the era, in the marketplace's own time zone."""
        if self.valid_from_day is None:
            return None
        return self.rules.calendar.start_of(self.valid_from_day)


@dataclass(frozen=True, slots=True)
class Rulebook:
    """All policies, by marketplace; ``"*"`` holds the eras of every other marketplace."""

    eras: Mapping[str, tuple[Era, ...]]

    @property
    def canonical_forms(self) -> dict[str, str]:
        """The canonical forms of the policies that come from files, by digest."""
        every = [era.rules for eras in self.eras.values() for era in eras]
        return {rules.digest: rules.canonical for rules in every if rules.canonical}

    def in_force(self, marketplace: str, at: Instant) -> MarketplaceRules | None:
        """The rules for a marketplace at an instant; None where no policy names it.

        The latest era not after the local day wins; a named marketplace beats ``"*"``.
        """
        for name in (marketplace, "*"):
            begun = [
                era
                for era in self.eras.get(name, ())
                if era.valid_from_day is None or era.valid_from_day <= era.rules.calendar.day_of(at)
            ]
            if begun:
                return max(begun, key=_begin_day).rules
        return None

    def ends_at(self, marketplace: str, at: Instant) -> Instant | None:
        """When the rules of an instant are replaced by others; None where no others follow."""
        eras = self.eras.get(marketplace) or self.eras.get("*", ())
        starts = (era.starts_at for era in eras)
        return min((start for start in starts if start is not None and start > at), default=None)

    def next_change_at(self, after: Instant) -> Instant | None:
        """The first instant after ``after`` at which some era begins."""
        starts = (era.starts_at for eras in self.eras.values() for era in eras)
        return min((at for at in starts if at is not None and at > after), default=None)


def _begin_day(era: Era) -> int:
    return -DAY if era.valid_from_day is None else era.valid_from_day


def _counting(rules: MarketplaceRules) -> tuple[object, ...]:
    """What decides what is counted."""
    nothing = Limit(Comparison.UNDER, Fraction(1))
    metrics = tuple(
        replace(
            rule,
            limit=nothing,
            approach=None,
            source="",
            runbook="",
            by_category=dict.fromkeys(rule.by_category, nothing),
            alert=AlertRule(),
        )
        for rule in rules.metrics
    )
    return (metrics, rules.calendar, rules.retention_days, rules.handling_days)
