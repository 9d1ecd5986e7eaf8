"""What the live worker knows at an instant, for the exporter and the status page."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from monitor.core.instants import Instant
from monitor.core.readings import OpenItems, Reading
from monitor.core.rolling_off import RollOff


@dataclass(frozen=True, slots=True)
class PartitionStats:
    """What became of the records of one partition of one source topic.

    ``events`` are all records read = counted + redundant + late + invalid; those whose
    instant is still to come are among the counted. The totals of all workers that
    owned the partition add up in its ledger.
    """

    topic: str
    partition: int
    events: int
    counted: int
    invalid: int
    redundant: int
    late: int
    last_event_at: Instant | None
    """The latest ``at`` of the valid events."""
    lag: int
    """Records of the partition that are not applied yet."""
    ready: bool
    """Whether the four topics of this partition number are read to where they ended."""


@dataclass(frozen=True, slots=True)
class RawInputStats:
    """What became of the records of one partition of a raw input, since the worker started."""

    topic: str
    partition: int
    records: int
    """All records read = published again + invalid."""
    invalid: int
    lag: int
    """Records of the partition that are not yet published again."""


@dataclass(frozen=True, slots=True)
class Distribution:
    """How many of some values lie at or below each of a few bounds, in rising order.

    ``counts`` has one number more than ``bounds``: how many values there are at all.
    """

    bounds: tuple[float, ...]
    counts: tuple[int, ...]
    total: float
    """The sum of all values."""


@dataclass(frozen=True, slots=True)
class ReceiverStats:
    """What this worker delivered to a receiver since it started, and what is under way."""

    receiver: str
    notifications: Mapping[str, int]
    """Attempts by what came of them: ``delivered``, ``refused`` for ever, ``failed`` for now."""
    records: Mapping[str, int]
    """Alert records by what became of them: ``delivered``, ``refused``, ``silenced``, …"""
    postponed: Mapping[str, int]
    """Open alerts that it is told of later, by what hides them."""
    refused: int
    """Alerts whose last word it refused."""
    undelivered: int
    """Records that were read and not dealt with yet."""
    oldest_seconds: float
    """How long ago the oldest of these was decided; 0 without any."""
    delays: Distribution
    """Seconds from the decision of a record to its delivery."""
    failing: bool
    """Whether it has taken nothing for so long that the others are told."""


@dataclass(frozen=True, slots=True)
class AlertQuality:
    """What followed on approaching alerts of a metric, or of a kind of open items."""

    metric: str
    outcome: str
    """``breached``, ``recovered``, or ``unknown`` where its data went stale."""
    alerts: int


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a worker is on its way to being ready."""

    joined: bool
    """Whether its group has told it which partitions are assigned, and it is not leaving."""
    recovering: Mapping[int, float]
    """Partition numbers that are being restored, and which share of each is."""
    partitions: tuple[PartitionStats, ...]
    """The partitions that are restored."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All readings of one worker; those of partitions not yet ready have level unknown."""

    as_of: Instant
    """The evaluation point for which ``readings`` were taken."""
    readings: tuple[Reading, ...]
    open_items: tuple[OpenItems, ...]
    partitions: tuple[PartitionStats, ...]
    recovering: Mapping[int, float] = field(default_factory=dict)
    """Partition numbers that are being restored, and which share of each is."""
    unknown_marketplaces: tuple[str, ...] = ()
    """Marketplaces seen that no policy names."""
    raw_inputs: tuple[RawInputStats, ...] = ()
    receivers: tuple[ReceiverStats, ...] = ()
    alert_quality: tuple[AlertQuality, ...] = ()
    silent_sellers: Mapping[str, int] = field(default_factory=dict)
    """By marketplace, sellers of which a feed has sent no heartbeat for too long."""
    roll_offs: tuple[RollOff, ...] = ()
    """Of the readings that approach their limit, or are beyond it."""
    partition_count: int = 0
    """How many partition numbers there are, whoever owns them; 0: not known yet."""


class Watched(Protocol):
    """What can be watched: a worker."""

    async def observe(self) -> Snapshot:
        """What the last evaluation found, without holding up the event loop."""

    def progress(self) -> Progress:
        """How far it is, at once."""
