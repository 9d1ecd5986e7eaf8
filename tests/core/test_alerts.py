"""Alert levels over time: one record per change, each the evidence of its own."""

import json
from fractions import Fraction
from hashlib import sha256

import pytest

from monitor.core.alert_records import (
    AlertRecord,
    Link,
    MetricRecord,
    decode_record,
    limit_text,
)
from monitor.core.alerts import AlertBook
from monitor.core.engine import Engine
from monitor.core.events import Event
from monitor.core.journal import Journal
from monitor.core.ledger_keys import Key, parse_key
from monitor.core.readings import Level
from monitor.core.rules import Comparison, Limit
from monitor.core.standing import CaughtUp
from tests.core.test_engine import at, document, engine_at, event, placed

CUT = {"orders": (0, 7), "feedback": (0, 3), "claims": (0, 0), "messages": (0, 0)}


def book_and_engine() -> tuple[AlertBook, Engine]:
    return AlertBook("1.0"), engine_at("2018-03-09T00:00:00Z")


def step(book: AlertBook, engine: Engine) -> list[MetricRecord]:
    return metric_records(book.step(engine, engine.changed(), CUT))


def metric_records(records: list[AlertRecord]) -> list[MetricRecord]:
    return [record for record in records if isinstance(record, MetricRecord)]


def defect(day: int) -> list[Event]:
    return [
        placed(f"2018-03-0{day}T08:00:00Z", order=f"o-{day}"),
        event("order_shipped", f"2018-03-0{day}T09:00:00Z", order=f"o-{day}"),
        event("feedback_left", "2018-03-08T08:00:00Z", order=f"o-{day}", feedback="f", rating=1),
    ]


def test_a_breach_and_its_end_are_one_record_each_of_one_episode() -> None:
    book, engine = book_and_engine()
    engine.apply(defect(1))
    (opened,) = step(book, engine)
    assert (opened.seq, opened.episode, opened.from_, opened.to) == (1, 1, Level.OK, Level.BREACHED)
    assert opened.subjects == ("o-1",)
    assert opened.reason == "events"
    assert step(book, engine) == []
    removed = event("feedback_removed", "2018-03-08T09:00:00Z", order="o-1", feedback="f")
    engine.apply([removed])
    (closed,) = step(book, engine)
    assert (closed.seq, closed.episode, closed.from_, closed.to) == (2, 1, Level.BREACHED, Level.OK)


def test_a_new_episode_begins_where_the_last_one_ended() -> None:
    book, engine = book_and_engine()
    engine.apply(defect(1))
    step(book, engine)
    engine.advance(at("2018-03-09T01:00:00Z"))
    engine.apply([event("feedback_removed", "2018-03-08T09:00:00Z", order="o-1", feedback="f")])
    step(book, engine)
    engine.apply(defect(2))
    (again,) = step(book, engine)
    assert (again.seq, again.episode) == (3, 3)


def test_a_record_is_json_with_sorted_keys_and_comes_back_the_same() -> None:
    book, engine = book_and_engine()
    engine.apply(defect(1))
    (record,) = step(book, engine)
    value = record.encode()
    assert b" " not in value.replace(b"under 1%", b"")
    found = json.loads(value)
    assert list(found) == sorted(found)
    assert found["alert"] == "shop/m/order_defect_rate/60"
    assert found["from"] == "ok"
    assert found["limit"] == "under 1%"
    assert found["cut"]["orders"] == [0, 7]
    assert decode_record(value) == record
    assert decode_record(value).encode() == value


def test_after_a_start_the_present_level_opens_from_unknown() -> None:
    book, engine = book_and_engine()
    engine.apply(defect(1))
    engine.changed()
    (record,) = book.step(engine, engine.readings(), CUT, caught_up=CaughtUp())
    assert (record.from_, record.reason) == (Level.UNKNOWN, "caught_up")


def written(journal: Journal, epoch: int = 1) -> list[tuple[Key, bytes]]:
    """What a worker would write to the ledger."""
    records = journal.take(epoch).records
    return [(parse_key(key), value) for key, value in records if value is not None]


def restored(
    entries: list[tuple[Key, bytes]],
    *,
    superseded: bool = False,
    chain: int = 9,
) -> AlertBook:
    book = AlertBook("1.0", Journal())
    book.chain = Link(chain, "")
    book.evaluated_at = at("2018-03-09T00:00:00Z") if chain else 0
    for key, value in entries:
        book.restore(key, value, superseded=superseded)
    return book


def said_and_written(journal: Journal) -> tuple[MetricRecord, AlertBook, Engine]:
    _, engine = book_and_engine()
    book = AlertBook("1.0", journal)
    engine.apply(defect(1))
    (said,) = step(book, engine)
    return said, book, engine


def test_what_an_earlier_worker_said_is_not_said_again() -> None:
    journal = Journal()
    _, _, engine = said_and_written(journal)
    successor = restored(written(journal))
    assert successor.step(engine, engine.readings(), CUT, caught_up=CaughtUp()) == []
    engine.apply([event("feedback_removed", "2018-03-08T09:00:00Z", order="o-1", feedback="f")])
    (closed,) = step(successor, engine)
    assert (closed.seq, closed.episode) == (2, 1)


