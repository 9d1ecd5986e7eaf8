"""Alert logs in memory, made by the monitor's own alert book."""

from collections.abc import Sequence

from monitor.audit.logs import LogRecord
from monitor.audit.verification import Verification, verify
from monitor.core.alert_records import MetricRecord
from monitor.core.alerts import AlertBook
from tests.audit.memory import MemoryLog
from tests.core.test_alerts import CUT
from tests.core.test_engine import at, engine_at, event, placed

SELLER = "shop"


def chained(count: int) -> list[bytes]:
    """So many records of one seller whose alert opens and closes, hour by hour."""
    book, engine, said = AlertBook("1.0"), engine_at("2018-03-09T00:00:00Z"), list[bytes]()
    engine.apply([placed("2018-03-08T08:00:00Z", order="o")])
    for number in range(count):
        hour = f"2018-03-09T{number:02}:00:00Z"
        engine.advance(at(hour))
        kind, fields = ("feedback_removed", {}) if number % 2 else ("feedback_left", {"rating": 1})
        about = {"order": "o", "feedback": f"f-{number // 2}"}
        engine.apply([event(kind, hour, **about, **fields)])
        found = book.step(engine, engine.changed(), CUT)
        said += [one.encode() for one in found if isinstance(one, MetricRecord)]
    assert len(said) == count
    return said


def log(values: Sequence[bytes | None], begin: int = 0) -> MemoryLog:
    """A log of one partition with these records."""
    records = [
        LogRecord(offset, SELLER.encode(), value) for offset, value in enumerate(values, begin)
    ]
    return MemoryLog({0: records}, "alerts")


def faults(values: Sequence[bytes | None], begin: int = 0) -> list[tuple[str, str]]:
    """Kind and place of each fault."""
    return places(verify(log(values, begin)))


def places(verification: Verification) -> list[tuple[str, str]]:
    """Kind and place of each fault."""
    return [(fault.kind.value, fault.at) for fault in verification.faults]
