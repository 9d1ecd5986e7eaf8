"""The laws of the ledger: whoever wrote what and died when, the next owner knows it all."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from hypothesis import assume, given
from hypothesis import strategies as st

from monitor.core.engine import Engine
from monitor.core.events import Event
from monitor.core.facts import Order
from monitor.core.instants import Instant, instant_of, parse_instant
from monitor.core.journal import Journal
from monitor.core.ledger_keys import parse_key
from monitor.core.rules import Rulebook
from tests.core.test_engine import event
from tests.core.test_engine import rulebook as own_rules
from tests.core.test_laws import Step, events_of, items, lines, rulebook, ways
from tests.histories import History, histories, orderly, remembering
from tests.recount import recount


@dataclass
class Topic:
    """A compacted topic, in whatever order its last values come."""

    values: dict[bytes, bytes] = field(default_factory=dict)

    def write(self, records: Sequence[tuple[bytes, bytes | None]]) -> None:
        for key, value in records:
            if value is None:
                self.values.pop(key, None)
            else:
                self.values[key] = value


class Owner:
    """An engine that keeps its changes under its epoch."""

    def __init__(self, topic: Topic, epoch: int, rules: Rulebook, now: Instant) -> None:
        self.topic, self.epoch = topic, epoch
        self.journal = Journal()
        self.engine = Engine(rules, now, self.journal)
        self._obsolete: list[bytes] = []
        for key, value in topic.values.items():
            self.engine.restore(parse_key(key), value)

    def apply(self, events: Sequence[Event], now: Instant | None = None) -> None:
        self.engine.apply(events)
        if now is not None:
            self.engine.advance(now)

    def save(self) -> None:
        entries = self.journal.take(self.epoch)
        self.topic.write([*entries.records, *((key, None) for key in self._obsolete)])
        self._obsolete = entries.obsolete


def last_owner(
    history: History, start: Instant, steps: Sequence[Step], data: st.DataObject
) -> Owner:
    """The last of several owners, each of which dies at some point, some before they saved."""
    rules = rulebook(history.policies)
    topic = Topic()
    lost: list[Event] = []
    owner = Owner(topic, 1, rules, start)
    unsaved: list[Event] = []
    for step in steps:
        events = events_of(step.records)
        owner.apply(events, None if step.then is None else instant_of(step.then))
        unsaved += events
        if data.draw(st.booleans(), "saves"):
            owner.save()
            unsaved = []
        if data.draw(st.booleans(), "dies"):
            lost += unsaved
            unsaved = []
            shuffled = data.draw(st.permutations(list(topic.values.items())))
            topic.values = dict(shuffled)
            owner = Owner(topic, owner.epoch + 1, rules, owner.engine.now)
    owner.apply(lost, instant_of(history.as_of))
    return owner


@given(st.data())
def test_owners_that_die_at_any_point_leave_all_they_saved(data: st.DataObject) -> None:
    history = remembering(data.draw(histories()))
    start, steps = data.draw(ways(history))
    owner = last_owner(history, instant_of(start), steps, data)
    expected = recount(history.records, history.as_of, history.policies)

    assert lines(owner.engine) == expected.lines
    assert items(owner.engine) == expected.open_items


@given(st.data())
def test_what_is_past_retention_leaves_the_ledger_and_is_not_missed(data: st.DataObject) -> None:
    history = orderly(data.draw(histories()))
    assume(history.records)
    start, steps = data.draw(ways(history))
    owner = last_owner(history, instant_of(start), steps, data)
    expected = recount(history.records, history.as_of, history.policies)

    assert lines(owner.engine) == expected.lines
    assert items(owner.engine) == expected.open_items


@given(st.data())
def test_versions_of_two_owners_that_each_saw_a_part_merge_to_the_whole(
    data: st.DataObject,
) -> None:
    history = remembering(data.draw(histories()))
    rules, now = rulebook(history.policies), instant_of(history.as_of)
    topic = Topic()
    for epoch in (2, 1):
        seen = data.draw(st.lists(st.sampled_from(history.records), min_size=1))
        rest = [record for record in history.records if record not in seen]
        zombie = Owner(Topic(), epoch, rules, now)
        zombie.topic = topic
        zombie.apply(events_of(seen if epoch == 1 else rest))
        zombie.save()
        if epoch == 1:
            left = [record for record in history.records if record not in seen + rest]
            assert not left
    both = Owner(topic, 3, rules, now)
    both.apply(events_of(history.records))
    expected = recount(history.records, history.as_of, history.policies)

    assert lines(both.engine) == expected.lines
    assert items(both.engine) == expected.open_items


@given(st.data())
def test_once_all_is_written_anew_and_obsolete_keys_are_gone_one_version_is_left(
    data: st.DataObject,
) -> None:
    history = remembering(data.draw(histories()))
    start, steps = data.draw(ways(history))
    owner = last_owner(history, instant_of(start), steps, data)
    for _ in range(2):
        owner.save()
    subjects = [parse_key(key)[:4] for key in owner.topic.values]
    written = {
        parse_key(key)[:4] for key in owner.topic.values if parse_key(key).epoch == owner.epoch
    }
    assert all(subjects.count(one) == 1 for one in written)


NOON = parse_instant("2018-03-01T12:00:00Z")
DELIVERED_AT = parse_instant("2018-03-01T13:00:00Z")
PLACED, SHIPPED, DELIVERED = (
    event(kind, f"2018-03-01T1{hour}:00:00Z")
    for kind, hour in (("order_placed", 0), ("order_shipped", 1), ("order_delivered", 3))
)


def owner_of(topic: Topic, epoch: int) -> Owner:
    return Owner(topic, epoch, own_rules(), NOON)


def orders_of(owner: Owner) -> list[Order]:
    (account,) = owner.engine._accounts.values()
    return list(account.orders.values())


def test_a_held_event_outlives_a_former_owner_whose_clock_is_ahead() -> None:
    topic = Topic()
    zombie = owner_of(topic, 1)
    zombie.apply([PLACED, DELIVERED])
    zombie.save()
    owner = owner_of(topic, 2)
    zombie.apply([], DELIVERED_AT)
    zombie.save()
    # Of the order there are two versions, of which the owner knows the older one.
    owner.apply([SHIPPED])
    owner.save()
    owner.save()
    successor = owner_of(topic, 3)
    successor.apply([], DELIVERED_AT)
    (order,) = orders_of(successor)
    assert order.delivered_at == DELIVERED_AT


def test_a_held_event_survives_a_write_that_is_cut_short_anywhere() -> None:
    for cut in range(3):
        topic = Topic()
        owner = owner_of(topic, 1)
        owner.apply([PLACED, DELIVERED])
        owner.save()
        owner.apply([], DELIVERED_AT)
        topic.write(owner.journal.take(1).records[:cut])
        successor = owner_of(topic, 2)
        successor.apply([], DELIVERED_AT)
        (order,) = orders_of(successor)
        assert order.delivered_at == DELIVERED_AT


def test_what_comes_back_after_it_was_dropped_is_not_removed() -> None:
    journal = Journal()
    journal.found(gone := Order(id="o-1"), 1)
    journal.drop(gone, "shop/m/")
    journal.note(Order(id="o-1"), "shop/m/")
    assert [value is None for _, value in journal.take(1).records] == [False]


def test_a_restored_event_whose_instant_has_come_counts_at_the_next_point() -> None:
    topic = Topic()
    owner = owner_of(topic, 1)
    owner.apply([PLACED, DELIVERED])
    owner.save()
    successor = Owner(topic, 2, own_rules(), DELIVERED_AT)
    successor.engine.advance(DELIVERED_AT)
    (order,) = orders_of(successor)
    assert order.delivered_at == DELIVERED_AT