def test_what_may_not_have_been_published_comes_back_with_the_same_bytes() -> None:
    journal = Journal()
    said, _, _ = said_and_written(journal)
    successor = restored(written(journal))
    assert successor.unpublished(0) == [said.encode()]
    assert successor.unpublished(1) == []


def test_of_two_versions_that_of_the_higher_epoch_stands() -> None:
    journal = Journal()
    _, book, engine = said_and_written(journal)
    first = written(journal, epoch=3)
    engine.apply([event("feedback_removed", "2018-03-08T09:00:00Z", order="o-1", feedback="f")])
    step(book, engine)
    second = written(journal, epoch=5)
    for entries in (first + second, second + first):
        successor = restored(entries)
        engine.apply(defect(2))
        (again,) = successor.step(engine, engine.readings(), CUT)
        assert again.seq == 3


def test_of_what_a_superseded_writer_decided_nothing_stands() -> None:
    journal = Journal()
    _, _, engine = said_and_written(journal)
    successor = restored(written(journal), superseded=True)
    assert successor.unpublished(0) == []
    (said,) = successor.step(engine, engine.readings(), CUT, caught_up=CaughtUp())
    assert said.seq == 1


def test_of_a_write_that_was_cut_short_before_its_position_nothing_stands() -> None:
    journal = Journal()
    _, _, engine = said_and_written(journal)
    successor = restored(written(journal), chain=0)
    assert successor.unpublished(0) == []
    (said,) = successor.step(engine, engine.readings(), CUT, caught_up=CaughtUp())
    assert (said.seq, said.chain.n) == (1, 1)


def test_a_superseded_version_does_not_hide_what_the_owner_decided() -> None:
    journal = Journal()
    _, book, engine = said_and_written(journal)
    zombie = written(journal, epoch=3)
    engine.apply([event("feedback_removed", "2018-03-08T09:00:00Z", order="o-1", feedback="f")])
    (closed,) = step(book, engine)
    owner = written(journal, epoch=5)
    kept = Journal()
    successor = AlertBook("1.0", kept)
    successor.chain, successor.evaluated_at = Link(9, ""), engine.now
    for entries, superseded in ((owner, False), (zombie, True)):
        for key, value in entries:
            successor.restore(key, value, superseded=superseded)
    assert successor.unpublished(0) == [closed.encode()]
    assert restored(written(kept, epoch=6)).unpublished(0) == [closed.encode()]


def test_an_open_alert_of_which_nothing_is_left_is_closed_at_the_start() -> None:
    journal = Journal()
    said, _, _ = said_and_written(journal)
    _, engine = book_and_engine()
    records = restored(written(journal)).step(engine, [], CUT, caught_up=CaughtUp())
    (closed,) = metric_records(records)
    assert (closed.alert, closed.seq, closed.episode) == (said.alert, 2, 1)
    assert (closed.to, closed.reason, closed.numerator) == (Level.NO_DATA, "caught_up", 0)


def test_an_open_alert_that_the_policy_no_longer_knows_is_closed_at_the_start() -> None:
    journal = Journal()
    said_and_written(journal)
    own = document()
    del own["metrics"]["order_defect_rate"]
    engine = engine_at("2018-03-09T00:00:00Z", own)
    records = restored(written(journal)).step(engine, [], CUT, caught_up=CaughtUp())
    (closed,) = metric_records(records)
    assert (closed.from_, closed.to, closed.seq) == (Level.BREACHED, Level.NO_DATA, 2)
    assert (closed.reason, closed.subjects, closed.policy) == ("policy", (), engine.digest("m"))


def test_each_record_names_the_digest_of_the_one_before_it() -> None:
    book, engine = book_and_engine()
    engine.apply(defect(1))
    (first,) = step(book, engine)
    engine.apply([event("feedback_removed", "2018-03-08T09:00:00Z", order="o-1", feedback="f")])
    (second,) = step(book, engine)
    assert (first.chain.n, first.chain.previous) == (1, "")
    assert (second.chain.n, second.chain.previous) == (2, sha256(first.encode()).hexdigest())


def test_a_window_that_runs_empty_ends_the_episode_by_time() -> None:
    book, engine = book_and_engine()
    engine.apply(defect(1))
    step(book, engine)
    engine.advance(at("2018-05-09T00:00:00Z"))
    (closed,) = step(book, engine)
    assert (closed.to, closed.reason) == (Level.NO_DATA, "time")


@pytest.mark.parametrize(
    ("value", "is_count", "text"),
    [
        (Fraction(1, 100), False, "under 1%"),
        (Fraction(25, 1000), False, "under 2.5%"),
        (Fraction(1, 100_000), False, "under 0.001%"),
        (Fraction(0), False, "under 0%"),
        (Fraction(1), False, "under 100%"),
        (Fraction(3), True, "under 3"),
        (Fraction(5, 2), True, "under 2.5"),
        # What no decimal is: as near as ten digits come.
        (Fraction(2, 3), True, "under 0.6666666667"),
        (Fraction(1, 300), False, "under 0.3333333333%"),
        (Fraction(29_999_999_999_999, 30_000_000_000_000), False, "under 100.0000000000%"),
        (Fraction(-1, 3), True, "under -0.3333333333"),
    ],
)
def test_limits_are_written_as_in_a_policy(value: Fraction, is_count: bool, text: str) -> None:
    assert limit_text(Limit(Comparison.UNDER, value), is_count=is_count) == text
