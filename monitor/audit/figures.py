"""The figures of an alert record once more, from events and a policy alone. Pure."""

from collections.abc import Iterable
from typing import Any

from monitor.core.alert_records import AlertRecord, Decided, MetricRecord, record_of
from monitor.core.engine import Engine
from monitor.core.events import Event
from monitor.core.instants import parse_instant
from monitor.core.rules import Rulebook
from monitor.core.sight import sight_of
from monitor.core.standing import Word

Figures = dict[str, Any]

_OF_SERIES = ("numerator", "denominator", "limit", "approach", "headroom", "orders_to_recover")
_OF_ITEMS = ("open", "overdue", "first_due_at")


def figures_of(record: AlertRecord) -> Figures:
    """What a record says that follows from the events, the policy and the instant alone.

    Its level does not: that also rests on what the alert had said before.
    """
    names = _OF_SERIES if isinstance(record, MetricRecord) else _OF_ITEMS
    return {name: getattr(record, name) for name in names}


def engine_at(record: AlertRecord, events: Iterable[Event], rulebook: Rulebook) -> Engine:
    """An engine that knows the events, at the instant of a record."""
    engine = Engine(rulebook, parse_instant(record.as_of))
    engine.apply(events)
    return engine


def recomputed(record: AlertRecord, engine: Engine) -> Figures:
    """The figures that an engine gives for the alert of a record; empty: no such series."""
    sight = sight_of(engine, record.alert)
    if sight is None:
        return {}
    word = Word(record.from_, record.to, record.reason)
    decided = Decided(engine.now, record.cut, record.program)
    return figures_of(record_of(sight, word, ((), 0), record.policy, decided))
