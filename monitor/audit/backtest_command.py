"""The command ``backtest`` end to end, on given streams."""

from dataclasses import dataclass
from typing import TextIO

from monitor.audit import backtest_lines
from monitor.audit.backtest import backtest
from monitor.audit.backtest_figures import Span, figures_of
from monitor.audit.console import reading, working
from monitor.audit.replay import Intake
from monitor.audit.sources import Source
from monitor.core.events import Event
from monitor.core.instants import DAY, Instant, instant_of
from monitor.core.rules import Rulebook


@dataclass(frozen=True, slots=True)
class Trial:
    """What a backtest is asked.

    ``begin`` (None: the first event) and ``end`` bound what is counted, ``end`` also what is
    read. ``every``: microseconds between evaluation points. ``orders_min``: from how many
    orders in the window on a seller is large. ``flap_days``: within how many an episode that
    is back has flapped.
    """

    begin: Instant | None
    end: Instant
    every: int
    orders_min: int
    flap_days: int


def run_backtest(
    source: Source,
    rulebook: Rulebook,
    trial: Trial,
    form: str,
    streams: tuple[TextIO, TextIO],
) -> bool:
    """Print the figures; False where some records were invalid.

    Args:
        source: the history.
        rulebook: the policies.
        trial: what is asked.
        form: one of ``backtest_lines.FORMATS``.
        streams: for results, and for remarks.

    Raises:
        UnreadableSource: the source cannot be read to its end.
    """
    stdout, stderr = streams
    with reading(source.unit, source.total, stderr) as (remarks, on_progress):
        intake = Intake(source, trial.end, remarks.invalid, on_progress)
        events: list[Event] = [event for chunk in intake for event in chunk]
    with working("deciding", len(events), stderr) as on_point:
        records = list(backtest(events, rulebook, trial.every, intake.refuse, on_point))
    rows = figures_of(records, _span(events, trial), trial.orders_min, trial.flap_days * DAY)
    backtest_lines.FORMATS[form](rows, stdout)
    stdout.flush()
    return not intake.invalid


def _span(events: list[Event], trial: Trial) -> Span:
    """What is counted: no longer than the history, whose last point may be after its end."""
    if not events:
        return Span(trial.end, trial.end)
    first, last = (instant_of(pick(events, key=_at).at) for pick in (min, max))
    begin = first if trial.begin is None else max(first, trial.begin)
    return Span(begin, max(begin, -(-last // trial.every) * trial.every))


def _at(event: Event) -> Instant:
    return instant_of(event.at)
