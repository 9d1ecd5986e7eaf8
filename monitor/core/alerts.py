"""Alert levels over time: which readings changed their level, as records for ``alerts``.

An alert remembers its level, its sequence number and its episode. A record is the evidence
of one change (contract, alerts.md); the same change always has the same bytes.
"""

from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Literal

import msgspec
from msgspec import Struct

from monitor.core.engine import Engine
from monitor.core.instants import isoformat
from monitor.core.readings import Level, Reading
from monitor.core.rules import Limit, WindowDays

SUBJECTS_MAX = 20

Reason = Literal["events", "time", "policy", "stale", "caught_up", "reminder"]
Cut = Mapping[str, tuple[int, int]]
"""Per source topic the partition and the next offset not yet applied."""

_QUIET = frozenset({Level.OK, Level.NO_DATA})


class AlertRecord(Struct, frozen=True, kw_only=True, rename={"from_": "from"}):
    """One change of an alert's level, as it travels on the ``alerts`` topic."""

    alert: str
    seq: int
    episode: int
    from_: Level
    to: Level
    reason: Reason
    seller: str
    marketplace: str
    metric: str
    window_days: WindowDays
    category: str | None
    numerator: int
    denominator: int | None
    limit: str
    approach: str | None
    headroom: int | None
    orders_to_recover: int | None
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


def decode_record(value: bytes) -> AlertRecord:
    """A record from its bytes; msgspec.ValidationError where they are none."""
    return msgspec.json.decode(value, type=AlertRecord)


class _State(Struct):
    level: Level
    seq: int
    episode: int


class AlertBook:
    """The alerts of one partition: the last level of each, and what changed.

    Args:
        program: version that decides, named in every record.
    """

    def __init__(self, program: str) -> None:
        self._program = program
        self._states: dict[str, _State] = {}

    def restore(self, record: AlertRecord) -> None:
        """Take over what an earlier worker decided; of one alert the highest ``seq`` stays."""
        known = self._states.get(record.alert)
        if known is None or record.seq > known.seq:
            self._states[record.alert] = _State(record.to, record.seq, record.episode)

    def level(self, reading: Reading) -> Level:
        """The level last decided for a series; ok where none ever was."""
        state = self._states.get(alert_of(reading))
        return Level.OK if state is None else state.level

    def step(
        self,
        engine: Engine,
        readings: Iterable[Reading],
        cut: Cut,
        *,
        caught_up: bool = False,
    ) -> list[AlertRecord]:
        """Records for the readings whose level changed, at the engine's instant.

        Args:
            engine: what to ask for the orders behind a reading and the policy in force.
            readings: those that may have changed.
            cut: the offsets up to which the engine has read.
            caught_up: the first step after a start, which opens from ``unknown``.
        """
        records = []
        for reading in readings:
            alert = alert_of(reading)
            state = self._states.get(alert)
            level = Level.OK if state is None else state.level
            if reading.level == level or (reading.level in _QUIET and level in _QUIET):
                continue
            fresh = state is None or level in _QUIET
            if state is None:
                state = self._states[alert] = _State(Level.OK, 0, 0)
            from_ = Level.UNKNOWN if caught_up and fresh else level
            state.seq += 1
            state.episode = state.seq if fresh else state.episode
            state.level = reading.level
            reason: Reason = "caught_up" if caught_up else reading.moved_by
            records.append(self._record(engine, reading, cut, from_, reason, state))
        return records

    def _record(
        self,
        engine: Engine,
        reading: Reading,
        cut: Cut,
        from_: Level,
        reason: Reason,
        state: _State,
    ) -> AlertRecord:
        offenders = engine.offenders(reading)
        is_count = reading.denominator is None
        return AlertRecord(
            alert=alert_of(reading),
            seq=state.seq,
            episode=state.episode,
            from_=from_,
            to=reading.level,
            reason=reason,
            seller=reading.seller,
            marketplace=reading.marketplace,
            metric=reading.metric,
            window_days=reading.window_days,
            category=reading.category,
            numerator=reading.numerator,
            denominator=reading.denominator,
            limit=limit_text(reading.limit, is_count=is_count),
            approach=None
            if reading.approach is None
            else value_text(reading.approach, is_count=is_count),
            headroom=reading.headroom,
            orders_to_recover=reading.orders_to_recover,
            subjects=tuple(offenders[:SUBJECTS_MAX]),
            subjects_total=len(offenders),
            as_of=isoformat(engine.now),
            cut=cut,
            policy=engine.digest(reading.marketplace),
            program=self._program,
        )


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
