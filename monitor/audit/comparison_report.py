"""What ``monitor compare`` prints, and what it leaves for Prometheus. Pure."""

from collections.abc import Callable, Mapping

from monitor.audit.comparison import Comparison
from monitor.audit.reports import as_json, shown
from monitor.printable import printable

_PREFIX = "seller_health_compare_"


def text(found: Comparison) -> str:
    """For a terminal; hostile text is neutralised."""
    between = f"{found.begin or 'the beginning'} .. {found.end or 'the last point'}"
    counts = ", ".join(f"{count} {name}" for name, count in found.outcomes.items())
    lines = [
        f"{between}: {counts or 'nothing was said, and nothing was due'}",
        f"  decided once more at {found.points} points of {found.partitions} partitions"
        f" by version {found.program}",
    ]
    for one in found.verdicts:
        where = one.where or "not in the log"
        change = f"{one.from_} -> {one.to} ({one.reason})"
        lines.append(
            f"  {one.outcome.upper()} {printable(one.id)}, {change} at {one.as_of}, {where}"
        )
        lines.append(f"    {one.cause}: {printable(one.because)}")
        lines += [
            f"    {field.field}: said {shown(field.said)}, once more {shown(field.again)}"
            for field in one.differences
            if field.field != "record"
        ]
    return "".join(f"{line}\n" for line in lines)


def textfile(found: Comparison, finished_at_seconds: float) -> str:
    """For the textfile collector of Prometheus' node_exporter."""
    lines = [
        f"# HELP {_PREFIX}differences Alert records that do not come out once more, by cause.",
        f"# TYPE {_PREFIX}differences gauge",
        *(
            f'{_PREFIX}differences{{cause="{cause}"}} {count}'
            for cause, count in found.causes.items()
        ),
        f"# HELP {_PREFIX}unexplained Those of them that nothing explains.",
        f"# TYPE {_PREFIX}unexplained gauge",
        f"{_PREFIX}unexplained {found.unexplained}",
        f"# HELP {_PREFIX}last_run_timestamp_seconds When the comparison was finished.",
        f"# TYPE {_PREFIX}last_run_timestamp_seconds gauge",
        f"{_PREFIX}last_run_timestamp_seconds {finished_at_seconds:.0f}",
    ]
    return "".join(f"{line}\n" for line in lines)


FORMATS: Mapping[str, Callable[[Comparison], str]] = {"text": text, "json": as_json}
