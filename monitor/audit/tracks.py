"""How near each series of a seller came to its limit over a range of points. Pure."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from msgspec import Struct

from monitor.core.alert_records import alert_of, limit_text, value_text
from monitor.core.instants import Instant, isoformat
from monitor.core.readings import Level, Reading, high_is_bad

_SAMPLES_MAX = 1000


class Sample(NamedTuple):
    """What a series said from an instant on."""

    at: Instant
    numerator: int
    denominator: int | None
    level: Level


class Closest(Struct, frozen=True, kw_only=True):
    """The nearest that a series came to its limit; ``headroom``: how many more could turn bad."""

    alert: str
    as_of: str
    numerator: int
    denominator: int | None
    limit: str
    approach: str | None
    level: str
    headroom: int | None
    unknown_points: int
    """Points of the range at which it was looked at and unknown."""


class Track:
    """One series: its changes within a range, and the nearest that it came.

    ``samples`` are thinned out where there are very many; the first, the nearest and the last
    stay.
    """

    def __init__(self, reading: Reading, at: Instant) -> None:
        self.samples: list[Sample] = []
        self.nearest, self.nearest_at = reading, at
        self.last = reading
        self._unknown = 0
        self._every = 1
        self._seen = 0
        self._peak: Sample
        self.see(reading, at)

    def see(self, reading: Reading, at: Instant) -> None:
        """What it says from a point on."""
        self.last = reading
        self._unknown += reading.alarm is Level.UNKNOWN
        if _distance(reading) < _distance(self.nearest):
            self.nearest, self.nearest_at = reading, at
        sample = Sample(at, reading.numerator, reading.denominator, reading.level)
        if self.samples and self.samples[-1][1:] == sample[1:]:
            return
        self._seen += 1
        is_nearest = self.nearest_at == at
        if is_nearest:
            self._peak = sample
        if is_nearest or self._seen % self._every == 0 or len(self.samples) < 2:
            self.samples.append(sample)
        if len(self.samples) > _SAMPLES_MAX:
            kept = {*self.samples[::2], self._peak, self.samples[-1]}
            self.samples = sorted(kept, key=lambda one: one.at)
            self._every *= 2

    def closest(self) -> Closest:
        """The nearest that it came."""
        one, is_count = self.nearest, self.nearest.denominator is None
        approach = one.approach
        return Closest(
            alert=alert_of(one),
            as_of=isoformat(self.nearest_at),
            numerator=one.numerator,
            denominator=one.denominator,
            limit=limit_text(one.limit, is_count=is_count),
            approach=None if approach is None else value_text(approach, is_count=is_count),
            level=one.level.value,
            headroom=one.headroom,
            unknown_points=self._unknown,
        )


class Tracks:
    """The series of a seller; before the range only their last word is kept.

    Args:
        begin: the first instant of the range.
        seller: whose.
        marketplace: where; None: everywhere.
        metric: which; None: every one.
    """

    def __init__(
        self, begin: Instant, seller: str, marketplace: str | None, metric: str | None
    ) -> None:
        self._begin = begin
        self._asked = (seller, marketplace, metric)
        self._before: dict[str, Reading] = {}
        self._by_alert: dict[str, Track] = {}
        self.points = 0
        """Points in the range."""

    def see(self, readings: Iterable[Reading], at: Instant) -> None:
        """What a point looked at."""
        own = [one for one in readings if self._is_asked(one)]
        if at < self._begin:
            self._before.update((alert_of(one), one) for one in own)
            return
        self.open()
        self.points += 1
        for reading in own:
            track = self._by_alert.get(alert_of(reading))
            if track is None:
                self._by_alert[alert_of(reading)] = Track(reading, at)
            else:
                track.see(reading, at)

    def open(self) -> None:
        """Begin the range with what was said before it; again without effect."""
        for alert, reading in self._before.items():
            self._by_alert[alert] = Track(reading, self._begin)
        self._before = {}

    def __iter__(self) -> Iterator[tuple[str, Track]]:
        """Each series that counts anything, by the name of its alert."""
        self.open()
        for alert, track in sorted(self._by_alert.items()):
            if track.nearest.numerator or track.nearest.denominator:
                yield alert, track

    def _is_asked(self, reading: Reading) -> bool:
        seller, marketplace, metric = self._asked
        return (
            reading.seller == seller
            and marketplace in (None, reading.marketplace)
            and metric in (None, reading.metric)
        )


def _distance(reading: Reading) -> tuple[float, float]:
    """Less is nearer to the limit; what counts nothing is far away."""
    if not (reading.numerator or reading.denominator):
        return float("inf"), 0.0
    headroom = float("inf") if reading.headroom is None else float(reading.headroom)
    share = float(reading.ratio) if reading.ratio is not None else float(reading.numerator)
    return headroom, -share if high_is_bad(reading.limit) else share
