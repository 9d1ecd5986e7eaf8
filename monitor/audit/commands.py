"""The commands ``replay`` and ``explain`` end to end, on given streams."""

from collections.abc import Iterable
from typing import TextIO

from monitor.audit import explain as explaining
from monitor.audit import lines, open_list
from monitor.audit.console import reading
from monitor.audit.explain import Explanation, Question, explain
from monitor.audit.open_list import OpenList, OpenQuestion, list_open
from monitor.audit.replay import Intake, balance_line, replay
from monitor.audit.sources import Source
from monitor.core.instants import Instant
from monitor.core.rules import Rulebook


class Audit:
    """One audit of a source at an instant; results go to ``stdout``, remarks to ``stderr``."""

    def __init__(
        self,
        source: Source,
        rulebook: Rulebook,
        as_of: Instant,
        stdout: TextIO,
        stderr: TextIO,
    ) -> None:
        self._source = source
        self._rulebook = rulebook
        self._as_of = as_of
        self._stdout = stdout
        self._stderr = stderr

    def replay(self, format_name: str) -> bool:
        """Print every series, then the balance; False where some records were invalid.

        Args:
            format_name: one of ``lines.FORMATS``.

        Raises:
            UnreadableSource: the source cannot be read to its end.
        """
        with reading(self._source.unit, self._source.total, self._stderr) as (remarks, on_progress):
            intake = Intake(self._source, self._as_of, remarks.invalid, on_progress)
            engine, balance = replay(intake, self._rulebook)
            remarks.unknown_marketplaces(engine.unknown_marketplaces)
        lines.FORMATS[format_name](map(lines.line_of, engine.readings()), self._stdout)
        self._stdout.flush()
        print(balance_line(balance), file=self._stderr)
        return not balance.invalid

    def explain(self, question: Question, format_name: str) -> bool:
        """Print what is behind a number; False where some records were invalid.

        Args:
            format_name: one of ``explain.FORMATS``.

        Raises:
            NothingToExplain: no events of the seller, or no such series.
            UnreadableSource: the source cannot be read to its end.
        """
        source = self._source.of_seller(question.seller)
        with reading(source.unit, source.total, self._stderr) as (remarks, on_progress):
            intake = Intake(source, self._as_of, remarks.invalid, on_progress)
            explanations = explain(intake, self._rulebook, question)
        explaining.FORMATS[format_name](explanations, self._stdout)
        self._print_summaries(explanations, format_name)
        return not intake.invalid

    def list_open(self, question: OpenQuestion, format_name: str) -> bool:
        """Print the open items of a seller; False where some records were invalid.

        Args:
            format_name: one of ``open_list.FORMATS``.

        Raises:
            NothingToExplain: no events of the seller.
            UnreadableSource: the source cannot be read to its end.
        """
        source = self._source.of_seller(question.seller)
        with reading(source.unit, source.total, self._stderr) as (remarks, on_progress):
            intake = Intake(source, self._as_of, remarks.invalid, on_progress)
            lists = list_open(intake, self._rulebook, question)
        open_list.FORMATS[format_name](lists, self._stdout)
        self._print_summaries(lists, format_name)
        return not intake.invalid

    def _print_summaries(self, found: Iterable[Explanation | OpenList], format_name: str) -> None:
        if format_name != "table":
            for one in found:
                print(f"{one.title}: {one.summary}", file=self._stderr)
