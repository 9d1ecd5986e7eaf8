"""``monitor replay`` of topics: part by part, in several processes, from where it was stopped."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

from monitor import __version__
from monitor.audit import lines, resuming
from monitor.audit.console import Remarks, Streams, reading
from monitor.audit.parallel import Crew, Plan, answer_of
from monitor.audit.parts import Answer, merged, parts_of, summed
from monitor.audit.replay import OnProgress, balance_line
from monitor.audit.resuming import Progress
from monitor.audit.sources import PartitionedSource, Source
from monitor.core.instants import isoformat
from monitor.policy import load_policies


class TopicReplay:
    """A replay of topics: of the parts being read the facts are in memory, of all the lines.

    Args:
        source: the topics.
        plan: what all processes have in common.
        workers: how many processes; 1 reads in this one.
        out: where to print.
    """

    def __init__(self, source: PartitionedSource, plan: Plan, workers: int, out: Streams) -> None:
        self._source = source
        self._plan = plan
        self._workers = workers
        self._out = out
        self._rulebook = load_policies(plan.policies)

    def print(self, format_name: str, directory: Path | None = None) -> bool:
        """Print every series, then the balance; False where some records were invalid.

        Args:
            format_name: one of ``lines.FORMATS``.
            directory: where to keep the parts that are done, and to go on from them.

        Raises:
            UnreadableSource: the topics cannot be read to their end, or the directory is of
                another replay.
        """
        with ExitStack() as closing:
            crew = None
            if self._workers > 1:
                crew = closing.enter_context(Crew(self._plan, self._workers))
            found = self._answers(self._progress(directory), crew)
        lines.FORMATS[format_name](merged(found), self._out.stdout)
        self._out.stdout.flush()
        balance = summed(found)
        print(balance_line(balance), file=self._out.stderr)
        return not balance.invalid

    def _progress(self, directory: Path | None) -> Progress:
        """What is done and what is to do, by a directory that may be empty."""
        if directory is None:
            return Progress(None, parts_of(self._source.find(), self._workers))
        asked = {
            "program": __version__,
            "as of": isoformat(self._plan.as_of),
            "policies": ", ".join(sorted(self._rulebook.canonical_forms)),
            **self._source.scope,
        }
        if (progress := resuming.begun(directory, asked)) is not None:
            return progress
        parts = parts_of(self._source.find(), self._workers)
        return resuming.begin(directory, asked, parts)

    def _answers(self, progress: Progress, crew: Crew | None) -> list[Answer]:
        parts = progress.parts
        answers = {n: kept for n in range(len(parts)) if (kept := progress.answer(n)) is not None}
        if answers:
            print(f"{len(answers)} of {len(parts)} parts were done before", file=self._out.stderr)
        todo = [number for number in range(len(parts)) if number not in answers]
        # The largest first: no process is left with it at the end.
        todo.sort(key=lambda number: -parts[number].weight)
        total = sum(parts[number].weight for number in todo)
        sources = {number: self._source.limited_to(parts[number]) for number in todo}
        with reading(self._source.unit, total, self._out.stderr) as (remarks, on_progress):
            coming = (
                self._answers_here(sources, remarks, on_progress)
                if crew is None
                else crew.answers(sources, remarks, on_progress)
            )
            for number, answer in coming:
                progress.keep(number, answer)
                answers[number] = answer
            unknown = {name for one in answers.values() for name in one.unknown_marketplaces}
            remarks.unknown_marketplaces(unknown)
        return list(answers.values())

    def _answers_here(
        self, sources: Mapping[int, Source], remarks: Remarks, on_progress: OnProgress
    ) -> Iterator[tuple[int, Answer]]:
        given = self._rulebook, self._plan.as_of, remarks.invalid, on_progress
        for number, source in sources.items():
            yield number, answer_of(source, *given)
