"""Processes that replay the parts of topics, each the next part that nobody has taken."""

from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, NamedTuple, Self

from monitor.audit.console import Remarks
from monitor.audit.lines import encoded, line_of
from monitor.audit.parts import Answer
from monitor.audit.replay import Intake, OnInvalid, OnProgress, replay
from monitor.audit.sources import Source
from monitor.core.instants import Instant
from monitor.core.rules import Rulebook
from monitor.errors import InvalidEvent, UnreadableSource
from monitor.garbage import collect_garbage_seldom
from monitor.policy import load_policies


class Plan(NamedTuple):
    """What all processes of a replay have in common.

    Each loads the policies for itself, since calendars cannot be sent.
    """

    policies: tuple[Path, ...]
    as_of: Instant


class _Invalid(NamedTuple):
    origin: str
    error: tuple[Any, ...]


class _Refused(NamedTuple):
    message: str


def answer_of(
    source: Source,
    rulebook: Rulebook,
    as_of: Instant,
    on_invalid: OnInvalid,
    on_progress: OnProgress,
) -> Answer:
    """Replay one part.

    Raises:
        UnreadableSource: the source cannot be read to its end.
    """
    engine, balance = replay(Intake(source, as_of, on_invalid, on_progress), rulebook)
    return Answer(balance, engine.unknown_marketplaces, encoded(map(line_of, engine.readings())))


class Crew:
    """Processes that replay parts; a context, whose end is theirs.

    They begin at once: what they import and load takes longer than finding out what to read.

    Args:
        plan: what they have in common.
        workers: how many.
    """

    def __init__(self, plan: Plan, workers: int) -> None:
        self._closing = ExitStack()
        self._idle = [_started(plan, self._closing) for _ in range(workers)]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._closing.close()

    def answers(
        self, parts: Mapping[int, Source], remarks: Remarks, on_progress: OnProgress
    ) -> Iterator[tuple[int, Answer]]:
        """The answers of the parts, in the order of their coming, each with its number.

        Each process takes the first part that nobody has taken. Remarks come in the order in
        which the processes make them.

        Raises:
            UnreadableSource: a process cannot read its part to its end.
        """
        waiting, busy = deque(parts), dict[Connection, int]()
        while waiting or busy:
            while waiting and self._idle:
                connection = self._idle.pop()
                busy[connection] = waiting.popleft()
                connection.send(parts[busy[connection]])
            ready = set(wait(busy))
            for connection in [one for one in busy if one in ready]:
                said = _receive(connection)
                if isinstance(said, int):
                    on_progress(said)
                elif isinstance(said, _Invalid):
                    remarks.invalid(said.origin, InvalidEvent(*said.error))
                else:
                    self._idle.append(connection)
                    yield busy.pop(connection), said


def _started(plan: Plan, closing: ExitStack) -> Connection:
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    closing.enter_context(ours)
    process = context.Process(target=_work, args=(theirs, plan), daemon=True)
    process.start()
    closing.callback(process.join)
    closing.callback(process.terminate)
    theirs.close()
    return ours


def _receive(connection: Connection) -> Any:
    try:
        said = connection.recv()
    except (EOFError, ConnectionError):
        raise RuntimeError("a process of the replay has died; what it said is above") from None
    if isinstance(said, _Refused):
        raise UnreadableSource(said.message)
    return said


def _work(connection: Connection, plan: Plan) -> None:
    """All that a process does: replay the part that it is sent, and wait for the next."""
    collect_garbage_seldom()
    rulebook = load_policies(plan.policies)

    def invalid(origin: str, error: InvalidEvent) -> None:
        connection.send(_Invalid(origin, (error.reason, error.detail)))

    try:
        while True:
            source = connection.recv()
            connection.send(answer_of(source, rulebook, plan.as_of, invalid, connection.send))
    except UnreadableSource as error:
        connection.send(_Refused(str(error)))
    except EOFError:
        """Nobody wants anything any more."""
