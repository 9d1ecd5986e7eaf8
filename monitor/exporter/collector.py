"""The collector: a snapshot as metric families, made anew for each scrape."""

from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction

from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

from monitor import __version__
from monitor.core.instants import SECOND
from monitor.core.metrics import METRICS
from monitor.core.readings import Level, OpenItems, Reading
from monitor.core.rules import Limit, MarketplaceRules, MetricRule, Rulebook
from monitor.exporter import families as names
from monitor.exporter.families import Family
from monitor.exporter.page import Labels
from monitor.exporter.selection import Selection, select
from monitor.snapshot import PartitionStats, RawInputStats, Snapshot

SERIES_MAX = 50_000


class SnapshotCollector(Collector):
    """What Prometheus sees of a worker; what is gone from the snapshot is gone from here.

    Args:
        latest: the present snapshot; None before the first one.
        rulebook: the policies, for limits and policy info.
        series_max: how many series all families may have together. Where the sellers need
            more, those nearest their limits have their own and the rest are summed.
    """

    def __init__(
        self,
        latest: Callable[[], Snapshot | None],
        rulebook: Rulebook,
        series_max: int = SERIES_MAX,
    ) -> None:
        self._latest = latest
        self._rulebook = rulebook
        self._series_max = series_max

    def collect(self) -> Iterator[Metric]:
        """All families, each once."""
        snapshot = self._latest()
        page = _Page()
        page.add(names.BUILD_INFO, (__version__,), 1)
        if snapshot is not None:
            page.add(names.EVALUATED, (), snapshot.as_of / SECOND)
            unknown = len(snapshot.unknown_marketplaces)
            page.add(names.UNKNOWN_MARKETPLACES, (), unknown)
            _add_policies(page, snapshot, self._rulebook)
            _add_partitions(page, snapshot.partitions)
            _add_raw_inputs(page, snapshot.raw_inputs)
            room = self._series_max - page.series - _SERIES_OF_LEFT_OUT
            _add_sellers(page, select(snapshot, room))
        yield from page.families.values()


class _Page:
    """Families as they fill up."""

    def __init__(self) -> None:
        self.families: dict[str, Metric] = {}

    @property
    def series(self) -> int:
        return sum(len(family.samples) for family in self.families.values())

    def samples(self, family: Family) -> list[Sample]:
        """The samples of a family, to be appended to."""
        made = self.families.get(family.name)
        if made is None:
            made = self.families[family.name] = family.empty()
        return made.samples

    def add(self, family: Family, values: tuple[str | None, ...], value: float) -> None:
        """One sample; a label whose value is None is left out."""
        labels = Labels(family.labels, values)
        self.samples(family).append(Sample(family.name, labels, value))


def _add_sellers(page: _Page, chosen: Selection) -> None:
    _add_readings(page, chosen.readings)
    for item in chosen.open_items:
        labels = (item.seller, item.marketplace, item.kind)
        page.add(names.OPEN_ITEMS, labels, item.open)
        page.add(names.OVERDUE_ITEMS, labels, item.overdue)
        if item.first_due_at is not None:
            page.add(names.FIRST_DUE, labels, item.first_due_at / SECOND)
    _add_others(page, chosen.other_readings, chosen.other_items)


def _add_readings(page: _Page, readings: Iterable[Reading]) -> None:
    """The inner loop of a scrape: labels are made once for the samples of a reading."""
    ratios, numerators = page.samples(names.RATIO), page.samples(names.NUMERATOR)
    denominators, levels = page.samples(names.DENOMINATOR), page.samples(names.LEVEL)
    headrooms = page.samples(names.HEADROOM)
    label_names = names.RATIO.labels
    ratio, numerator, denominator, level, headroom = (
        names.RATIO.name,
        names.NUMERATOR.name,
        names.DENOMINATOR.name,
        names.LEVEL.name,
        names.HEADROOM.name,
    )
    for reading in readings:
        labels = Labels(label_names, (reading.seller, *_series(reading)))
        numerators.append(Sample(numerator, labels, reading.numerator))
        levels.append(Sample(level, labels, names.LEVEL_CODES[reading.level]))
        if reading.denominator is not None:
            denominators.append(Sample(denominator, labels, reading.denominator))
            if reading.denominator:
                quotient = reading.numerator / reading.denominator
                ratios.append(Sample(ratio, labels, quotient))
        if reading.headroom is not None:
            headrooms.append(Sample(headroom, labels, reading.headroom))


