"""Records from ``.jsonl`` and ``.jsonl.gz`` files, in blocks of about a megabyte."""

import gzip
import io
import stat
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

from monitor.core.events import Event
from monitor.errors import UnreadableSource

_BLOCK_BYTES = 1 << 20
_GZIP_MAGIC = b"\x1f\x8b"


class FileSource:
    """The lines of files, one after the other; compressed ones are known by their content.

    Blank lines are no records, but count in line numbers.
    """

    unit = "bytes"

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = paths

    @property
    def total(self) -> int:
        """Bytes on disk; what is no regular file (a pipe) counts nothing."""
        return sum(path.stat().st_size for path in self._paths if path.is_file())

    def of_seller(self, seller: str) -> "FileSource":  # noqa: ARG002
        """The same: any line may be of any seller."""
        return self

    def chunks(self) -> Iterator["Lines"]:
        """The lines of every file.

        Raises:
            UnreadableSource: a file cannot be opened, or ends in the middle of its
                compressed data.
        """
        for path in self._paths:
            try:
                yield from _chunks(path)
            except (OSError, EOFError, zlib.error) as error:
                said = getattr(error, "strerror", None) or error
                raise UnreadableSource(f"{path}: cannot be read: {said}") from error


class Lines:
    """Lines of one file that were read together."""

    __slots__ = ("_numbers", "_path", "values", "weight")

    def __init__(self, path: Path, lines: list[bytes], first: int, weight: int) -> None:
        self._path = path
        self._numbers: Sequence[int] = range(first, first + len(lines))
        self.values = [line for line in lines if not line.isspace()]
        self.weight = weight
        if len(self.values) < len(lines):
            self._numbers = [
                number
                for number, line in zip(self._numbers, lines, strict=True)
                if not line.isspace()
            ]

    def origin(self, index: int) -> str:
        """``file:line``, lines counted from 1."""
        return f"{self._path}:{self._numbers[index]}"

    def check(self, index: int, event: Event) -> None:
        """Nothing to check: lines of a file have neither key nor partition nor timestamp."""


def _chunks(path: Path) -> Iterator[Lines]:
    with ExitStack() as closing:
        raw = closing.enter_context(path.open("rb", buffering=0))
        on_disk = stat.S_ISREG(path.stat().st_mode)
        packed = closing.enter_context(io.BufferedReader(raw, _BLOCK_BYTES))
        reader: io.BufferedIOBase = packed
        if packed.peek(2).startswith(_GZIP_MAGIC):
            unpacked = closing.enter_context(gzip.GzipFile(fileobj=packed))
            # GzipFile itself would make every line in Python.
            reader = closing.enter_context(io.BufferedReader(unpacked, _BLOCK_BYTES))
        first, seen_bytes = 1, 0
        while lines := reader.readlines(_BLOCK_BYTES):
            position = raw.tell() if on_disk else 0
            yield Lines(path, lines, first, position - seen_bytes)
            first, seen_bytes = first + len(lines), position
