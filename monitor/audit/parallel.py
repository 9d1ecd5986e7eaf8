"""One replay in several processes, each of some partitions: the same readings as in one."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import reduce
from heapq import merge
from math import gcd
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from monitor.audit import lines
from monitor.audit.console import Remarks, reading
from monitor.audit.kafka_source import KafkaSource
from monitor.audit.replay import Balance, Intake, OnProgress, balance_line, replay
from monitor.audit.sources import Source
from monitor.audit.spans import Span, Where
from monitor.core.instants import Instant
from monitor.core.readings import Reading, reading_order
from monitor.errors import InvalidEvent, UnreadableSource
from monitor.garbage import collect_garbage_seldom
from monitor.policy import load_policies

_READINGS_A_MESSAGE = 1000


class Plan(NamedTuple):
    """What all processes of a replay have in common.

    Each loads the policies for itself, since calendars cannot be sent.
    """

    policies: tuple[Path, ...]
    as_of: Instant


class Streams(NamedTuple):
    """Where a command prints: results to ``stdout``, remarks to ``stderr``."""

    stdout: TextIO
    stderr: TextIO


class Replayed(NamedTuple):
    """What ``monitor replay`` prints; ``readings`` are in the order of the contract."""

    readings: Iterator[Reading]
    balance: Balance
    unknown_marketplaces: set[str]


class _Done(NamedTuple):
    balance: Balance
    unknown_marketplaces: set[str]


class _Invalid(NamedTuple):
    origin: str
    error: tuple[Any, ...]


class _Refused(NamedTuple):
    message: str


def replay_in_processes(
    source: Source, plan: Plan, workers: int, format_name: str, out: Streams
) -> bool:
    """Print what ``Audit.replay`` prints, read by up to ``workers`` processes.

    Raises:
        UnreadableSource: the source cannot be read to its end.
        TypeError: it is not of topics.
    """
    if not isinstance(source, KafkaSource):
        raise TypeError("only topics have partitions to share out")
    found = source.find()
    groups = groups_of(found.spans, workers, found.partitions, source.earlier_partitions)
    sources = [source.only(spans) for spans in groups]
    with ExitStack() as closing:
        with reading(source, out.stderr) as (remarks, on_progress):
            running = replaying(plan, sources, remarks, on_progress)
            replayed = closing.enter_context(running)
            remarks.unknown_marketplaces(replayed.unknown_marketplaces)
        lines.FORMATS[format_name](replayed.readings, out.stdout)
    out.stdout.flush()
    print(balance_line(replayed.balance), file=out.stderr)
    return not replayed.balance.invalid


def groups_of(
    spans: Mapping[Where, Span], workers: int, partitions: int, earlier: Sequence[int]
) -> list[dict[Where, Span]]:
    """The spans of each process: no seller's records lie in two of them; at most ``workers``.

    A seller whose key is in partition p now was in partition p modulo the greatest common
    divisor of all numbers of partitions that there ever were, so these stay together.
    """
    apart = reduce(gcd, earlier, partitions)
    shares: dict[int, dict[Where, Span]] = {}
    for (topic, number), span in spans.items():
        shares.setdefault(number % apart, {})[topic, number] = span
    groups: list[dict[Where, Span]] = [{} for _ in range(workers)]
    # The largest first, each to whom has least.
    for share in sorted(shares.values(), key=_weight, reverse=True):
        min(groups, key=_weight).update(share)
    return [group for group in groups if group]


def _weight(spans: Mapping[Where, Span]) -> int:
    return sum(span.end - span.begin for span in spans.values())


@contextmanager
def replaying(
    plan: Plan, sources: Sequence[KafkaSource], remarks: Remarks, on_progress: OnProgress
) -> Iterator[Replayed]:
    """A replay in one process per source, which end with the context.

    Remarks come in the order in which the processes make them.

    Raises:
        UnreadableSource: a process cannot read its partitions to their end.
    """
    context = get_context("spawn")
    with ExitStack() as closing:
        connections = list[Connection]()
        for source in sources:
            ours, theirs = context.Pipe(duplex=False)
            closing.enter_context(ours)
            process = context.Process(target=_work, args=(theirs, plan, source), daemon=True)
            process.start()
            closing.callback(process.join)
            closing.callback(process.terminate)
            theirs.close()
            connections.append(ours)
        done = _follow(connections, remarks, on_progress)
        readings = merge(*map(_readings, connections), key=reading_order)
        unknown = set[str]().union(*(one.unknown_marketplaces for one in done))
        yield Replayed(readings, _sum([one.balance for one in done]), unknown)


def _follow(
    connections: Sequence[Connection], remarks: Remarks, on_progress: OnProgress
) -> list[_Done]:
    """Pass on what the processes say until each has read all that it has to."""
    done, busy = list[_Done](), list(connections)
    while busy:
        ready = set(wait(busy))
        for connection in [one for one in busy if one in ready]:
            said = _receive(connection)
            if isinstance(said, int):
                on_progress(said)
            elif isinstance(said, _Invalid):
                remarks.invalid(said.origin, InvalidEvent(*said.error))
            else:
                done.append(said)
                busy.remove(connection)
    return done


def _receive(connection: Connection) -> Any:
    try:
        said = connection.recv()
    except EOFError:
        raise RuntimeError("a process of the replay has died; what it said is above") from None
    if isinstance(said, _Refused):
        raise UnreadableSource(said.message)
    return said


def _readings(connection: Connection) -> Iterator[Reading]:
    """The readings of one process; it waits until they are asked for."""
    while some := _receive(connection):
        yield from some


def _sum(balances: Sequence[Balance]) -> Balance:
    return Balance(
        counted=sum(one.counted for one in balances),
        redundant=sum(one.redundant for one in balances),
        late=sum(one.late for one in balances),
        invalid=sum(one.invalid for one in balances),
        after=sum(one.after for one in balances),
    )


def _work(connection: Connection, plan: Plan, source: KafkaSource) -> None:
    """All that a process does: read, then say the balance and the readings."""
    collect_garbage_seldom()

    def invalid(origin: str, error: InvalidEvent) -> None:
        connection.send(_Invalid(origin, (error.reason, error.detail)))

    try:
        intake = Intake(source, plan.as_of, invalid, connection.send)
        engine, balance = replay(intake, load_policies(plan.policies))
        connection.send(_Done(balance, set(engine.unknown_marketplaces)))
        readings = engine.readings()
        for begin in range(0, len(readings), _READINGS_A_MESSAGE):
            connection.send(readings[begin : begin + _READINGS_A_MESSAGE])
        connection.send([])
    except UnreadableSource as error:
        connection.send(_Refused(str(error)))
