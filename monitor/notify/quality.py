"""What follows on alerts that warn: a breach, a recovery, or silence of the data. Pure."""

from collections import Counter
from itertools import product
from typing import get_args

from monitor.core.alert_records import AlertRecord, DeadlineRecord
from monitor.core.metrics import METRICS
from monitor.core.readings import Level
from monitor.core.rules import ItemKind
from monitor.core.standing import QUIET
from monitor.snapshot import AlertQuality

_OUTCOMES = ("breached", "recovered", "unknown")
_EVERY = sorted(product([*METRICS, *get_args(ItemKind)], _OUTCOMES))


class Quality:
    """Counts how alerts went on that were approaching, by metric or kind of open items."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str]] = Counter()

    def note(self, record: AlertRecord) -> None:
        """Take in a record that was published."""
        if record.from_ is not Level.APPROACHING or record.to is Level.APPROACHING:
            return
        metric = record.kind if isinstance(record, DeadlineRecord) else record.metric
        outcome = "unknown"
        if record.to is Level.BREACHED:
            outcome = "breached"
        elif record.to in QUIET:
            outcome = "recovered"
        self._counts[metric, outcome] += 1

    def counts(self) -> tuple[AlertQuality, ...]:
        """All counts, sorted; those of what has not happened yet are 0."""
        return tuple(
            AlertQuality(metric, outcome, self._counts[metric, outcome])
            for metric, outcome in _EVERY
        )
