"""The engine of one partition: events and instants in, readings out. No clock, no I/O.

``readings`` is a function of the set of applied events, the instant of the last ``advance``
and the rulebook; neither the order nor the repetition of events, nor how often time was
advanced on the way, makes a difference.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from heapq import nsmallest
from itertools import islice

from monitor.core.balance import Applied, Balance, Outcome
from monitor.core.events import Event
from monitor.core.holding import Holding
from monitor.core.instants import Instant, instant_of
from monitor.core.journal import Journal
from monitor.core.ledger import Account
from monitor.core.ledger_keys import HELD, Key
from monitor.core.market import Market
from monitor.core.readings import (
    MovedBy,
    OpenItems,
    Reading,
    alike,
    emptied,
    reading_order,
)
from monitor.core.report import (
    Evidence,
    evidence_of,
    offenders_of,
    open_items_of,
    readings_of,
    shown_of,
)
from monitor.core.restoring import restore
from monitor.core.rules import ItemKind, MarketplaceRules, Rulebook, WindowDays
from monitor.core.schedule import Schedule
from monitor.core.shown import Moved
from monitor.core.silence import Silence

# About five milliseconds of work each.
_SUBJECTS_A_SLICE = 500
_ACCOUNTS_A_SLICE = 200


class Engine:
    """Eleven metrics of the sellers of one partition.

    Args:
        rulebook: the policies.
        now: the instant to begin at.
        journal: notes what changes, for who keeps it.
    """

    def __init__(self, rulebook: Rulebook, now: Instant, journal: Journal | None = None) -> None:
        self.now = now
        self._journal = journal
        self._complete_from: Instant | None = None
        self._rulebook = rulebook
        self._markets: dict[str, Market] = {}
        self._accounts: dict[tuple[str, str], Account] = {}
        self._schedule: Schedule[Account] = Schedule()
        self._holding = Holding(journal)
        self._gone: list[Reading] = []
        # Accounts with a series touched since ``changed`` was last called, in a set with an
        # order, so that the same steps give the same list.
        self._stirred: dict[Account, None] = {}
        self._items_moved: dict[Account, tuple[MovedBy, set[ItemKind]]] = {}
        self._silence = Silence()
        self._policies_changed = False
        self._policy_change_at = rulebook.next_change_at(now)

    @property
    def unknown_marketplaces(self) -> list[str]:
        """Marketplaces seen that no policy in force names, sorted."""
        return sorted(name for name, market in self._markets.items() if not market.known)

    @property
    def silent_sellers(self) -> Counter[str]:
        """By marketplace, sellers of which a feed has sent no heartbeat for too long."""
        every = self._accounts.values()
        return Counter(account.market.name for account in every if account.feeds.silent)

    def cover(self, complete_from: Instant | None) -> None:
        """Say from which instant on history is complete; None: all of it is.

        Alerts take the levels of windows that begin earlier for unknown.
        """
        self._complete_from = complete_from
        for market in self._markets.values():
            market.cover(complete_from)
        for account in self._accounts.values():
            account.touch_all()
            self._stirred[account] = None

    def apply(self, events: Iterable[Event], feed: str = "") -> Applied:
        """Merge events; those later than ``now`` are held until their instant.

        ``feed``: where they come from, the source topic if any: heartbeats vouch for one.
        """
        outcomes = [0, 0, 0, 0]
        held = 0
        too_large: list[Event] = []
        now, accounts, stirred = self.now, self._accounts, self._stirred
        for event in events:
            at = instant_of(event.at)
            if at > now:
                self._holding.hold(event, feed)
                held += 1
                continue
            account = accounts.get((event.seller, event.marketplace))
            if account is None:
                account = self._account(event.seller, event.marketplace)
            stirred[account] = None
            outcome = account.merge(event, at, now, feed)
            outcomes[outcome] += 1
            if outcome is Outcome.TOO_LARGE:
                too_large.append(event)
        return Applied(outcomes[0], outcomes[1], outcomes[2], held, tuple(too_large))

    def restore(self, key: Key, value: bytes) -> None:
        """Take back what the ledger holds of a subject or a held event.

        Raises:
            LedgerError: a newer program wrote it, or it is no record.
        """
        if key.kind == HELD:
            self._holding.restore(key, value)
            return
        assert self._journal is not None
        account = self._account(key.seller, key.marketplace)
        self._stirred[account] = None
        account.feeds.beaten = True
        restore(account, self._journal, key, value, self.now)

    def advance(self, now: Instant) -> None:
        """Let time pass: held events, local midnights, policy changes and deadlines.

        An instant before the present one is ignored: time never goes back. The present one
        is not: a restored event may have been due for long.
        """
        for _ in self.advancing(now):
            pass

    def advancing(self, now: Instant) -> Iterator[None]:
        """``advance`` in slices of a few milliseconds, for a caller with other work to do.

        The engine stands at ``now`` from the first slice on, but its readings are those of
        ``now`` only after the last: until then nothing else may be done with it.
        """
        if now < self.now:
            return
        self.now = now
        if self._policy_change_at is not None and now >= self._policy_change_at:
            yield from _sliced(self._change_policies(), _SUBJECTS_A_SLICE)
        turned = {market for market in self._markets.values() if market.turn(now)}
        if turned:
            yield from self._turn_accounts(turned)
        yield from _sliced(self._pass_time(), _SUBJECTS_A_SLICE)

    def next_at(self) -> Instant | None:
        """The first instant to come at which time alone may change anything."""
        found = [market.turns_at for market in self._markets.values()]
        others = (self._holding, self._schedule, self._silence)
        found += [at for one in others if (at := one.first_at()) is not None]
        if self._policy_change_at is not None:
            found.append(self._policy_change_at)
        return min(found, default=None)

    def readings(self) -> list[Reading]:
        """All readings whose counts are not all zero, in the order of the contract."""
        every = (
            reading
            for account in self._accounts.values()
            for reading in readings_of(account, account.tallies.keys())
        )
        return sorted((found for found in every if _has_counts(found)), key=reading_order)

    def changed(self) -> list[Reading]:
        """The readings of every series touched since this was last called.

        Events touch a series, and so does time: a deadline, or a day that leaves a window.
        Readings that have become empty are among them.
        """
        return list(self.changing())

    def changing(self) -> Iterator[Reading]:
        """``changed`` one by one; to be read to its end before anything else is done."""
        yield from self.take_gone()
        for moved in self.moving():
            yield from moved.shown.readings(moved.keys, moved.moved_by)

    def take_gone(self) -> list[Reading]:
        """The last readings of the series that have ended since this was last called."""
        gone, self._gone = self._gone, []
        return gone

    def moving(self) -> Iterator[Moved]:
        """The accounts with a series touched since this was last called, one by one.

        To be read to its end before anything else is done.
        """
        stirred, self._stirred = self._stirred, {}
        for account in stirred:
            if account.feeds.beaten:
                account.feeds.beaten = False
                self._silence.look(account, self.now)
                if account.market.rules.heartbeat_within is not None:
                    # What was not believed so far may be by now.
                    account.touch_all()
            cause = account.news.take(returned=account.feeds.take_return())
            if account.deadlines.moved:
                _, kinds = self._items_moved.get(account, (cause, set()))
                self._items_moved[account] = cause, kinds | account.deadlines.take_moved()
            touched = account.tallies.take_touched()
            if touched:
                yield Moved(shown_of(account), touched, cause)

    def items_moved(
        self, *, every: bool = False
    ) -> Iterator[tuple[Account, Iterable[ItemKind], MovedBy]]:
        """The kinds of open items that ``moving`` saw to have moved, by account, and why.

        ``every``: all kinds of all accounts.
        """
        moved, self._items_moved = self._items_moved, {}
        if not every:
            for account, (cause, kinds) in moved.items():
                yield account, kinds, cause
            return
        for account in list(self._accounts.values()):
            cause, _ = moved.get(account, ("time", None))
            yield account, account.market.rules.deadlines, cause

    def take_policy_change(self) -> bool:
        """Whether policies have changed since this was last called."""
        changed, self._policies_changed = self._policies_changed, False
        return changed

    def account(self, seller: str, marketplace: str) -> Account:
        """An account to look at: an empty one where nothing is known of it (any more)."""
        known = self._accounts.get((seller, marketplace))
        return known or Account(seller, self._market(marketplace), self._schedule)

    def open_items(self) -> list[OpenItems]:
        """Open items by seller, marketplace and kind."""
        return [
            items
            for _, account in sorted(self._accounts.items())
            for items in open_items_of(account, self.now)
        ]

    def open_items_by_account(self) -> Iterator[list[OpenItems]]:
        """The open items of one account after the other, those without any too.

        In between anything else may be done: each account is as it is when its turn comes.
        """
        for account in list(self._accounts.values()):
            yield list(open_items_of(account, self.now))

    def evidence(
        self,
        seller: str,
        marketplace: str,
        metric: str,
        window: WindowDays,
        category: str | None = None,
    ) -> list[Evidence]:
        """The subjects behind a reading, newest first; none for an unknown series."""
        account = self._accounts.get((seller, marketplace))
        if account is None:
            return []
        rule = account.market.rule(metric)
        if rule is None or window not in rule.windows:
            return []
        return evidence_of(account, metric, window, category, self.now)

    def offenders(self, reading: Reading, most: int | None = None) -> tuple[list[str], int]:
        """The orders (messages, returns …) on the bad side of a reading.

        Returns the ids of the newest, at most ``most``, and how many there are.
        """
        account = self._accounts.get((reading.seller, reading.marketplace))
        if account is None or account.market.rule(reading.metric) is None:
            return [], 0
        where = (reading.metric, reading.window_days, reading.category)
        found = list(offenders_of(account, *where))
        newest = nsmallest(
            len(found) if most is None else most, ((-day, name) for day, name in found)
        )
        return [name for _, name in newest], len(found)

    def digest(self, marketplace: str) -> str:
        """Digest of the policy in force for a marketplace, empty where there is none."""
        return self._market(marketplace).rules.digest

    def digests(self) -> dict[str, str]:
        """Digests of the policies in force, by marketplaces that were seen."""
        return {name: market.rules.digest for name, market in self._markets.items()}

    def balance(self) -> Balance:
        """What all events of the ledger are worth now."""
        events = redundant = late = 0
        for account in self._accounts.values():
            for heartbeat in account.feeds:
                events += heartbeat.events
                redundant += heartbeat.redundant
            for subject in account.subjects():
                if account.is_late(subject):
                    late += subject.events
                else:
                    events += subject.events
                    redundant += subject.redundant
        return Balance(counted=events - redundant, redundant=redundant, late=late)

    def _account(self, seller: str, marketplace: str) -> Account:
        account = self._accounts.get((seller, marketplace))
        if account is None:
            market = self._market(marketplace)
            account = Account(seller, market, self._schedule, self._journal)
            self._accounts[seller, marketplace] = account
        return account

    def _market(self, name: str) -> Market:
        market = self._markets.get(name)
        if market is None:
            rules = self._rulebook.in_force(name, self.now)
            market = self._markets[name] = self._made(name, rules)
        return market

    def _made(self, name: str, rules: MarketplaceRules | None) -> Market:
        market = Market(name, rules, self.now)
        market.cover(self._complete_from)
        return market

    def _pass_time(self) -> Iterator[None]:
        for at, held in self._holding.due(self.now):
            account = self._account(held.event.seller, held.event.marketplace)
            self._stirred[account] = None
            account.merge(held.event, at, self.now, held.feed)
            yield
        for account, subject, due_at in self._schedule.due(self.now):
            self._stirred[account] = None
            account.wake(subject, due_at, self.now)
            yield
        for account in self._silence.pass_time(self.now):
            if self._accounts.get((account.seller, account.market.name)) is account:
                self._stirred[account] = None
            yield

    def _turn_accounts(self, turned: set[Market]) -> Iterator[None]:
        for number, (key, account) in enumerate(list(self._accounts.items()), 1):
            if account.market in turned:
                yield from _sliced(account.drop_expired(), _SUBJECTS_A_SLICE)
                account.touch_all()
                self._stirred[account] = None
                if account.is_empty():
                    # Its series end here, and somebody may still show or alert on them.
                    account.end()
                    self._gone.extend(readings_of(account, account.tallies.take_touched(), "time"))
                    del self._accounts[key]
            if number % _ACCOUNTS_A_SLICE == 0:
                yield

    def _change_policies(self) -> Iterator[None]:
        self._policy_change_at = self._rulebook.next_change_at(self.now)
        self._policies_changed = True
        for name, market in list(self._markets.items()):
            rules = self._rulebook.in_force(name, self.now)
            if rules is not (market.rules if market.known else None):
                self._markets[name] = self._made(name, rules)
        for account in self._accounts.values():
            market = self._markets[account.market.name]
            if market is account.market:
                continue
            if market.counts_like(account.market):
                account.adopt(market)
                self._stirred[account] = None
            else:
                was = list(readings_of(account, account.tallies.keys()))
                yield from account.rebuild(market, self.now)
                account.touch_all()
                self._stirred[account] = None
                present = {alike(one) for one in readings_of(account, account.tallies.keys())}
                # Series of the former policy end here, like those of a seller that is gone.
                self._gone.extend(emptied(one) for one in was if alike(one) not in present)
            self._silence.look(account, self.now)
            yield


def _sliced(steps: Iterator[None], size: int) -> Iterator[None]:
    """One step for every ``size`` steps."""
    return islice(steps, size - 1, None, size)


def _has_counts(reading: Reading) -> bool:
    return bool(reading.numerator or reading.denominator)
