"""Replay: every series of a set of records at an instant, and what became of each record."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from monitor.audit.sources import Chunk, Source
from monitor.core.engine import Engine
from monitor.core.events import Event, decode
from monitor.core.instants import Instant, utc
from monitor.core.limits import TOO_LARGE
from monitor.core.rules import Rulebook
from monitor.errors import InvalidEvent
from monitor.printable import printable

OnInvalid = Callable[[str, InvalidEvent], None]
"""Called with the origin of an invalid record and what is wrong with it."""
OnProgress = Callable[[int], None]
"""Called after each chunk with its weight."""


@dataclass(frozen=True, slots=True)
class Balance:
    """What became of the records; ``read`` is the sum of all others."""

    counted: int
    redundant: int
    late: int
    invalid: int
    after: int
    """Valid, but of an instant after the one asked for."""

    @property
    def read(self) -> int:
        """All records."""
        return self.counted + self.redundant + self.late + self.invalid + self.after


@dataclass(slots=True)
class Intake:
    """Valid events of a source up to an instant, chunk by chunk; counts what it leaves out.

    ``on_invalid`` hears of each invalid record, ``on_progress`` of each chunk.
    """

    source: Source
    as_of: Instant
    on_invalid: OnInvalid
    on_progress: OnProgress
    admitted: int = 0
    invalid: int = 0
    after: int = 0

    def __iter__(self) -> Iterator[list[Event]]:
        """Each chunk's events.

        Raises:
            UnreadableSource: the source cannot be read to its end.
        """
        for chunk in self.source.chunks():
            events = self._events(chunk)
            self.admitted += len(events)
            yield events
            self.on_progress(chunk.weight)

    def refuse(self, events: Iterable[Event]) -> None:
        """Count events that their subjects had no room for as invalid, as the live worker does."""
        for event in events:
            self.admitted -= 1
            self.invalid += 1
            self.on_invalid(f"event {printable(event.id)}", TOO_LARGE)

    def _events(self, chunk: Chunk) -> list[Event]:
        events = []
        latest, check = utc(self.as_of), chunk.check
        for index, value in enumerate(chunk.values):
            try:
                event = decode(value)
                check(index, event)
            except InvalidEvent as error:
                self.invalid += 1
                self.on_invalid(chunk.origin(index), error)
                continue
            if event.at > latest:
                self.after += 1
            else:
                events.append(event)
        return events


def replay(intake: Intake, rulebook: Rulebook) -> tuple[Engine, Balance]:
    """The engine that has applied all of ``intake``, at its instant, and the balance.

    Raises:
        UnreadableSource: the source cannot be read to its end.
    """
    engine = Engine(rulebook, now=intake.as_of)
    for events in intake:
        intake.refuse(engine.apply(events).too_large)
    kept = engine.balance()
    balance = Balance(kept.counted, kept.redundant, kept.late, intake.invalid, intake.after)
    if balance.read != intake.admitted + intake.invalid + intake.after:
        raise AssertionError(f"{intake.admitted} events applied, but the engine says {kept}")
    return engine, balance


def balance_line(balance: Balance) -> str:
    """The last line on stderr (contract, "monitor replay")."""
    return (
        f"read {balance.read} = counted {balance.counted} + redundant {balance.redundant}"
        f" + late {balance.late} + invalid {balance.invalid}"
        f" + after the as-of instant {balance.after}"
    )
