"""The collector: a snapshot as a page of metric families, made anew for each scrape."""

from collections.abc import Iterable
from fractions import Fraction

from monitor import __version__
from monitor.core.instants import SECOND
from monitor.core.metrics import METRICS
from monitor.core.readings import Level, OpenItems, Reading
from monitor.core.rolling_off import ROLL_OFF_DAYS, RollOff
from monitor.core.rules import Limit, MarketplaceRules, MetricRule, Rulebook, WindowDays
from monitor.exporter import families as names
from monitor.exporter.families import Family
from monitor.exporter.page import Page, labels_text
from monitor.exporter.selection import EVERY_SELLER, Bounds, Selection, select
from monitor.snapshot import PartitionStats, RawInputStats, ReceiverStats, Snapshot


def collect(snapshot: Snapshot | None, rulebook: Rulebook, bounds: Bounds = EVERY_SELLER) -> bytes:
    """What Prometheus sees of a worker; what is gone from the snapshot is gone from here.

    Args:
        snapshot: None before the first one.
        rulebook: the policies, for limits and policy info.
        bounds: which sellers have series of their own; the rest are summed.
    """
    page = Page()
    page.add(names.BUILD_INFO, (__version__,), 1)
    if snapshot is not None:
        page.add(names.EVALUATED, (), snapshot.as_of / SECOND)
        unknown = len(snapshot.unknown_marketplaces)
        page.add(names.UNKNOWN_MARKETPLACES, (), unknown)
        _add_policies(page, snapshot, rulebook)
        _add_recovery(page, snapshot)
        _add_partitions(page, snapshot.partitions)
        _add_raw_inputs(page, snapshot.raw_inputs)
        _add_receivers(page, snapshot.receivers)
        for quality in snapshot.alert_quality:
            labels = (quality.metric, quality.outcome)
            page.add(names.APPROACH_OUTCOMES, labels, quality.alerts)
        room = bounds.series_max - page.series - _SERIES_OF_LEFT_OUT
        _add_sellers(page, select(snapshot, room, bounds))
    return page.text()


def _add_sellers(page: Page, chosen: Selection) -> None:
    _add_readings(page, chosen.readings)
    _add_roll_offs(page, chosen.roll_offs)
    for item in chosen.open_items:
        labels = (item.seller, item.marketplace, item.kind)
        page.add(names.OPEN_ITEMS, labels, item.open)
        page.add(names.OVERDUE_ITEMS, labels, item.overdue)
        if item.first_due_at is not None:
            page.add(names.FIRST_DUE, labels, item.first_due_at / SECOND)
    _add_others(page, chosen.other_readings, chosen.other_items)


def _add_readings(page: Page, readings: Iterable[Reading]) -> None:
    """The inner loop of a scrape: a seller and a series are written as labels only once."""
    ratios, numerators = page.lines(names.RATIO), page.lines(names.NUMERATOR)
    denominators, levels = page.lines(names.DENOMINATOR), page.lines(names.LEVEL)
    headrooms = page.lines(names.HEADROOM)
    ratio, numerator, denominator, level, headroom = (
        names.RATIO.name,
        names.NUMERATOR.name,
        names.DENOMINATOR.name,
        names.LEVEL.name,
        names.HEADROOM.name,
    )
    sellers: dict[str, str] = {}
    series: dict[tuple[str, str, WindowDays, str | None], str] = {}
    for reading in readings:
        seller = sellers.get(reading.seller)
        if seller is None:
            seller = labels_text(names.RATIO.labels[:1], (reading.seller,))
            sellers[reading.seller] = seller
        key = (reading.marketplace, reading.metric, reading.window_days, reading.category)
        rest = series.get(key)
        if rest is None:
            rest = series[key] = labels_text(names.RATIO.labels[1:], _series(reading))
        labels = f"{{{seller},{rest}}}"
        numerators.append(f"{numerator}{labels} {reading.numerator}\n")
        levels.append(f"{level}{labels} {names.LEVEL_CODES[reading.level]}\n")
        counted = reading.denominator
        if counted is not None:
            denominators.append(f"{denominator}{labels} {counted}\n")
            if counted:
                ratios.append(f"{ratio}{labels} {reading.numerator / counted}\n")
        if reading.headroom is not None:
            headrooms.append(f"{headroom}{labels} {reading.headroom}\n")
        if reading.orders_to_recover:
            page.add(names.ORDERS_TO_RECOVER, _labels(reading), reading.orders_to_recover)


