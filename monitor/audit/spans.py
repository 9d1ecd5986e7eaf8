"""Which records of the topics to read: from where, up to where, and whether all are kept."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import msgspec

from monitor.core.alert_records import Cut
from monitor.core.events import SourceTopic
from monitor.core.instants import Instant, parse_instant
from monitor.errors import InvalidInstant, UnreadableSource
from monitor.printable import printable

Where = tuple[str, int]
"""A source topic, or the name of a raw input, and a partition."""
Offsets = Mapping[Where, int]
_NAMED_MAX = 20
_MILLISECOND = 1000


@dataclass(frozen=True, slots=True)
class Since:
    """Where to begin reading: without anything, at offset 0."""

    recorded_at: Instant | None = None
    """With the first record that has this Kafka timestamp or a later one."""
    offsets: Offsets | None = None
    """Per topic and partition the first offset to read; a partition without one from 0 on."""


@dataclass(frozen=True, slots=True)
class Until:
    """Where to stop reading: without anything, at the end offsets seen at the start."""

    recorded_at: Instant | None = None
    """Only what lies before the first record with this Kafka timestamp or a later one."""
    offsets: Offsets | None = None
    """Per topic and partition the first offset not to read; a partition without one is not
    read at all."""


def scope_of(
    topics: Iterable[str], earlier_partitions: Iterable[int], since: Since, until: Until
) -> dict[str, str]:
    """What a source is of, for people: topics and range; the same wherever the topics are kept."""
    return {
        "topics": ", ".join(topics),
        "earlier partitions": ", ".join(map(str, earlier_partitions)),
        "from": str(since),
        "to": str(until),
    }


class Span(NamedTuple):
    """Offsets of a partition: the first one to read, and the first one not to read."""

    begin: int
    end: int


class Found(NamedTuple):
    """What there is to read, as of when it was asked for."""

    partitions: int
    """How many each of the source topics has; 0 where only raw inputs are read."""
    apart: int
    """No seller has records in two partitions whose numbers differ modulo this."""
    spans: Mapping[Where, Span]

    @property
    def weight(self) -> int:
        """How many records there may be."""
        return sum(span.end - span.begin for span in self.spans.values())

    def only(self, wants: Callable[[Where], bool]) -> "Found":
        """What there is to read of some partitions."""
        spans = {where: span for where, span in self.spans.items() if wants(where)}
        return self._replace(spans=spans)


class Kept(NamedTuple):
    """What a partition holds, and the offset at which an instant to begin with was found.

    ``found`` is None where none was asked for; ``end`` where no record is that late.
    """

    begin: int
    end: int
    found: int | None = None


def spans_of(since: Since, ends: Offsets, kept: Mapping[Where, Kept]) -> dict[Where, Span]:
    """What to read of each partition of which anything is to be read.

    Args:
        since: where to begin.
        ends: where to stop.
        kept: what the partitions hold.

    Raises:
        UnreadableSource: retention has taken a part of it, or an offset to begin with lies
            beyond the end of its partition.
    """
    spans, missing = dict[Where, Span](), dict[Where, Span]()
    for where, end in ends.items():
        begin, holds = _begin(where, since, kept[where]), kept[where]
        if begin > holds.end:
            raise UnreadableSource(f"{_named(where)} ends at {holds.end}, before {begin}")
        if begin < min(end, holds.begin):
            missing[where] = Span(begin, min(end, holds.begin))
        elif begin < end:
            spans[where] = Span(begin, end)
    if missing:
        raise _taken(missing, kept)
    return spans


def given_ends(given: Offsets, kept: Mapping[Where, Kept], names: Mapping[str, str]) -> Offsets:
    """The ends that were asked for, of the partitions that there are.

    Args:
        given: the ends.
        kept: what the partitions hold.
        names: what the topics are called on the cluster.

    Raises:
        UnreadableSource: a partition ends before.
    """
    for where, end in given.items():
        last = kept[where].end if where in kept else 0
        if end > last:
            name = _named((names[where[0]], where[1]))
            raise UnreadableSource(f"{name} ends at {last}, before {end}")
    return {where: end for where, end in given.items() if where in kept}


def _begin(where: Where, since: Since, kept: Kept) -> int:
    if since.offsets is not None:
        return since.offsets.get(where, 0)
    if kept.found is None:
        return 0
    # What retention took before the first kept record may have been of that instant too.
    return 0 if kept.found <= kept.begin else kept.found


def _taken(missing: Mapping[Where, Span], kept: Mapping[Where, Kept]) -> UnreadableSource:
    places = sorted(missing)
    named = [
        f"{_named(where)} offsets {missing[where].begin} to {missing[where].end - 1}"
        for where in places[:_NAMED_MAX]
    ]
    begins = [f"{where[0]}:{where[1]}={kept[where].begin}" for where in places[:_NAMED_MAX]]
    more = len(places) - _NAMED_MAX
    rest = f" and of {more} more partitions" if more > 0 else ""
    return UnreadableSource(
        f"retention has taken a part of what is to be read: {', '.join(named)}{rest}."
        f" To read only what is left, begin there: --from {','.join(begins)}"
    )


def _named(where: Where) -> str:
    return f"{where[0]}[{where[1]}]"


def parse_until(text: str, raw_inputs: Collection[str] = ()) -> Until:
    """What ``--to`` says.

    An instant; offsets such as ``orders:0=42,claims:3=7``, also of raw inputs; or the ``cut``
    of an alert record as it is written there, ``{"orders":[0,42],"claims":[0,7]}``.

    Raises:
        UnreadableSource: it is none of these.
    """
    return Until(*_parse(text, raw_inputs, "up to"))


def parse_since(text: str, raw_inputs: Collection[str] = ()) -> Since:
    """What ``--from`` says, in the forms of ``--to``.

    Raises:
        UnreadableSource: it is none of these.
    """
    return Since(*_parse(text, raw_inputs, "from"))


def arrived_by(at: Instant) -> Until:
    """The end of what had arrived by an instant, by the records' Kafka timestamps.

    Records whose timestamp is that instant's millisecond had arrived.
    """
    return Until(recorded_at=(at // _MILLISECOND + 1) * _MILLISECOND)


def offsets_of(cut: Cut) -> Offsets:
    """The offsets of a cut, as an end: only its partition is read."""
    return {(topic, at[0]): at[1] for topic, at in cut.items()}


def _parse(
    text: str, raw_inputs: Collection[str], side: str
) -> tuple[Instant | None, Offsets | None]:
    try:
        if text.startswith("{"):
            cut = msgspec.json.decode(text, type=dict[SourceTopic, tuple[int, int]])
            return None, {(topic, at[0]): at[1] for topic, at in cut.items()}
        if "=" in text:
            return None, dict(_parse_offset(part, raw_inputs) for part in text.split(","))
        return parse_instant(text), None
    except (InvalidInstant, ValueError, msgspec.MsgspecError) as error:
        raise UnreadableSource(
            f"cannot read {side} {printable(text)}: it is neither an instant such as"
            " 2026-11-20T12:00:00Z nor offsets such as orders:0=42,claims:0=7"
        ) from error


def _parse_offset(text: str, raw_inputs: Collection[str]) -> tuple[Where, int]:
    where, _, offset = text.partition("=")
    name, _, number = where.partition(":")
    topic = name.strip()
    if topic not in raw_inputs:
        topic = msgspec.convert(topic, SourceTopic)
    return (topic, int(number)), int(offset)
