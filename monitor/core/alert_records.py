"""The records of the ``alerts`` topic: one per change of an alert's level (contract, alerts.md)."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from monitor.core.instants import Instant, isoformat
from monitor.core.readings import Level, Reading, Waiting
from monitor.core.rules import ItemKind, Limit, WindowDays
from monitor.core.standing import Reason, Word

Cut = Mapping[str, tuple[int, int]]
"""Per source topic the partition and the next offset not yet applied."""

_DIGITS_SHOWN = 10


class Link(Struct, frozen=True):
    """A record's number in the chain of its partition, and the SHA-256 of the one before it.

    The first one has an empty ``previous``.
    """

    n: int
    previous: str


class Decided(NamedTuple):
    """When and by what a record was decided, which all records of a point have in common."""

    at: Instant
    cut: Cut
    program: str


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
    items concerned, the newest first: those that are due last.
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


def alert_of(sight: Reading | Waiting) -> str:
    """Identity of an alert: ``seller/marketplace/metric/window[/category]``, or ``…/KIND``."""
    if isinstance(sight, Waiting):
        return f"{sight.seller}/{sight.marketplace}/{sight.kind}"
    series = f"{sight.seller}/{sight.marketplace}/{sight.metric}/{sight.window_days}"
    return series if sight.category is None else f"{series}/{sight.category}"


def record_of(
    sight: Reading | Waiting,
    word: Word,
    subjects: tuple[Sequence[str], int],
    policy: str,
    decided: Decided,
) -> AlertRecord:
    """The record of a word on what was seen, yet without its numbers.

    ``subjects`` are those behind it that are named, and how many there are; ``policy`` is the
    digest of the one in force.
    """
    named, total = subjects
    common: dict[str, Any] = {
        "alert": alert_of(sight),
        "seq": 0,
        "episode": 0,
        "chain": Link(0, ""),
        "from_": word.from_,
        "to": word.to,
        "reason": word.reason,
        "seller": sight.seller,
        "marketplace": sight.marketplace,
        "subjects": tuple(named),
        "subjects_total": total,
        "as_of": isoformat(decided.at),
        "cut": decided.cut,
        "policy": policy,
        "program": decided.program,
    }
    if isinstance(sight, Waiting):
        return DeadlineRecord(**common, **_items_of(sight))
    return MetricRecord(**common, **_figures_of(sight))


def ending_of(last: AlertRecord, word: Word, policy: str, decided: Decided) -> AlertRecord:
    """The record of an alert whose series no longer exists, after its last one."""
    nothing: dict[str, Any] = {"open": 0, "overdue": 0, "first_due_at": None}
    if isinstance(last, MetricRecord):
        denominator = None if last.denominator is None else 0
        nothing = {"numerator": 0, "denominator": denominator}
        nothing |= {"headroom": None, "orders_to_recover": None}
    return replace(
        last,
        from_=word.from_,
        to=word.to,
        reason=word.reason,
        subjects=(),
        subjects_total=0,
        as_of=isoformat(decided.at),
        cut=decided.cut,
        policy=policy,
        program=decided.program,
        **nothing,
    )


def _figures_of(reading: Reading) -> dict[str, Any]:
    is_count, approach = reading.denominator is None, reading.approach
    return {
        "metric": reading.metric,
        "window_days": reading.window_days,
        "category": reading.category,
        "numerator": reading.numerator,
        "denominator": reading.denominator,
        "limit": limit_text(reading.limit, is_count=is_count),
        "approach": None if approach is None else value_text(approach, is_count=is_count),
        "headroom": reading.headroom,
        "orders_to_recover": reading.orders_to_recover,
    }


def _items_of(waiting: Waiting) -> dict[str, Any]:
    first_due_at = waiting.first_due_at
    return {
        "kind": waiting.kind,
        "open": waiting.open,
        "overdue": waiting.overdue,
        "first_due_at": None if first_due_at is None else isoformat(first_due_at),
    }


@lru_cache(maxsize=1024)
def limit_text(limit: Limit, *, is_count: bool) -> str:
    """A limit as a policy file writes it: ``under 1%``, ``at most 3``."""
    return f"{limit.comparison} {value_text(limit.value, is_count=is_count)}"


@lru_cache(maxsize=1024)
def value_text(value: Fraction, *, is_count: bool) -> str:
    """A limit's value as a policy file writes it.

    Exact, as it was read from a decimal; what is none (a third) has ten digits after the point,
    rounded half to even.
    """
    scaled = value if is_count else value * 100
    digits = _decimals_of(scaled.denominator)
    whole = round(scaled * 10**digits)
    sign, text = "-" if whole < 0 else "", f"{abs(whole):0{digits + 1}d}"
    if digits:
        text = f"{text[:-digits]}.{text[-digits:]}"
    return f"{sign}{text}" if is_count else f"{sign}{text}%"


def _decimals_of(denominator: int) -> int:
    """How many digits after the point a fraction has; of endless ones those that are shown."""
    twos = fives = 0
    while denominator % 2 == 0:
        denominator, twos = denominator // 2, twos + 1
    while denominator % 5 == 0:
        denominator, fives = denominator // 5, fives + 1
    return max(twos, fives) if denominator == 1 else _DIGITS_SHOWN
