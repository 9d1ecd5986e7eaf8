"""The episodes of alerts: from the record that opens one to the record that closes it. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from monitor.core.alert_records import AlertRecord, MetricRecord
from monitor.core.instants import Instant, parse_instant
from monitor.core.readings import Level
from monitor.core.standing import QUIET


@dataclass(slots=True)
class Episode:
    """One episode of an alert of a metric.

    ``orders``: those counted in the window at the first breach, without one at the opening; 0
    for a metric that only counts. ``warned_at``: of the first warning, which may come after
    the breach where it is on its way out. ``left`` and ``again``: when it left the breach, and
    when it was back.
    """

    alert: str
    seller: str
    metric: str
    opened_at: Instant
    orders: int
    warned_at: Instant | None = None
    breached_at: Instant | None = None
    closed_at: Instant | None = None
    left: list[Instant] = field(default_factory=list)
    again: list[Instant] = field(default_factory=list)
    flapped: bool = False

    @property
    def lead(self) -> int | None:
        """Microseconds from the first warning to the first breach; None: no breach after one."""
        warned_at, breached_at = self.warned_at, self.breached_at
        if warned_at is None or breached_at is None or warned_at >= breached_at:
            return None
        return breached_at - warned_at

    @property
    def was_in_vain(self) -> bool:
        """Whether it is over and never was a breach."""
        return self.breached_at is None and self.closed_at is not None

    def take(self, record: MetricRecord) -> None:
        """Go on with the next record."""
        at = parse_instant(record.as_of)
        if record.to is Level.APPROACHING and self.warned_at is None:
            self.warned_at = at
        if record.to is Level.BREACHED and record.from_ is not Level.BREACHED:
            if self.breached_at is None:
                self.breached_at = at
                self.orders = record.denominator or 0
            else:
                self.again.append(at)
        if record.from_ is Level.BREACHED and record.to is not Level.BREACHED:
            self.left.append(at)
        if record.to in QUIET:
            self.closed_at = at


def episodes_of(records: Iterable[AlertRecord], flap: int) -> list[Episode]:
    """The episodes of all metrics in the order in which they opened.

    An episode flapped where its alert had been closed for less than ``flap`` microseconds when
    it opened, or where it was back in breach less than that after it had left it. Alerts of
    open items have no episodes here: an item is late or it is not.
    """
    episodes: dict[tuple[str, int], Episode] = {}
    for record in records:
        if not isinstance(record, MetricRecord):
            continue
        key = (record.alert, record.episode)
        episode = episodes.get(key)
        if episode is None:
            episode = episodes[key] = _begun(record)
        episode.take(record)
    found = list(episodes.values())
    _mark_flapping(found, flap)
    return found


def _begun(record: MetricRecord) -> Episode:
    return Episode(
        alert=record.alert,
        seller=record.seller,
        metric=record.metric,
        opened_at=parse_instant(record.as_of),
        orders=record.denominator or 0,
    )


def _mark_flapping(episodes: Sequence[Episode], flap: int) -> None:
    closed_at: dict[str, Instant] = {}
    for episode in episodes:
        before = closed_at.get(episode.alert)
        reopened = before is not None and episode.opened_at - before < flap
        # What left the breach for good has no partner.
        returned = zip(episode.left, episode.again, strict=False)
        episode.flapped = reopened or any(back - left < flap for left, back in returned)
        if episode.closed_at is not None:
            closed_at[episode.alert] = episode.closed_at