def _add_roll_offs(page: Page, roll_offs: Iterable[RollOff]) -> None:
    for reading, numerator, denominator in roll_offs:
        labels = (*_labels(reading), str(ROLL_OFF_DAYS))
        page.add(names.ROLL_OFF_NUMERATOR, labels, numerator)
        if denominator is not None:
            page.add(names.ROLL_OFF_DENOMINATOR, labels, denominator)


def _add_others(page: Page, readings: Iterable[Reading], items: Iterable[OpenItems]) -> None:
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


def _add_policies(page: Page, snapshot: Snapshot, rulebook: Rulebook) -> None:
    """The policy in force for each marketplace that is named or was seen."""
    seen = {reading.marketplace for reading in snapshot.readings}
    for marketplace in sorted(seen | rulebook.eras.keys() - {"*"}):
        rules = rulebook.in_force(marketplace, snapshot.as_of)
        if rules is None:
            continue
        page.add(names.POLICY_INFO, (marketplace, rules.policy, rules.digest), 1)
        ends_at = rulebook.ends_at(marketplace, snapshot.as_of)
        if ends_at is not None:
            page.add(names.POLICY_END, (marketplace, rules.policy), ends_at / SECOND)
        if rules.heartbeat_within is not None:
            silent = snapshot.silent_sellers.get(marketplace, 0)
            page.add(names.SILENT_SELLERS, (marketplace,), silent)
        for rule in rules.metrics:
            _add_limits(page, marketplace, rules, rule)


def _add_limits(page: Page, marketplace: str, rules: MarketplaceRules, rule: MetricRule) -> None:
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


def _add_recovery(page: Page, snapshot: Snapshot) -> None:
    if snapshot.partition_count:
        page.add(names.PARTITIONS, (), snapshot.partition_count)
    restored = {stats.partition: 1.0 for stats in snapshot.partitions}
    for partition, share in sorted({**restored, **snapshot.recovering}.items()):
        page.add(names.RECOVERED, (str(partition),), share)


def _add_partitions(page: Page, partitions: Iterable[PartitionStats]) -> None:
    for stats in partitions:
        labels = (stats.topic, str(stats.partition))
        page.add(names.EVENTS, labels, stats.events)
        page.add(names.COUNTED, labels, stats.counted)
        page.add(names.INVALID, labels, stats.invalid)
        page.add(names.REDUNDANT, labels, stats.redundant)
        page.add(names.LATE, labels, stats.late)
        page.add(names.LAG, labels, stats.lag)
        page.add(names.READY, labels, int(stats.ready))
        if stats.last_event_at is not None:
            page.add(names.LAST_EVENT, labels, stats.last_event_at / SECOND)


def _add_raw_inputs(page: Page, raw_inputs: Iterable[RawInputStats]) -> None:
    for stats in raw_inputs:
        labels = (stats.topic, str(stats.partition))
        page.add(names.RAW_RECORDS, labels, stats.records)
        page.add(names.RAW_INVALID, labels, stats.invalid)
        page.add(names.RAW_LAG, labels, stats.lag)


def _add_receivers(page: Page, receivers: Iterable[ReceiverStats]) -> None:
    for stats in receivers:
        name = stats.receiver
        for outcome, count in sorted(stats.notifications.items()):
            page.add(names.NOTIFICATIONS, (name, outcome), count)
        for outcome, count in sorted(stats.records.items()):
            page.add(names.NOTIFIED_ALERTS, (name, outcome), count)
        for reason, count in sorted(stats.postponed.items()):
            page.add(names.POSTPONED_ALERTS, (name, reason), count)
        page.add(names.REFUSED_ALERTS, (name,), stats.refused)
        page.add(names.UNDELIVERED, (name,), stats.undelivered)
        page.add(names.UNDELIVERED_AGE, (name,), stats.oldest_seconds)
        page.add(names.RECEIVER_FAILING, (name,), int(stats.failing))
        page.add_distribution(names.DELIVERY_DELAY, (name,), stats.delays)


def _labels(reading: Reading) -> tuple[str | None, ...]:
    return (reading.seller, *_series(reading))


def _series(reading: Reading) -> tuple[str | None, ...]:
    window = str(reading.window_days)
    return (reading.marketplace, reading.metric, window, reading.category)


def _number(value: Fraction) -> float:
    return value.numerator / value.denominator
