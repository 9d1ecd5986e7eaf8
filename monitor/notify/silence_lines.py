"""Silences as people and programs read them on a terminal. Pure."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import msgspec

from monitor.core.alert_records import AlertRecord
from monitor.core.instants import Instant, isoformat
from monitor.notify.silences import ANY, Silence
from monitor.printable import printable

_HEADINGS = ("id", "state", "silences", "hides", "from", "until", "author", "reason")


class Listed(NamedTuple):
    """A silence, and the open alerts that it hides from somebody."""

    silence: Silence
    hides: tuple[str, ...] = ()


def listed(silences: Iterable[Silence], hidden: Iterable[AlertRecord], at: Instant) -> list[Listed]:
    """Silences with what they hide of the records that are hidden; that end last come first."""
    records = list(hidden)
    ordered = sorted(silences, key=lambda one: (one.over_at, one.id), reverse=True)
    return [
        Listed(one, tuple(sorted(found.alert for found in records if one.covers(found))))
        if one.is_active(at)
        else Listed(one)
        for one in ordered
    ]


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


def table_lines(silences: Iterable[Listed], at: Instant) -> Iterator[str]:
    """A table; nothing in it can break out of its line."""
    rows = [_HEADINGS, *(_row(one, at) for one in silences)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield "  ".join(cells).rstrip()


def json_lines(silences: Iterable[Listed], at: Instant) -> Iterator[str]:
    """One JSON object for each, as on the topic, with its state and the alerts that it hides."""
    for silence, hides in silences:
        found: dict[str, Any] = msgspec.json.decode(silence.encode())
        found |= {"state": state_of(silence, at), "hides": hides}
        yield msgspec.json.encode(found, order="sorted").decode()


def _row(found: Listed, at: Instant) -> tuple[str, ...]:
    silence, hides = found
    return (
        printable(silence.id),
        state_of(silence, at),
        scope_of(silence),
        str(len(hides)),
        isoformat(silence.begins_at),
        isoformat(silence.over_at),
        printable(silence.author),
        printable(silence.reason),
    )
