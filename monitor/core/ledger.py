"""The ledger of one account (a seller in a marketplace): its subjects and their facts.

Each event is merged into its subject; the tallies, the open items and the schedule follow.
"""

from collections.abc import Callable, Iterator
from typing import Any

from monitor.core import events as ev
from monitor.core import merging
from monitor.core.balance import Outcome
from monitor.core.deadlines import Deadlines
from monitor.core.facts import (
    Message,
    Order,
    Return,
    Subject,
    Violation,
    Vote,
    share_carrier,
    share_category,
    uncount,
)
from monitor.core.feeds import Feeds, News
from monitor.core.instants import Instant
from monitor.core.journal import Journal
from monitor.core.leaving import Leaving
from monitor.core.limits import growth_bytes, has_room
from monitor.core.market import Judged, Market
from monitor.core.metrics.metric import Fact
from monitor.core.schedule import Schedule
from monitor.core.tallies import Tallies

Note = Callable[[Any, Any, Instant], bool]


class Account:
    """A seller in a marketplace: subjects by kind and id, with all that follows from them."""

    __slots__ = (
        "_journal",
        "_leaving",
        "_schedule",
        "deadlines",
        "feeds",
        "market",
        "messages",
        "news",
        "orders",
        "prefix",
        "seller",
        "tallies",
        "violations",
        "votes",
    )

    def __init__(
        self,
        seller: str,
        market: Market,
        schedule: "Schedule[Account]",
        journal: Journal | None = None,
    ) -> None:
        self.seller = seller
        self.prefix = f"{seller}/{market.name}/"
        self.market = market
        self._journal = journal
        self._schedule = schedule
        self.orders: dict[str, Order] = {}
        self.messages: dict[str, Message] = {}
        self.votes: dict[str, Vote] = {}
        self.violations: dict[str, Violation] = {}
        self.feeds = Feeds()
        self.news = News()
        self._begin_counting(market)

    def merge(self, event: ev.Event, at: Instant, now: Instant, feed: str = "") -> Outcome:
        """Merge one event that has happened by ``now``; ``feed``: where it came from."""
        found = _MERGES.get(type(event))
        if found is None:
            return self._merge_heartbeat(at, feed)
        merge, note, fact = found
        growth = growth_bytes(event)
        if growth and not has_room(event, growth, self.orders, self.messages):
            return Outcome.TOO_LARGE
        if fact is None:
            return merge(self, note, event, at, now)
        return merge(self, note, event, at, now, fact)

    def take_up(self, subject: Subject, now: Instant, *, named: str | None, is_new: bool) -> None:
        """Count a subject whose facts the ledger brought; ``named``: the order it named so far."""
        if isinstance(subject, Order):
            share_category(subject)
            share_carrier(subject)
            self.tallies.redate(subject)
            self.deadlines.note_claims(subject)
            for request in (subject.returns or {}).values():
                self.recount(request, now)
        elif isinstance(subject, Message) and subject.order != named:
            self._rename(subject, named, now)
        self.recount(subject, now)
        if is_new:
            self._leaving.file_known(subject, unknown=self.market.day)

    def rebuild(self, market: Market, now: Instant) -> Iterator[None]:
        """Count everything anew under another policy, one subject a step."""
        self._begin_counting(market)
        self.news.ruled = True
        for subject in self.subjects():
            uncount(subject)
            if isinstance(subject, Order):
                self.tallies.redate(subject)
                self.deadlines.note_claims(subject)
            self.recount(subject, now)
            if not isinstance(subject, Return):
                self._leaving.file_known(subject, unknown=market.day)
            yield

    def adopt(self, market: Market) -> None:
        """Go on under another policy that counts the same."""
        self.market = market
        self.tallies.adopt(market)
        self.deadlines.adopt(market)
        self._leaving.adopt(market)
        self.news.ruled = True

    def touch_all(self) -> None:
        """Look at every series and all open items anew."""
        self.tallies.touch_all()
        self.deadlines.move_all()

    def recount(self, subject: Subject, now: Instant) -> None:
        """Bring counters, open items and schedule in step with a subject's facts."""
        match subject:
            case Order():
                self._recount_order(subject, now, self.market.every)
            case Return():
                self._recount(subject, "return_dissatisfaction_rate", subject.requested_at, now)
            case Message():
                self._recount_message(subject, now)
            case Vote():
                self._recount(subject, "service_dissatisfaction_rate", subject.first_at, now)
            case Violation():
                self._recount(subject, "policy_violations", subject.reported_at, now)

    def wake(self, subject: Subject, due_at: Instant, now: Instant) -> None:
        """Recount a subject whose facts are as they were, and that time was to turn."""
        if isinstance(subject, Order):
            # Most have been shipped, scanned and delivered since this was scheduled.
            turn_at = self.tallies.next_turn(subject, due_at - 1)
            if turn_at is None or turn_at > now:
                self._schedule_turn(subject, turn_at)
                return
            self.tallies.recount_order(subject, now, self.market.turning)
            self._schedule_turn(subject, self.tallies.next_turn(subject, now))
        else:
            self.recount(subject, now)

    def drop_expired(self) -> Iterator[None]:
        """Forget the subjects whose day has long left, one a step; due as local days pass."""
        for subject, is_gone in self._leaving.due():
            if is_gone:
                self._forget(subject)
            yield

    def is_empty(self) -> bool:
        """Whether nothing is left."""
        if self.orders or self.messages or self.votes or self.violations:
            return False
        return self.feeds.complete_to(self.market.kept_from) is None

    def end(self) -> None:
        """Forget its heartbeats too, once it is empty."""
        self.feeds.silent = False
        if self._journal is not None:
            for heartbeat in self.feeds:
                self._journal.drop(heartbeat, self.prefix)

    def subjects(self) -> Iterator[Subject]:
        """All subjects; an order before its returns."""
        for order in self.orders.values():
            yield order
            if order.returns:
                yield from order.returns.values()
        yield from self.messages.values()
        yield from self.votes.values()
        yield from self.violations.values()

    def is_expired(self, subject: Subject) -> bool:
        """Whether a subject's day is past retention, so that it counts nowhere."""
        return subject.day is not None and subject.day <= self.market.floor

    def is_late(self, subject: Subject) -> bool:
        """Whether events of a subject belong to nothing younger than retention.

        A message also belongs to the order it names.
        """
        if not self.is_expired(subject):
            return False
        if isinstance(subject, Message) and subject.order is not None:
            order = self.orders.get(subject.order)
            return order is None or order.day is None or self.is_expired(order)
        return True

    def _begin_counting(self, market: Market) -> None:
        self.market = market
        self.tallies = Tallies(market)
        self.deadlines = Deadlines(market)
        self._leaving = Leaving(market, self.orders)

    def _merge_heartbeat(self, at: Instant, feed: str) -> Outcome:
        if not self.feeds.hear(feed, at):
            return Outcome.REDUNDANT
        if self._journal is not None:
            self._journal.note(self.feeds.of(feed), self.prefix)
        return Outcome.COUNTED

    def _merge_order(
        self, note: Note, event: Any, at: Instant, now: Instant, fact: Fact
    ) -> Outcome:
        """An event that moves verdicts only; no deadline, and no instant to wake at."""
        order = self.orders.get(event.order) or self._order(event.order, at)
        changed = note(order, event, at)
        if changed:
            self.tallies.recount_order(order, now, self.market.resting_on[fact])
        return self._outcome(order, changed)

    def _merge_dates(self, note: Note, event: Any, at: Instant, now: Instant) -> Outcome:
        """An event that may move counting days, and whatever follows from them."""
        order = self.orders.get(event.order) or self._order(event.order, at)
        changed = note(order, event, at)
        if changed:
            share_category(order)
            self.tallies.redate(order)
            self._recount_order(order, now, self.market.every)
        return self._outcome(order, changed)

    def _merge_ending(
        self, note: Note, event: Any, at: Instant, now: Instant, fact: Fact
    ) -> Outcome:
        """An event that ends a deadline or begins a delay: shipped, cancelled."""
        order = self.orders.get(event.order) or self._order(event.order, at)
        changed = note(order, event, at)
        if changed:
            share_carrier(order)
            self._recount_order(order, now, self.market.resting_on[fact])
        return self._outcome(order, changed)

    def _merge_claim(
        self, note: Note, event: Any, at: Instant, now: Instant, fact: Fact
    ) -> Outcome:
        order = self._order(event.order, at)
        changed = note(order, event, at)
        if changed:
            self.tallies.recount_order(order, now, self.market.resting_on[fact])
            self.deadlines.note_claims(order)
        return self._outcome(order, changed)

    def _merge_return(self, note: Note, event: Any, at: Instant, now: Instant) -> Outcome:
        order = self._order(event.order, at)
        request = merging.return_of(order, event.return_)
        return self._settle(request, note(request, event, at), now)

    def _merge_message(self, note: Note, event: Any, at: Instant, now: Instant) -> Outcome:
        message = self.messages.get(event.message)
        if message is None:
            message = self.messages[event.message] = Message(id=event.message)
            self._leaving.file(message, self.market.calendar.day_of(at))
        named = message.order
        changed = note(message, event, at)
        if message.order != named:
            self._rename(message, named, now)
        return self._settle(message, changed, now)

    def _merge_vote(self, note: Note, event: Any, at: Instant, now: Instant) -> Outcome:
        vote = self.votes.get(event.vote)
        if vote is None:
            vote = self.votes[event.vote] = Vote(id=event.vote)
            self._leaving.file(vote, self.market.calendar.day_of(at))
        return self._settle(vote, note(vote, event, at), now)

    def _merge_violation(self, note: Note, event: Any, at: Instant, now: Instant) -> Outcome:
        violation = self.violations.get(event.violation)
        if violation is None:
            violation = self.violations[event.violation] = Violation(id=event.violation)
            self._leaving.file(violation, self.market.calendar.day_of(at))
        return self._settle(violation, note(violation, event, at), now)

    def _settle(self, subject: Subject, changed: bool, now: Instant) -> Outcome:  # noqa: FBT001
        if changed:
            self.recount(subject, now)
        return self._outcome(subject, changed)

    def _outcome(self, subject: Subject, changed: bool) -> Outcome:  # noqa: FBT001
        subject.events += 1
        if changed:
            self.news.heard = True
            if self._journal is not None:
                kept = self.orders[subject.order] if isinstance(subject, Return) else subject
                self._journal.note(kept, self.prefix)
        else:
            subject.redundant += 1
        if subject.day is not None and subject.day <= self.market.floor and self.is_late(subject):
            return Outcome.LATE
        return Outcome.COUNTED if changed else Outcome.REDUNDANT

    def _order(self, name: str, at: Instant) -> Order:
        order = self.orders.get(name)
        if order is None:
            order = self.orders[name] = Order(id=name)
            self._leaving.file(order, self.market.calendar.day_of(at))
        return order

    def _rename(self, message: Message, named: str | None, now: Instant) -> None:
        """Let the order count a message that names it, and no longer the one it named."""
        assert message.received_at is not None
        self._name_order(named, -1, message.received_at, now)
        self._name_order(message.order, 1, message.received_at, now)

    def _name_order(self, name: str | None, change: int, at: Instant, now: Instant) -> None:
        if name is None or (change < 0 and name not in self.orders):
            return
        order = self._order(name, at)
        order.messages += change
        self.tallies.recount_order(order, now, self.market.resting_on["message"])

    def _recount_order(self, order: Order, now: Instant, judged: Judged) -> None:
        self.tallies.recount_order(order, now, judged)
        self.deadlines.note_shipment(order)
        self._schedule_turn(order, self.tallies.next_turn(order, now))

    def _schedule_turn(self, subject: Subject, turn_at: Instant | None) -> None:
        if turn_at is not None:
            self._schedule.wake(turn_at, self, subject)

    def _recount(self, subject: Subject, metric: str, at: Instant | None, now: Instant) -> None:
        self.tallies.recount(metric, subject, at, now)
        if isinstance(subject, Return):
            self.deadlines.note_return(subject)
        self._schedule_turn(subject, self.tallies.next_turn_of(metric, subject, now))

    def _recount_message(self, message: Message, now: Instant) -> None:
        was_day = message.day
        self._recount(message, "contact_response_rate", message.received_at, now)
        self.tallies.recount_answer(message, was_day)
        self.deadlines.note_message(message)

    def _forget(self, subject: Subject) -> None:
        subject.wake_at = None
        self.tallies.forget(subject)
        if self._journal is not None:
            self._journal.drop(subject, self.prefix)
        match subject:
            case Order():
                for request in (subject.returns or {}).values():
                    request.wake_at = None
                    self.tallies.forget(request)
                self.deadlines.forget_order(subject)
                del self.orders[subject.id]
            case Message():
                self.deadlines.forget_message(subject)
                del self.messages[subject.id]
            case Vote():
                del self.votes[subject.id]
            case Violation():
                del self.violations[subject.id]


