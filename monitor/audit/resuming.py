"""A directory in which a replay of topics keeps the parts that it has done, to go on from there."""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec

from monitor.audit.parts import Answer
from monitor.audit.replay import Balance
from monitor.audit.spans import Found, Span
from monitor.audit.whole_files import write_whole
from monitor.errors import UnreadableSource
from monitor.printable import printable

_PLAN = "plan.json"


class _Partition(msgspec.Struct, frozen=True):
    topic: str
    number: int
    begin: int
    end: int


class _Plan(msgspec.Struct, frozen=True):
    asked: dict[str, str]
    partitions: int
    apart: int
    parts: list[list[_Partition]]


class _Done(msgspec.Struct, frozen=True):
    balance: Balance
    unknown_marketplaces: list[str]
    sha256: str


class Progress:
    """The parts of a replay that a directory holds.

    Attributes:
        parts: all parts, as they were when the replay was begun: its end stays where it was.

    Without a directory it keeps nothing.
    """

    def __init__(self, directory: Path | None, parts: Sequence[Found]) -> None:
        self.parts = parts
        self._directory = directory

    def answer(self, number: int) -> Answer | None:
        """What came of a part; None where it is not done.

        Raises:
            UnreadableSource: somebody has changed the directory.
        """
        if self._directory is None:
            return None
        path = self._directory / _name(number)
        if not path.with_suffix(".json").exists():
            return None
        done: _Done = _read(path.with_suffix(".json"), _Done)
        printed = path.with_suffix(".jsonl")
        lines = printed.read_bytes() if printed.exists() else b""
        if sha256(lines).hexdigest() != done.sha256:
            raise UnreadableSource(f"{printed} is not what was written: remove the directory")
        return Answer(done.balance, done.unknown_marketplaces, lines)

    def keep(self, number: int, answer: Answer) -> None:
        """Note that a part is done."""
        if self._directory is None:
            return
        path = self._directory / _name(number)
        done = _Done(answer.balance, answer.unknown_marketplaces, sha256(answer.lines).hexdigest())
        write_whole(path.with_suffix(".jsonl"), answer.lines)
        write_whole(path.with_suffix(".json"), msgspec.json.encode(done))


def begun(directory: Path, asked: Mapping[str, str]) -> Progress | None:
    """The replay that a directory holds; None where it holds none yet.

    Args:
        directory: where it is.
        asked: what the replay is of, for people; one that goes on must be of the same.

    Raises:
        UnreadableSource: it is of something else, or somebody has changed the directory.
    """
    if not (directory / _PLAN).exists():
        return None
    plan: _Plan = _read(directory / _PLAN, _Plan)
    differ = [
        f"{name} was {printable(plan.asked.get(name, ''))} and is {printable(asked.get(name, ''))}"
        for name in sorted({*plan.asked, *asked})
        if plan.asked.get(name) != asked.get(name)
    ]
    if differ:
        raise UnreadableSource(
            f"{directory} holds a replay of something else ({'; '.join(differ)}):"
            " name another directory, or remove it"
        )
    parts = [
        {(one.topic, one.number): Span(one.begin, one.end) for one in part} for part in plan.parts
    ]
    return Progress(directory, [Found(plan.partitions, plan.apart, spans) for spans in parts])


def begin(directory: Path, asked: Mapping[str, str], parts: Sequence[Found]) -> Progress:
    """Begin a replay in a directory, which is made if need be.

    Raises:
        UnreadableSource: it cannot be written.
    """
    told = [
        [_Partition(topic, number, *span) for (topic, number), span in part.spans.items()]
        for part in parts
    ]
    partitions, apart = (parts[0].partitions, parts[0].apart) if parts else (0, 1)
    plan = _Plan(dict(asked), partitions, apart, told)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        write_whole(directory / _PLAN, msgspec.json.encode(plan))
    except OSError as error:
        raise UnreadableSource(f"{directory} cannot be written: {error.strerror}") from error
    return Progress(directory, parts)


def _name(number: int) -> str:
    return f"part-{number:05}"


def _read(path: Path, kind: type[Any]) -> Any:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (OSError, msgspec.MsgspecError) as error:
        raise UnreadableSource(f"{path} cannot be read: {error}") from error
