"""Processes that replay the parts of topics, each the next part that nobody has taken."""

from collections import deque
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, NamedTuple

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


def answers_of(
    plan: Plan,
    sources: Sequence[Source],
    todo: Collection[int],
    workers: int,
    remarks: Remarks,
    on_progress: OnProgress,
) -> Iterator[tuple[int, Answer]]:
    """The answers of the parts whose numbers are in ``todo``, in the order of their coming.

    Up to ``workers`` processes take one after the other, the first of ``todo`` first; they end
    with the iteration. Remarks come in the order in which the processes make them.

    Raises:
        UnreadableSource: a process cannot read its part to its end.
    """
    waiting, busy = deque(todo), dict[Connection, int]()
    with ExitStack() as closing:
        for _ in range(min(workers, len(todo))):
            connection = _started(plan, sources, closing)
            busy[connection] = waiting.popleft()
            connection.send(busy[connection])
        while busy:
            ready = set(wait(busy))
            for connection in [one for one in busy if one in ready]:
                said = _receive(connection)
                if isinstance(said, int):
                    on_progress(said)
                elif isinstance(said, _Invalid):
                    remarks.invalid(said.origin, InvalidEvent(*said.error))
                else:
                    number = busy.pop(connection)
                    if waiting:
                        busy[connection] = waiting.popleft()
                        connection.send(busy[connection])
                    yield number, said


def _started(plan: Plan, sources: Sequence[Source], closing: ExitStack) -> Connection:
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    closing.enter_context(ours)
    process = context.Process(target=_work, args=(theirs, plan, sources), daemon=True)
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


def _work(connection: Connection, plan: Plan, sources: Sequence[Source]) -> None:
    """All that a process does: replay the part whose number it is told, and wait for the next."""
    collect_garbage_seldom()
    rulebook = load_policies(plan.policies)

    def invalid(origin: str, error: InvalidEvent) -> None:
        connection.send(_Invalid(origin, (error.reason, error.detail)))

    try:
        while True:
            source = sources[connection.recv()]
            connection.send(answer_of(source, rulebook, plan.as_of, invalid, connection.send))
    except UnreadableSource as error:
        connection.send(_Refused(str(error)))
    except EOFError:
        """Nobody wants anything any more."""
