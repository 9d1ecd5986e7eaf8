"""What is decided once more at the journaled points is what workers said, whoever died when."""

from dataclasses import dataclass, field
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from monitor.audit.rerun import JournaledPoint, Rerun, point_of
from monitor.core.events import SOURCE_TOPICS, TOPIC_OF, Event, SourceTopic
from monitor.core.instants import HOUR, SECOND, Instant, instant_of
from monitor.core.ledger_keys import parse_key
from monitor.core.position import Point, Position
from monitor.core.rules import Rulebook
from monitor.stream.evaluations_topic import message_of
from monitor.stream.partition import Partition
from tests.core.test_alert_laws import ALERTS, MOMENTS, life_policy, lives
from tests.core.test_engine import rulebook

NUMBER, COUNT = 3, 4
NOTHING = dict.fromkeys(SOURCE_TOPICS, 0)
FIRST = min(MOMENTS) - 100 * HOUR


def topic_of(event: Event) -> SourceTopic:
    return TOPIC_OF[type(event).__struct_config__.tag]  # type: ignore[index]


@dataclass
class World:
    """Source topics, ledger, and what was published; owners come and go."""

    rules: tuple[Rulebook, ...]
    sources: dict[SourceTopic, list[Event]] = field(
        default_factory=lambda: {topic: [] for topic in SOURCE_TOPICS}
    )
    ledger: dict[bytes, bytes] = field(default_factory=dict)
    position: Position | None = None
    points: list[Point] = field(default_factory=list)
    said: list[bytes] = field(default_factory=list)
    epoch: int = 0

    def owner(self, now: Instant, rules: Rulebook) -> Partition:
        """The next owner, which knows what the ledger holds."""
        self.epoch += 1
        owner = Partition(NUMBER, COUNT, rules, now, version="1.0", durable=True)
        if self.position is not None:
            owner.resume(self.position)
        for key, value in self.ledger.items():
            owner.restore(parse_key(key), value, superseded=False)
        owner.begin(owner.positions, {topic: len(all_) for topic, all_ in self.sources.items()})
        return owner

    def feed(self, owner: Partition, *, all_but: int) -> None:
        """Let it read on, but for some of the records of each topic."""
        for topic, events in self.sources.items():
            begin = owner.positions[topic]
            end = max(begin, len(events) - all_but)
            owner.apply(topic, events[begin:end], end)

    def decide(self, owner: Partition, now: Instant, dies: str) -> bool:
        """One point as the worker makes it; False where the owner died at it."""
        values, point = owner.unpublished(), owner.unjournaled()
        if not values and point is None:
            values = [record.encode() for record in owner.evaluate(now)]
            point = owner.unjournaled()
        number = owner.decided if owner.ready else owner.published
        if dies == "before the write":
            return False
        assert owner._journal is not None
        for key, value in owner._journal.take(self.epoch).records:
            if value is None:
                self.ledger.pop(key, None)
            else:
                self.ledger[key] = value
        self.position = owner.position()
        if dies == "before the journal":
            return False
        if point is not None:
            self._journal(point)
            owner.journaled_at = max(owner.journaled_at, point.as_of)
        if dies == "before publication":
            return False
        self.said += [value for value in values if value not in self.said]
        owner.published = number
        return dies != "after publication"

    def _journal(self, point: Point) -> None:
        if point not in self.points:
            self.points.append(point)

    def journaled(self) -> list[JournaledPoint]:
        entries = [message_of(NUMBER, point) for point in self.points]
        return [point_of(entry.value or b"", dict(entry.headers)) for entry in entries]

    def under(self, point: JournaledPoint) -> Rulebook:
        (rules,) = [
            one for one in self.rules if tuple(sorted(one.canonical_forms)) == point.policies
        ]
        return rules

    def rerun(self) -> list[bytes]:
        """What the sources and the points alone give."""
        points = self.journaled()
        if not points:
            return []
        rules = self.under(points[0])
        again, read, said = Rerun(rules, "1.0", points[0]), dict(NOTHING), list[bytes]()
        for point in points:
            if point.caught_up and self.under(point) is not rules:
                rules, read = self.under(point), dict(NOTHING)
                again.begin_under(rules, point)
            new = {
                topic: [self.sources[topic][read[topic] : point.cut[topic][1]]]
                for topic in SOURCE_TOPICS
            }
            read = {topic: point.cut[topic][1] for topic in SOURCE_TOPICS}
            said += [record.encode() for record in again.at(point, new)]
        return said


DEATHS = ("", "", "", "", "before the write", "before the journal", "before publication")


@given(
    lives(),
    ALERTS,
    st.sampled_from([None, 30]),
    st.data(),
)
def test_the_points_and_the_sources_give_every_record_byte_for_byte(
    events: list[Event], alert: dict[str, Any], heartbeat_hours: int | None, data: st.DataObject
) -> None:
    strict, loose = life_policy(alert, heartbeat_hours), life_policy(alert, heartbeat_hours)
    loose["metrics"]["late_shipment_rate"] |= {"limit": "under 60%", "approach": "50%"}
    world = World((rulebook(strict), rulebook(loose)))
    waiting = sorted(events, key=lambda one: one.at)
    now = FIRST
    owner = world.owner(now, world.rules[0])
    for _ in range(25):
        now += data.draw(st.sampled_from([SECOND, SECOND, HOUR, 17 * HOUR, 60 * HOUR]))
        while waiting and instant_of(waiting[0].at) < now + 20 * HOUR:
            one = waiting.pop(0)
            world.sources[topic_of(one)].append(one)
        world.feed(owner, all_but=data.draw(st.sampled_from([0, 0, 1])))
        dies = data.draw(st.sampled_from(DEATHS))
        if not world.decide(owner, now, dies):
            owner = world.owner(now, data.draw(st.sampled_from(world.rules)))
    for _ in range(2):
        now += SECOND
        world.feed(owner, all_but=0)
        world.decide(owner, now, "")
    assert world.rerun() == world.said
