"""Progress bars of the topics that a command reads, one per partition that is being read."""

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from monitor.audit.logs import Log, LogRecord

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_LARGE = 20_000
"""So many offsets are worth a bar."""


class Watch:
    """Bars on a terminal; nothing where ``stderr`` is none.

    Several partitions may be read at the same time; what is done leaves no trace.
    """

    def __init__(self, stderr: TextIO) -> None:
        self._stderr = stderr
        self._bars: Progress | None = None

    def log(self, log: Log) -> Log:
        """The same topic, watched."""
        return _WatchedLog(log, self) if self._stderr.isatty() else log

    @contextmanager
    def bar(self, what: str, total: int) -> Generator["_Bar"]:
        """A bar for as long as the context lasts."""
        bars = self._shown()
        task = bars.add_task(what, total=total)
        try:
            yield _Bar(bars, task)
        finally:
            bars.remove_task(task)
            if not bars.tasks:
                bars.stop()

    def _shown(self) -> "Progress":
        if self._bars is None:
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

            self._bars = Progress(
                TextColumn("reading {task.description}", markup=False),
                BarColumn(),
                MofNCompleteColumn(),
                console=Console(file=self._stderr),
                transient=True,
            )
        if not self._bars.tasks:
            self._bars.start()
        return self._bars


class _Bar:
    def __init__(self, bars: "Progress", task: "TaskID") -> None:
        self._bars = bars
        self._task = task

    def move(self, done: int) -> None:
        self._bars.update(self._task, completed=done)


class _WatchedLog:
    def __init__(self, log: Log, watch: Watch) -> None:
        self._log = log
        self._watch = watch

    @property
    def topic(self) -> str:
        return self._log.topic

    def bounds(self) -> Mapping[int, tuple[int, int]]:
        return self._log.bounds()

    def read(
        self, partition: int, begin: int, end: int, key: bytes | None = None
    ) -> Iterator[Sequence[LogRecord]]:
        runs = self._log.read(partition, begin, end, key)
        if end - begin < _LARGE:
            yield from runs
            return
        with self._watch.bar(f"{self.topic}[{partition}]", end - begin) as bar:
            for run in runs:
                yield run
                if run:
                    bar.move(run[-1].offset + 1 - begin)
