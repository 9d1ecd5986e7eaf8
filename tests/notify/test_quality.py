"""What followed on alerts that warned."""

import pytest

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
    assert quality.counts() == ()
    quality.note(record(3, to, from_=Level.APPROACHING))
    assert quality.counts() == (AlertQuality("order_defect_rate", outcome, 1),)
