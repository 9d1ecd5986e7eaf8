"""What followed on alerts that warned."""

import pytest

from monitor.core.metrics import METRICS
from monitor.core.readings import Level
from monitor.notify.quality import Quality
from monitor.snapshot import AlertQuality
from tests.stream.delivery.fakes import record


@pytest.mark.parametrize(
    ("to", "outcome"),
    [
        (Level.BREACHED, "breached"),
        (Level.OK, "recovered"),
        (Level.NO_DATA, "recovered"),
        (Level.UNKNOWN, "unknown"),
    ],
)
def test_an_approaching_alert_ends_in_a_breach_a_recovery_or_the_unknown(
    to: Level, outcome: str
) -> None:
    quality = Quality()
    quality.note(record(1, Level.APPROACHING))
    quality.note(record(2, Level.APPROACHING, from_=Level.APPROACHING, reason="reminder"))
    assert happened(quality) == []
    quality.note(record(3, to, from_=Level.APPROACHING))
    assert happened(quality) == [AlertQuality("order_defect_rate", outcome, 1)]


def test_what_has_not_happened_yet_is_counted_as_zero() -> None:
    counts = Quality().counts()
    assert {count.alerts for count in counts} == {0}
    assert {count.metric for count in counts} >= {"refund_rate", "claim_answer"}
    assert len(counts) == (len(METRICS) + 4) * 3


def happened(quality: Quality) -> list[AlertQuality]:
    return [count for count in quality.counts() if count.alerts]
