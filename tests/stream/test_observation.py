"""A snapshot is gathered between other tasks, and still fits together."""

from monitor.core.events import SOURCE_TOPICS, SourceTopic, decode
from monitor.core.instants import DAY, SECOND, parse_instant
from monitor.core.readings import Level
from monitor.stream.evaluation import at_once
from monitor.stream.observation import observing
from monitor.stream.partition import Partition
from tests.stream.live import cancellation, one_metric_rulebook, order

NOON = parse_instant("2026-11-20T12:00:00Z")
SELLERS = 5000


def partition(*values: bytes, to_read: int = 0) -> Partition:
    made = Partition(0, 1, one_metric_rulebook(), NOON, version="1.0")
    starts: dict[SourceTopic, int] = dict.fromkeys(SOURCE_TOPICS, 0)
    made.begin(starts, starts | {"orders": to_read})
    made.apply("orders", [decode(value) for value in values], len(values))
    made.evaluate(NOON)
    return made


def crowd(to_read: int = 0) -> Partition:
    return partition(*(order(n, f"s{n}") for n in range(SELLERS)), to_read=to_read)


def test_other_tasks_get_their_turn_among_thousands_of_readings_and_items() -> None:
    assert len(list(observing([crowd()]))) >= 4


def test_all_readings_are_those_of_one_evaluation_even_if_another_comes_in_between() -> None:
    owned = crowd()
    steps = observing([owned])
    next(steps)
    owned.apply("orders", [decode(cancellation(n, f"s{n}")) for n in range(SELLERS)], 2 * SELLERS)
    owned.evaluate(NOON + SECOND)
    readings = at_once(steps).readings
    assert [reading.numerator for reading in readings] == [0] * SELLERS
    readings = at_once(observing([owned])).readings
    assert [reading.numerator for reading in readings] == [1] * SELLERS


def test_items_of_sellers_that_come_in_between_do_not_break_it() -> None:
    owned = crowd()
    steps = observing([owned])
    next(steps)
    late = [decode(order(n, f"late{n}")) for n in range(SELLERS)]
    owned.apply("orders", late, 2 * SELLERS)
    items = at_once(steps).open_items
    known = {item.seller for item in items}
    assert {f"s{n}" for n in range(SELLERS)} <= known


def test_levels_are_unknown_until_a_partition_is_read_to_its_end() -> None:
    readings = at_once(observing([crowd(to_read=SELLERS + 1)])).readings
    assert {reading.level for reading in readings} == {Level.UNKNOWN}


def test_what_rolls_off_is_told_of_those_at_risk_only() -> None:
    owned = partition(*(order(n, f"s{n}") for n in range(4)))
    owned.apply("orders", [decode(cancellation(1, "s1"))], 5)
    owned.evaluate(NOON + SECOND)
    (found,) = at_once(observing([owned])).roll_offs
    assert (found.reading.seller, found.numerator, found.denominator) == ("s1", 0, 0)
    owned.evaluate(NOON + 28 * DAY)
    (found,) = at_once(observing([owned])).roll_offs
    assert (found.numerator, found.denominator) == (1, 1)


def test_a_seller_whose_orders_are_past_their_retention_is_gone() -> None:
    owned = partition(order(0, "gone"))
    assert [reading.seller for reading in at_once(observing([owned])).readings] == ["gone"]
    owned.evaluate(NOON + 500 * DAY)
    assert at_once(observing([owned])) == ((), (), ())
