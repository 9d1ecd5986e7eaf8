"""Explain: the orders (returns, messages, votes, violations) behind one number, with reasons."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TextIO

import msgspec

from monitor.audit.replay import Intake
from monitor.core.calendar import date_of
from monitor.core.engine import Engine
from monitor.core.metrics import METRICS
from monitor.core.readings import Reading, high_is_bad
from monitor.core.report import Evidence
from monitor.core.rules import MetricRule, Rulebook, WindowDays
from monitor.errors import NothingToExplain
from monitor.printable import printable

_ANY_WIDTH = 10_000


@dataclass(frozen=True, slots=True)
class Question:
    """Which number to explain; what is None is left open."""

    seller: str
    metric: str
    marketplace: str | None = None
    window_days: WindowDays | None = None
    """None: the first window of the policy."""
    category: str | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """One series and what is behind it: the bad ones first, of these the newest first."""

    seller: str
    marketplace: str
    metric: str
    window_days: WindowDays
    category: str | None
    numerator: int
    denominator: int | None
    evidence: list[Evidence]

    @property
    def title(self) -> str:
        """The series in words."""
        window = "all days" if self.window_days == "all" else f"{self.window_days} days"
        category = f", {printable(self.category)}" if self.category is not None else ""
        return f"{self.metric} of {self.seller} in {self.marketplace}, {window}{category}"

    @property
    def summary(self) -> str:
        """The two numbers."""
        if self.denominator is None:
            return f"count {self.numerator}"
        return f"numerator {self.numerator} of denominator {self.denominator}"


def explain(intake: Intake, rulebook: Rulebook, question: Question) -> list[Explanation]:
    """Each marketplace's answer to a question, after reading all of ``intake``.

    Raises:
        NothingToExplain: no events of the seller, or no such series under the policies.
        UnreadableSource: the source cannot be read to its end.
    """
    engine = Engine(rulebook, now=intake.as_of)
    marketplaces = read_seller(intake, engine, question.seller, question.marketplace)
    readings = engine.readings()
    return [
        _explanation(engine, readings, rule, marketplace, question)
        for marketplace, rule in _rules(rulebook, marketplaces, engine, question.metric)
    ]


def read_seller(
    intake: Intake, engine: Engine, seller: str, marketplace: str | None = None
) -> list[str]:
    """Read all of ``intake`` into an engine, of it only what is of one seller.

    Returns the marketplaces of its events, or of these the one that is asked for.

    Raises:
        NothingToExplain: there are none.
        UnreadableSource: the source cannot be read to its end.
    """
    found: set[str] = set()
    for events in intake:
        own = [event for event in events if event.seller == seller]
        found.update(event.marketplace for event in own)
        engine.apply(own)
    if marketplace is not None:
        found &= {marketplace}
    if not found:
        where = f" in marketplace {marketplace}" if marketplace else ""
        raise NothingToExplain(f"no event of seller {seller}{where} up to that instant")
    return sorted(found)


def write_table(explanations: Iterable[Explanation], out: TextIO) -> None:
    """A table for people per series, and its two numbers."""
    from rich.table import Table
    from rich.text import Text

    console = table_console(out)
    for explanation in explanations:
        table = Table(title=Text(explanation.title), title_justify="left", header_style="bold")
        for heading in ("day", "subject", "counts", "because"):
            table.add_column(heading, overflow="fold")
        for item in explanation.evidence:
            subject = f"{item.subject_kind.value} {printable(item.subject_id)}"
            if item.order is not None:
                subject += f" (order {printable(item.order)})"
            because = "; ".join(printable(reason) for reason in item.reasons)
            counts = "yes" if item.in_numerator else "no"
            table.add_row(str(date_of(item.day)), Text(subject), counts, Text(because))
        console.print(table)
        console.print(Text(explanation.summary))


def table_console(out: TextIO) -> Any:
    """A console for tables: as wide as they need where nobody looks at a terminal."""
    from rich.console import Console

    return Console(file=out, width=None if out.isatty() else _ANY_WIDTH)


def write_jsonl(explanations: Iterable[Explanation], out: TextIO) -> None:
    """One JSON object per subject, with the series that it counts in."""
    encode = msgspec.json.Encoder().encode_lines
    for explanation in explanations:
        out.write(encode(list(_lines(explanation))).decode())


FORMATS: Mapping[str, Callable[[Iterable[Explanation], TextIO], None]] = {
    "table": write_table,
    "jsonl": write_jsonl,
}


def _rules(
    rulebook: Rulebook, marketplaces: list[str], engine: Engine, metric: str
) -> Iterator[tuple[str, MetricRule]]:
    """The marketplaces whose policy in force computes the metric."""
    found = False
    for marketplace in marketplaces:
        rules = rulebook.in_force(marketplace, engine.now)
        rule = rules.rule(metric) if rules else None
        if rule is not None:
            found = True
            yield marketplace, rule
    if not found:
        raise NothingToExplain(f"no policy computes {metric!r} for {', '.join(marketplaces)}")


def _explanation(
    engine: Engine,
    readings: Iterable[Reading],
    rule: MetricRule,
    marketplace: str,
    question: Question,
) -> Explanation:
    window = rule.windows[0] if question.window_days is None else question.window_days
    if window not in rule.windows:
        known = ", ".join(map(str, rule.windows))
        raise NothingToExplain(f"{rule.metric} has no window {window}; it has {known}")
    if question.category is not None and question.category not in rule.by_category:
        raise NothingToExplain(f"{rule.metric} has no category {question.category!r}")
    series = (question.seller, marketplace, rule.metric, window, question.category)
    evidence = engine.evidence(*series)
    numerator, denominator = next(
        (
            (reading.numerator, reading.denominator)
            for reading in readings
            if series == _series_of(reading)
        ),
        (0, None if METRICS[rule.metric].only_counts else 0),
    )
    high = high_is_bad(rule.limit)
    evidence.sort(key=lambda item: item.in_numerator != high)
    return Explanation(*series, numerator, denominator, evidence)


def _series_of(reading: Reading) -> tuple[str, str, str, WindowDays, str | None]:
    window, category = reading.window_days, reading.category
    return (reading.seller, reading.marketplace, reading.metric, window, category)


def _lines(explanation: Explanation) -> Iterator[dict[str, Any]]:
    for item in explanation.evidence:
        yield {
            "seller": explanation.seller,
            "marketplace": explanation.marketplace,
            "metric": explanation.metric,
            "window_days": explanation.window_days,
            "category": explanation.category,
            "kind": item.subject_kind.value,
            "id": item.subject_id,
            "order": item.order,
            "day": str(date_of(item.day)),
            "in_numerator": item.in_numerator,
            "reasons": item.reasons,
        }
