"""The records of the ``alerts`` topic: one per change of an alert's level (contract, alerts.md)."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Literal

import msgspec
from msgspec import Struct

from monitor.core.readings import Level, Reading
from monitor.core.rules import ItemKind, Limit, WindowDays

Reason = Literal["events", "time", "policy", "stale", "caught_up", "reminder"]
Cut = Mapping[str, tuple[int, int]]
"""Per source topic the partition and the next offset not yet applied."""


class Link(Struct, frozen=True):
    """A record's number in the chain of its partition, and the SHA-256 of the one before it.

    The first one has an empty ``previous``.
    """

    n: int
    previous: str


class _Record(Struct, frozen=True, kw_only=True, rename={"from_": "from"}):
    alert: str
    seq: int
    episode: int
    chain: Link
    from_: Level
    to: Level
    reason: Reason
    seller: str
    marketplace: str
    subjects: tuple[str, ...]
    subjects_total: int
    as_of: str
    cut: Cut
    policy: str
    program: str
    v: int = 1

    def encode(self) -> bytes:
        """The record's bytes: JSON, keys sorted, no spaces."""
        return msgspec.json.encode(self, order="sorted")


class MetricRecord(_Record, frozen=True, kw_only=True):
    """One change of the level of a series."""

    metric: str
    window_days: WindowDays
    category: str | None
    numerator: int
    denominator: int | None
    limit: str
    approach: str | None
    headroom: int | None
    orders_to_recover: int | None


class DeadlineRecord(_Record, frozen=True, kw_only=True):
    """One change of the level of a seller's open items of a kind.

    ``approaching``: an item is due soon; ``breached``: one is overdue. ``subjects`` are the
    items concerned, the first due first.
    """

    kind: ItemKind
    open: int
    overdue: int
    first_due_at: str | None


AlertRecord = MetricRecord | DeadlineRecord


class _Kind(Struct):
    kind: str | None = None


def decode_record(value: bytes) -> AlertRecord:
    """A record from its bytes; msgspec.ValidationError where they are none."""
    is_deadline = msgspec.json.decode(value, type=_Kind).kind is not None
    if is_deadline:
        return msgspec.json.decode(value, type=DeadlineRecord)
    return msgspec.json.decode(value, type=MetricRecord)


def alert_of(reading: Reading) -> str:
    """Identity of the alert of a series: ``seller/marketplace/metric/window[/category]``."""
    parts = [reading.seller, reading.marketplace, reading.metric, str(reading.window_days)]
    if reading.category is not None:
        parts.append(reading.category)
    return "/".join(parts)


def limit_text(limit: Limit, *, is_count: bool) -> str:
    """A limit as a policy file writes it: ``under 1%``, ``at most 3``."""
    return f"{limit.comparison} {value_text(limit.value, is_count=is_count)}"


def value_text(value: Fraction, *, is_count: bool) -> str:
    """A limit's value as a policy file writes it; exact, as it was read from a decimal."""
    scaled = value if is_count else value * 100
    digits = 0
    while (scaled * 10**digits).denominator != 1:
        digits += 1
    whole = f"{int(scaled * 10**digits):0{digits + 1}d}"
    text = whole if digits == 0 else f"{whole[:-digits]}.{whole[-digits:]}"
    return text if is_count else f"{text}%"
