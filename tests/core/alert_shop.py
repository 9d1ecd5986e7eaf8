"""A shop whose alerts are looked at over time."""

from typing import Any

from monitor.core.alert_records import AlertRecord, DeadlineRecord
from monitor.core.alerts import AlertBook
from monitor.core.engine import Engine
from monitor.core.events import Event
from monitor.core.instants import SECOND, Instant
from monitor.core.journal import Journal
from monitor.core.standing import CaughtUp
from tests.core.test_engine import at, document, event, placed, rulebook

NOON = at("2018-03-01T12:00:00Z")


CUT = {"orders": (0, 0)}


def policy(metric: str = "late_shipment_rate", **over: Any) -> dict[str, Any]:
    """A policy of one metric; ``alert`` is that metric's table."""
    alert = over.pop("alert", {})
    table = document()["metrics"][metric] | {"alert": alert}
    return document(metrics={metric: table}) | over


class Shop:
    """An engine with its alerts, looked at once in a while."""

    def __init__(
        self, *policies: dict[str, Any], now: Instant = NOON, complete_from: Instant | None = None
    ) -> None:
        self.journal = Journal()
        rules = rulebook(*(policies or (policy(),)))
        self.engine = Engine(rules, now, self.journal)
        self.engine.cover(complete_from)
        self.book = AlertBook("1.0", self.journal)
        self.said: list[AlertRecord] = []

    def hears(self, *events: Event, feed: str = "orders") -> None:
        self.engine.apply(events, feed)

    def at(
        self,
        now: Instant | str,
        *events: Event,
        caught_up: bool = False,
        ruled_anew: tuple[str, ...] = (),
    ) -> list[AlertRecord]:
        """What is said at a point, after these events."""
        self.engine.advance(at(now) if isinstance(now, str) else now)
        self.hears(*events)
        changed = self.engine.readings() if caught_up else self.engine.changed()
        first = CaughtUp(ruled_anew) if caught_up else None
        records = self.book.step(self.engine, changed, CUT, caught_up=first)
        self.said += records
        return records

    def goes_on(self, then: Instant) -> list[AlertRecord]:
        """What is said until an instant, where each second at which anything is due is a point."""
        records = []
        while (wake_at := self._next_at()) and wake_at <= then:
            records += self.at(wake_at)
        return records

    def _next_at(self) -> Instant | None:
        found = [at for at in (self.engine.next_at(), self.book.next_at()) if at is not None]
        return min((at + -at % SECOND for at in found), default=None)


def moves(records: list[AlertRecord]) -> list[tuple[str, str, str]]:
    return [(str(one.from_), str(one.to), one.reason) for one in records]


def heartbeat(when: str) -> Event:
    return event("heartbeat", when)


LATE = placed("2018-02-26T08:00:00Z", ship_by="2018-03-01T13:00:00Z")


DEADLINES = {"shipment": {"warn_before_hours": 6}, "reply": {"repeat_every_hours": 1}}


def due(name: str, ship_by: str) -> Event:
    return placed("2018-03-01T08:00:00Z", order=name, ship_by=ship_by)


def deadline_shop(*policies: dict[str, Any]) -> Shop:
    tables = document()["metrics"]
    for name in tables:
        tables[name] |= {"limit": "under 100%" if name != "contact_response_rate" else "over 0%"}
    return Shop(*(policies or (document(metrics=tables, deadlines=DEADLINES),)))


def items(records: list[AlertRecord]) -> list[DeadlineRecord]:
    return [one for one in records if isinstance(one, DeadlineRecord)]
