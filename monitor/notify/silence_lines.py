"""Silences as people and programs read them on a terminal. Pure."""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from monitor.core.instants import Instant, isoformat
from monitor.notify.silences import ANY, Silence
from monitor.printable import printable

_HEADINGS = ("id", "state", "silences", "from", "until", "author", "reason")


def scope_of(silence: Silence) -> str:
    """What it silences, in words."""
    named = (
        ("seller", silence.seller),
        ("marketplace", silence.marketplace),
        ("metric", silence.metric),
    )
    said = [f"{noun} {printable(pattern)}" for noun, pattern in named if pattern != ANY]
    return ", ".join(said) or "everything"


def state_of(silence: Silence, at: Instant) -> str:
    """``active``, ``to come``, ``over`` or ``expired``: ended before its time."""
    if silence.is_active(at):
        return "active"
    if silence.expired_at is not None and silence.expired_at <= at:
        return "expired"
    return "to come" if at < silence.begins_at else "over"


def latest_first(silences: Iterable[Silence]) -> list[Silence]:
    """In the order in which they end, the last one first."""
    return sorted(silences, key=lambda one: (one.over_at, one.id), reverse=True)


def table_lines(silences: Iterable[Silence], at: Instant) -> Iterator[str]:
    """A table; nothing in it can break out of its line."""
    rows = [_HEADINGS, *(_row(silence, at) for silence in silences)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield "  ".join(cells).rstrip()


def json_lines(silences: Iterable[Silence], at: Instant) -> Iterator[str]:
    """One JSON object for each, as on the topic, with its state."""
    for silence in silences:
        found: dict[str, Any] = msgspec.json.decode(silence.encode())
        yield msgspec.json.encode(found | {"state": state_of(silence, at)}, order="sorted").decode()


def _row(silence: Silence, at: Instant) -> tuple[str, ...]:
    return (
        printable(silence.id),
        state_of(silence, at),
        scope_of(silence),
        isoformat(silence.begins_at),
        isoformat(silence.over_at),
        printable(silence.author),
        printable(silence.reason),
    )