_MERGES: dict[type, tuple[Callable[..., Outcome], Note, Fact | None]] = {
    ev.OrderPlaced: (Account._merge_dates, merging.note_placed, None),
    ev.OrderAmended: (Account._merge_dates, merging.note_promises, None),
    ev.OrderShipped: (Account._merge_ending, merging.note_shipped, "shipment"),
    ev.OrderScanned: (Account._merge_order, merging.note_scanned, "scan"),
    ev.OrderDelivered: (Account._merge_order, merging.note_delivered, "delivery"),
    ev.OrderCancelled: (Account._merge_ending, merging.note_cancelled, "cancellation"),
    ev.OrderRefunded: (Account._merge_order, merging.note_refunded, "refund"),
    ev.FeedbackLeft: (Account._merge_order, merging.note_feedback, "feedback"),
    ev.FeedbackRemoved: (Account._merge_order, merging.note_feedback, "feedback"),
    ev.ClaimOpened: (Account._merge_claim, merging.note_claim_opened, "claim"),
    ev.ClaimDecided: (Account._merge_claim, merging.note_claim_decided, "claim"),
    ev.ReturnRequested: (Account._merge_return, merging.note_return_requested, None),
    ev.ReturnAnswered: (Account._merge_return, merging.note_return_answered, None),
    ev.ReturnRated: (Account._merge_return, merging.note_return_rated, None),
    ev.ServiceRated: (Account._merge_vote, merging.note_vote, None),
    ev.ViolationReported: (Account._merge_violation, merging.note_violation_reported, None),
    ev.ViolationResolved: (Account._merge_violation, merging.note_violation_resolved, None),
    ev.MessageReceived: (Account._merge_message, merging.note_message_received, None),
    ev.MessageAnswered: (Account._merge_message, merging.note_message_closed, None),
    ev.MessageDismissed: (Account._merge_message, merging.note_message_closed, None),
}
"""Per type of event: how it merges, the rule of its facts, and the fact of an order it tells."""
