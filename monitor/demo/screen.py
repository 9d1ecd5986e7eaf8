"""What the demo shows on a terminal: sellers, worst first, alerts, and what was delivered."""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from monitor.core.alert_records import limit_text
from monitor.core.instants import Instant, utc
from monitor.core.readings import URGENCY, Level, Reading
from monitor.printable import printable

SELLERS_SHOWN = 12
ALERTS_SHOWN = 8

_STYLE = {
    Level.BREACHED: "bold red",
    Level.APPROACHING: "yellow",
    Level.UNKNOWN: "magenta",
    Level.OK: "green",
    Level.NO_DATA: "dim",
}


@dataclass(slots=True)
class Figures:
    """What the screen shows besides the readings."""

    now: Instant
    events: int
    series: int
    metrics_url: str
    progress: float
    delivered: int
    alerts: deque[str]
    """The latest alerts, one line each."""


def worst_first(readings: Iterable[Reading]) -> list[list[Reading]]:
    """Readings by seller and marketplace, the worst reading and the worst seller first."""
    by_account = sorted(readings, key=_account)
    groups = [sorted(found, key=_badness) for _, found in groupby(by_account, _account)]
    return sorted(groups, key=lambda found: (_badness(found[0]), _account(found[0])))


def screen(readings: Iterable[Reading], figures: Figures) -> RenderableType:
    """The whole screen."""
    sellers = worst_first(readings)
    table = Table(expand=True, box=None, pad_edge=False)
    for heading, justify in _COLUMNS:
        table.add_column(heading, justify=justify, no_wrap=True)
    for found in sellers[:SELLERS_SHOWN]:
        table.add_row(*_cells(found))
    alerts = Text("\n".join(figures.alerts) or "none yet", overflow="ellipsis", no_wrap=True)
    hidden = len(sellers) - SELLERS_SHOWN
    return Group(
        _headline(figures),
        ProgressBar(total=1.0, completed=figures.progress),
        Panel(
            table,
            title="sellers, worst first",
            subtitle=f"and {hidden} more" if hidden > 0 else None,
        ),
        Panel(alerts, title="alerts", subtitle=f"{figures.delivered} delivered to the webhook"),
    )


def _headline(figures: Figures) -> Text:
    return Text.assemble(
        (f"{utc(figures.now):%a %Y-%m-%d %H:%M} UTC", "bold"),
        f"   {figures.events:,} events   {figures.series:,} series   metrics: ",
        (figures.metrics_url, "underline"),
    )


_COLUMNS: tuple[tuple[str, Literal["left", "right"]], ...] = (
    ("seller", "left"),
    ("marketplace", "left"),
    ("level", "left"),
    ("worst metric", "left"),
    ("count", "right"),
    ("limit", "left"),
    ("left", "right"),
    ("also", "left"),
)


def _cells(found: Sequence[Reading]) -> list[Text]:
    worst = found[0]
    is_count = worst.denominator is None
    count = f"{worst.numerator}" if is_count else f"{worst.numerator}/{worst.denominator}"
    category = f" {printable(worst.category)}" if worst.category is not None else ""
    days = worst.window_days if worst.window_days == "all" else f"{worst.window_days} d"
    also = [
        f"{sum(other.level is level for other in found[1:])} {level.value}"
        for level in (Level.BREACHED, Level.APPROACHING)
        if any(other.level is level for other in found[1:])
    ]
    return [
        Text(worst.seller),
        Text(worst.marketplace),
        Text(worst.level.value, style=_STYLE[worst.level]),
        Text(f"{worst.metric.replace('_', ' ')}, {days}{category}"),
        Text(count),
        Text(limit_text(worst.limit, is_count=is_count)),
        Text("" if worst.headroom is None else str(worst.headroom)),
        Text(", ".join(also)),
    ]


def _account(reading: Reading) -> tuple[str, str]:
    return reading.seller, reading.marketplace


def _badness(reading: Reading) -> tuple[int, float, int]:
    """Rank of the level, then how little room is left for the size of the shop."""
    headroom = 0 if reading.headroom is None else reading.headroom
    return URGENCY[reading.level], headroom, -(reading.denominator or 0)
