"""An audit as a page of its own: no script, nothing fetched, everything escaped. Pure."""

from collections.abc import Iterator, Sequence
from functools import cache
from importlib.resources import files

import jinja2

from monitor.audit.alert_audit import AlertAudit
from monitor.audit.plot import HEIGHT, WIDTH, Mark, Plot, plotted
from monitor.audit.range_audit import Plotted, RangeAudit
from monitor.audit.reports import Audit, verdict_of
from monitor.audit.verdicts import Verdict
from monitor.core.instants import parse_instant


def html(audit: Audit) -> str:
    """The page."""
    is_range = isinstance(audit, RangeAudit)
    title, subtitle, sentence = _words(audit)
    return _template().render(
        audit=audit,
        is_range=is_range,
        title=title,
        subtitle=subtitle,
        sentence=sentence,
        plots=list(_plots(audit)),
        width=WIDTH,
        height=HEIGHT,
    )


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    source = files("monitor.audit").joinpath("templates/audit.html").read_text("utf-8")
    return environment.from_string(source)


def _words(audit: Audit) -> tuple[str, str, str]:
    if isinstance(audit, RangeAudit):
        title = f"{audit.seller}, {audit.begin} to {audit.end}"
        policies = ", ".join(audit.policies) or "no policy that an alert names"
        subtitle = (
            f"Decided once more at {audit.points} points of partition {audit.partition}, the last"
            f" of {audit.decided_to or 'never'}, by version {audit.program}, under {policies}"
        )
        return title, subtitle, _sentence(verdict_of(audit))
    record = audit.record
    change = f"{record['from']} → {record['to']}"
    subtitle = f"{change} at {record['as_of']}, because of {record['reason']}"
    said = (
        "The record follows from the topics, to the last figure."
        if audit.is_same
        else f"The record does not follow from the topics: {audit.verdict.cause}."
    )
    return audit.id, subtitle, said


def _sentence(words: str) -> str:
    return f"{words[0].upper()}{words[1:]}."


def _plots(audit: Audit) -> Iterator[tuple[str, Plot]]:
    """Of a range, the series that alerted, or all that came within two of their limit."""
    if isinstance(audit, AlertAudit):
        end, verdicts = audit.record["as_of"], [audit.verdict]
        limits = {audit.record["alert"]: (audit.record.get("limit"), audit.record.get("approach"))}
    else:
        end, verdicts = audit.end, list(audit.verdicts)
        limits = {one.alert: (one.limit, one.approach) for one in audit.closest}
    for one in _worth_a_plot(audit, verdicts):
        limit, approach = limits[one.alert]
        marks = [Mark(parse_instant(at), to, f"{at}: {to}") for at, to in one.changes]
        ending = parse_instant(end)
        plot = plotted(one.samples, ending, _number(limit), _number(approach), marks)
        if plot is not None:
            yield one.alert, plot


def _worth_a_plot(audit: Audit, verdicts: Sequence[Verdict]) -> list[Plotted]:
    if isinstance(audit, AlertAudit):
        return list(audit.plots)
    alerted = {verdict.id.rpartition("#")[0] for verdict in verdicts}
    near = {one.alert for one in audit.closest if one.headroom is not None and one.headroom < _NEAR}
    return [plot for plot in audit.plots if plot.alert in alerted | near]


_NEAR = 2


def _number(text: str | None) -> float | None:
    """The value of a limit as a policy writes it: ``under 1%``, ``at most 3``, ``0.75%``."""
    if text is None:
        return None
    value = text.rsplit(" ", 1)[-1]
    return float(value[:-1]) / 100 if value.endswith("%") else float(value)
