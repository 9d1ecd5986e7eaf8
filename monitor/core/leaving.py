"""When the subjects of an account are past their retention, and are forgotten."""

from collections.abc import Iterator, Mapping

from monitor.core.facts import Message, Order, Subject, newest_at
from monitor.core.instants import Day
from monitor.core.market import Market

# Subjects stay a little past their retention, since a local date can step back by one.
_LEAVE_AFTER_DAYS = 3


class Leaving:
    """The subjects of an account by the day on which to look whether they go.

    Args:
        market: whose rules say how long they stay.
        orders: those of the account, which messages name.
    """

    __slots__ = ("_filed", "_market", "_orders")

    def __init__(self, market: Market, orders: Mapping[str, Order]) -> None:
        self._market = market
        self._orders = orders
        self._filed: dict[Day, list[Subject]] = {}

    def adopt(self, market: Market) -> None:
        """Go on under another policy that counts the same."""
        self._market = market

    def file(self, subject: Subject, last_day: Day) -> None:
        """Look at a subject again when its last day is past retention."""
        leave_day = last_day + self._market.rules.retention_days + _LEAVE_AFTER_DAYS
        self._filed.setdefault(max(leave_day, self._market.day + 1), []).append(subject)

    def file_known(self, subject: Subject, *, unknown: Day) -> None:
        """The same for a subject whose facts are known; ``unknown`` where they tell no day."""
        self.file(subject, self._last_day(subject, unknown))

    def due(self) -> Iterator[tuple[Subject, bool]]:
        """Take up those to look at today: whether each is to go; the others are filed again."""
        today = self._market.day
        gone_day = today - self._market.rules.retention_days - _LEAVE_AFTER_DAYS
        for day in sorted(day for day in self._filed if day <= today):
            for subject in self._filed.pop(day):
                last_day = self._last_day(subject, gone_day)
                if last_day > gone_day:
                    self.file(subject, last_day)
                yield subject, last_day <= gone_day

    def _last_day(self, subject: Subject, unknown: Day) -> Day:
        """The last day on which a subject, or anything within it, belongs.

        ``unknown`` where nothing tells: a message answered, but never received.
        """
        days = [] if subject.day is None else [subject.day]
        if isinstance(subject, Order):
            returns = (subject.returns or {}).values()
            days += [request.day for request in returns if request.day is not None]
            newest = newest_at(subject) if subject.day is None else None
            if newest is not None:
                days.append(self._market.calendar.day_of(newest))
        elif isinstance(subject, Message) and subject.order is not None:
            # An order counts the messages that name it, as long as it counts itself.
            order = self._orders.get(subject.order)
            days += [] if order is None else [self._last_day(order, unknown)]
        return max(days, default=unknown)