def _add_others(page: _Page, readings: Iterable[Reading], items: Iterable[OpenItems]) -> None:
    """Sums over the sellers left out; numerators and denominators, never ratios."""
    sums: dict[tuple[Family, tuple[str | None, ...]], int] = {}
    sellers = set()
    levels = dict.fromkeys(Level, 0)

    def add(family: Family, labels: tuple[str | None, ...], amount: int) -> None:
        sums[family, labels] = sums.get((family, labels), 0) + amount

    for reading in readings:
        sellers.add(reading.seller)
        levels[reading.level] += 1
        add(names.OTHERS_NUMERATOR, _series(reading), reading.numerator)
        if reading.denominator is not None:
            add(names.OTHERS_DENOMINATOR, _series(reading), reading.denominator)
    for item in items:
        sellers.add(item.seller)
        add(names.OTHERS_OPEN_ITEMS, (item.marketplace, item.kind), item.open)
        add(names.OTHERS_OVERDUE_ITEMS, (item.marketplace, item.kind), item.overdue)
    for (family, labels), amount in sums.items():
        page.add(family, labels, amount)
    page.add(names.LEFT_OUT_SELLERS, (), len(sellers))
    for level, count in levels.items():
        page.add(names.LEFT_OUT_READINGS, (level.value,), count)


_SERIES_OF_LEFT_OUT = 1 + len(Level)


def _add_policies(page: _Page, snapshot: Snapshot, rulebook: Rulebook) -> None:
    """The policy in force for each marketplace that is named or was seen."""
    seen = {reading.marketplace for reading in snapshot.readings}
    for marketplace in sorted(seen | rulebook.eras.keys() - {"*"}):
        rules = rulebook.in_force(marketplace, snapshot.as_of)
        if rules is None:
            continue
        page.add(names.POLICY_INFO, (marketplace, rules.policy, rules.digest), 1)
        for rule in rules.metrics:
            _add_limits(page, marketplace, rules, rule)


def _add_limits(page: _Page, marketplace: str, rules: MarketplaceRules, rule: MetricRule) -> None:
    limits: dict[str | None, Limit] = {None: rule.limit}
    limits.update(rule.by_category)
    counts = METRICS[rule.metric].only_counts
    limit_family = names.LIMIT_ITEMS if counts else names.LIMIT_RATIO
    approach_family = names.APPROACH_ITEMS if counts else names.APPROACH_RATIO
    for window in rule.windows:
        for category, limit in limits.items():
            series = (rules.policy, marketplace, rule.metric, str(window), category)
            labels = (*series, limit.comparison.value)
            page.add(limit_family, labels, _number(limit.value))
            if rule.approach is not None:
                page.add(approach_family, labels, _number(rule.approach))


def _add_partitions(page: _Page, partitions: Iterable[PartitionStats]) -> None:
    for stats in partitions:
        labels = (stats.topic, str(stats.partition))
        page.add(names.EVENTS, labels, stats.events)
        page.add(names.INVALID, labels, stats.invalid)
        page.add(names.REDUNDANT, labels, stats.redundant)
        page.add(names.LATE, labels, stats.late)
        page.add(names.LAG, labels, stats.lag)
        page.add(names.READY, labels, int(stats.ready))
        if stats.last_event_at is not None:
            page.add(names.LAST_EVENT, labels, stats.last_event_at / SECOND)


def _add_raw_inputs(page: _Page, raw_inputs: Iterable[RawInputStats]) -> None:
    for stats in raw_inputs:
        labels = (stats.topic, str(stats.partition))
        page.add(names.RAW_RECORDS, labels, stats.records)
        page.add(names.RAW_INVALID, labels, stats.invalid)
        page.add(names.RAW_LAG, labels, stats.lag)


def _series(reading: Reading) -> tuple[str | None, ...]:
    window = str(reading.window_days)
    return (reading.marketplace, reading.metric, window, reading.category)


def _number(value: Fraction) -> float:
    return value.numerator / value.denominator
