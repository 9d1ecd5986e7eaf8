"""What an audit says on stderr while it reads: invalid records, warnings, progress."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple, TextIO

from monitor.errors import InvalidEvent
from monitor.printable import printable

_LINE_MAX = 1000
_NAMED_MAX = 50


class Streams(NamedTuple):
    """Where a command prints: results to ``stdout``, remarks to ``stderr``."""

    stdout: TextIO
    stderr: TextIO


class Remarks:
    """Lines on stderr; safe to show whatever the records hold.

    ``write`` receives whole lines without their end.
    """

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write = write

    def invalid(self, origin: str, error: InvalidEvent) -> None:
        """One invalid record: where it is and what is wrong with it."""
        wrong = f"{error.reason.value}: {printable(error.detail)}"
        self._write(f"{printable(origin, _LINE_MAX)}: invalid: {wrong}")

    def unknown_marketplaces(self, names: Iterable[str]) -> None:
        """Marketplaces that no policy names, if any."""
        unknown = sorted(names)
        if not unknown:
            return
        shown = ", ".join(map(printable, unknown[:_NAMED_MAX]))
        more = len(unknown) - _NAMED_MAX
        rest = f" and {more} more" if more > 0 else ""
        self._write(f"warning: no policy names marketplace {shown}{rest}: no series for it")


@contextmanager
def reading(
    unit: str, total: int, stderr: TextIO
) -> Iterator[tuple[Remarks, Callable[[int], None]]]:
    """Remarks and progress while a source is read; a bar only where stderr is a terminal."""
    is_bytes = unit == "bytes"
    with _bar("reading", total or None, stderr, is_bytes=is_bytes) as (write, advance):
        yield Remarks(write), advance


@contextmanager
def working(what: str, total: int, stderr: TextIO) -> Iterator[Callable[[int], None]]:
    """Progress of what comes after; a bar only where stderr is a terminal."""
    with _bar(what, total, stderr, is_bytes=False) as (_, advance):
        yield advance


@contextmanager
def _bar(
    what: str, total: int | None, stderr: TextIO, *, is_bytes: bool
) -> Iterator[tuple[Callable[[str], object], Callable[[int], None]]]:
    """How to write a line, and to move the bar."""
    if not stderr.isatty():
        yield lambda line: print(line, file=stderr), _ignore
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        MofNCompleteColumn,
        Progress,
        TimeRemainingColumn,
    )

    amount = DownloadColumn() if is_bytes else MofNCompleteColumn()
    bar = Progress(
        what,
        BarColumn(),
        amount,
        TimeRemainingColumn(),
        console=Console(file=stderr),
        transient=True,
    )
    with bar:
        task = bar.add_task("", total=total)
        yield (
            partial(bar.console.print, markup=False, highlight=False, soft_wrap=True),
            lambda weight: bar.advance(task, weight),
        )


def _ignore(weight: int) -> None:
    """No bar to move."""
