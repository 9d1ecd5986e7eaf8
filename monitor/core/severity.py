"""How urgent an alert record is, by the policy in force when it was decided."""

from typing import NamedTuple

from monitor.core.alert_records import AlertRecord, DeadlineRecord, MetricRecord
from monitor.core.readings import Level
from monitor.core.rules import AlertRule, DeadlineRule, MarketplaceRules, Severity
from monitor.core.standing import QUIET


class Urgency(NamedTuple):
    """What routes and texts need to know of a record beside what it says.

    ``volume_min``: below so many counted orders a text speaks in counts. ``warn_before``: how
    long before an item is due its kind warns, in microseconds.
    """

    severity: Severity
    runbook: str = ""
    volume_min: int = 0
    warn_before: int = 0


def urgency_of(record: AlertRecord, rules: MarketplaceRules | None) -> Urgency:
    """The urgency of a record.

    A closing has that of the level which it closes, so that whoever was woken by one hears of
    the other; what became unknown is a warning. Below ``volume_min`` it is only information,
    where the policy does not page then. Without a rule it is information.

    Args:
        record: an alert record.
        rules: those in force for its marketplace at its ``as_of``; None: there were none.
    """
    if rules is None:
        return Urgency("info")
    if isinstance(record, DeadlineRecord):
        deadline = rules.deadlines.get(record.kind)
        if deadline is None:
            return Urgency("info")
        severity = _severity(record, deadline)
        return Urgency(severity, deadline.runbook, warn_before=deadline.warn_before)
    rule = rules.rule(record.metric)
    if rule is None:
        return Urgency("info")
    alert = rule.alert
    is_quiet = is_below_volume(record, alert.volume_min) and not alert.page_below_volume_min
    return Urgency("info" if is_quiet else _severity(record, alert), rule.runbook, alert.volume_min)


def is_below_volume(record: MetricRecord, volume_min: int) -> bool:
    """Whether too few are counted for a ratio to mean much."""
    return record.denominator is not None and record.denominator < volume_min


def _severity(record: AlertRecord, rule: AlertRule | DeadlineRule) -> Severity:
    level = record.from_ if record.to in QUIET else record.to
    if level is Level.BREACHED:
        return rule.severity_breached
    return rule.severity_approaching if level is Level.APPROACHING else "warning"
