"""One receiver is told of alert records: grouped, in order, once, and later where it is down."""

import asyncio
from itertools import count

import pytest

from monitor.core.instants import HOUR, SECOND, Instant
from monitor.core.readings import Level
from monitor.notify.grouping import Grouping
from monitor.notify.notification import Item, Notification
from monitor.notify.outage import outage_text
from monitor.notify.routing import Decision
from monitor.notify.text import Text
from tests.stream.delivery.fakes import (
    NOON,
    Bench,
    FakeReceiver,
    FakeTime,
    batch,
    failure,
    heard,
    record,
    refusal,
)

ODR = "s1/m/order_defect_rate/60"
# From the first attempt on, which comes some seconds after the beginning.
DOWN_SECONDS = 10 * 60 + 30


def counted(bench: Bench) -> dict[str, int]:
    """What became of records, without what became of none."""
    return {outcome: n for outcome, n in bench.courier.stats().records.items() if n}


async def test_several_windows_and_metrics_of_a_seller_are_one_notification() -> None:
    windows = [record(1, window_days=days) for days in (30, 60)]
    other = record(1, Level.APPROACHING, metric="late_shipment_rate")
    async with Bench() as bench:
        await bench.deliver(batch([*windows, other, record(1, seller="s2")]))
    assert sorted(bench.receiver.heard) == [
        ("s1/m/order_defect_rate/30 1", f"{ODR} 1", "s1/m/late_shipment_rate/60 1"),
        ("s2/m/order_defect_rate/60 1",),
    ]
    assert [one.occasion for one in bench.receiver.notifications] == ["change", "change"]


async def test_of_one_alert_only_the_latest_record_within_the_wait_counts() -> None:
    async with Bench() as bench:
        await bench.deliver(batch([record(1, Level.APPROACHING), record(2, Level.BREACHED)]))
        assert bench.receiver.heard == [(f"{ODR} 2",)]
        assert counted(bench) == {"delivered": 1, "suppressed": 1}


async def test_what_opened_and_closed_within_the_wait_is_not_told() -> None:
    async with Bench() as bench:
        await bench.deliver(batch([record(1), record(2, Level.OK)]))
        assert bench.receiver.heard == []
        await bench.deliver(batch([record(3)], start=2))
        await bench.deliver(batch([record(4, Level.APPROACHING), record(5, Level.OK)], start=3))
    assert bench.receiver.heard == [(f"{ODR} 3",), (f"{ODR} 5",)]


async def test_after_catching_up_there_is_one_summary_of_a_partition() -> None:
    caught_up = [record(1, seller=f"s{n}", reason="caught_up") for n in range(30)]
    async with Bench() as bench:
        await bench.deliver(batch(caught_up))
    (summary,) = bench.receiver.notifications
    assert summary.occasion == "summary"
    assert len(summary.items) == 30


async def test_records_of_long_ago_are_one_summary() -> None:
    old = [record(1, seller=f"s{n}", at=NOON - 25 * HOUR) for n in range(30)]
    async with Bench() as bench:
        await bench.deliver(batch([*old, record(1, seller="new")]))
    assert [(one.occasion, len(one.items)) for one in bench.receiver.notifications] == [
        ("summary", 30),
        ("change", 1),
    ]


async def test_a_receiver_down_for_ten_minutes_gets_everything_afterwards_in_order() -> None:
    time = FakeTime()
    outages: list[tuple[str, str]] = []
    receiver = FakeReceiver()
    all_taken = False

    def answer(notification: Notification) -> None:
        # It fails for ten minutes from its first failure on, which is later than the start.
        if time.passed_seconds < DOWN_SECONDS or not (outages and all_taken):
            raise failure()

    receiver.answer = answer
    bench = Bench(
        receiver=receiver,
        time=time,
        on_outage=lambda name, state, why: outages.append((name, state)),
    )
    levels = (Level.APPROACHING, Level.BREACHED, Level.OK)
    said = [(seq, levels[(seq - 1) % 3]) for seq in range(1, 31)]
    async with bench:
        batches = []
        for seq, level in said:
            batches.append(batch([record(seq, level)], start=seq))
            await bench.courier.take(batches[-1])
            # Each belongs to a group of its own.
            time.passed_seconds += 6
        assert receiver.notifications == []
        all_taken = True
        await bench.until(lambda: all(one.processed for one in batches))
    assert receiver.heard == [(f"{ODR} {seq}",) for seq, _ in said]
    assert outages == [("pager", "failing"), ("pager", "back")]
    assert time.passed_seconds >= DOWN_SECONDS


async def test_what_a_receiver_asks_for_is_waited_for() -> None:
    time, attempts = FakeTime(), count(1)
    receiver = FakeReceiver()

    def answer(notification: Notification) -> None:
        if next(attempts) == 1:
            raise failure(retry_after_seconds=1800)

    receiver.answer = answer
    async with Bench(receiver=receiver, time=time) as bench:
        await bench.deliver(batch([record(1)]))
    assert receiver.attempts == 2
    assert time.passed_seconds >= 1800


async def test_what_is_refused_for_ever_is_set_aside_with_its_reason() -> None:
    receiver = FakeReceiver()

    def answer(notification: Notification) -> None:
        if heard(notification) == (f"{ODR} 1",):
            raise refusal("answered 413")

    receiver.answer = answer
    async with Bench(receiver=receiver) as bench:
        await bench.deliver(batch([record(1)]))
        row = (await bench.rows.read(0, "pager")).told.row(ODR)
        assert row is not None
        assert (row.outcome, row.reason, row.seq) == ("refused", "answered 413", 1)
        assert bench.courier.stats().refused == 1
        await bench.deliver(batch([record(2)], start=1))
        assert bench.courier.stats().refused == 0
    assert receiver.attempts == 2


async def test_a_bug_of_a_receiver_is_a_failure_and_shows_no_secret(
    caplog: pytest.LogCaptureFixture,
) -> None:
    attempts = count(1)
    receiver = FakeReceiver()

    def answer(notification: Notification) -> None:
        if next(attempts) < 3:
            raise ValueError("https://hooks.example/secret")

    receiver.answer = answer
    async with Bench(receiver=receiver) as bench:
        await bench.deliver(batch([record(1)]))
    assert receiver.heard == [(f"{ODR} 1",)]
    assert "ValueError" in caplog.text
    assert "secret" not in caplog.text


async def test_its_rate_is_kept() -> None:
    time = FakeTime()
    batches = [batch([record(1, seller=f"s{n}") for n in range(31)])]
    async with Bench(time=time, rate_per_minute=12) as bench:
        await bench.deliver(*batches)
    # One at once, and thirty at five seconds each.
    assert time.passed_seconds == pytest.approx(5 + 30 * 5, abs=0.1)


async def test_a_restart_resends_nothing() -> None:
    bench = Bench()
    await bench.begin()
    told = [record(1), record(1, Level.APPROACHING, seller="s2")]
    await bench.deliver(batch(told))
    await bench.end()
    await bench.begin()
    again = batch([*told, record(2, Level.OK)])
    await bench.deliver(again)
    await bench.end()
    assert len(bench.receiver.heard) == 3
    assert bench.receiver.heard[-1] == (f"{ODR} 2",)


async def test_where_the_ledger_was_deleted_numbers_begin_anew_and_are_told() -> None:
    async with Bench() as bench:
        await bench.deliver(batch([record(40)]))
        await bench.deliver(batch([record(1, at=NOON + 90 * SECOND)], start=1))
    assert bench.receiver.heard == [(f"{ODR} 40",), (f"{ODR} 1",)]


async def test_the_trend_is_that_since_it_was_told_last() -> None:
    async with Bench() as bench:
        await bench.deliver(batch([record(1, Level.APPROACHING)]))
        await bench.deliver(batch([record(2)], start=1))
        await bench.deliver(batch([record(3, Level.OK)], start=2))
        await bench.deliver(batch([record(4)], start=3))
    previous = [one.items[0].previous for one in bench.receiver.notifications]
    assert [None if one is None else one.seq for one in previous] == [None, 1, 2, None]


async def test_a_record_that_is_tried_again_is_compared_with_what_was_told_before_it() -> None:
    receiver, attempts = FakeReceiver(), count(1)

    def answer(notification: Notification) -> None:
        if next(attempts) % 3:
            raise failure()

    receiver.answer = answer
    async with Bench(receiver=receiver) as bench:
        await bench.deliver(batch([record(1, Level.APPROACHING)]))
        await bench.deliver(batch([record(2)], start=1))
    assert receiver.attempts == 6
    previous = [one.items[0].previous for one in receiver.notifications]
    assert previous == [None, record(1, Level.APPROACHING)]


async def test_what_is_muted_is_told_when_the_mute_time_ends_if_it_is_still_open() -> None:
    time, ends_at = FakeTime(), NOON + 3600 * SECOND

    def rule(item: Item, receiver: str, at: Instant) -> Decision:
        return Decision("muted", ends_at) if at < ends_at else Decision("deliver")

    bench = Bench(rule=rule, time=time)
    await bench.begin()
    await bench.deliver(batch([record(1), record(1, seller="s2")]))
    await bench.deliver(batch([record(2, Level.OK, seller="s2")], start=2))
    assert bench.receiver.heard == []
    assert bench.courier.stats().postponed == {"muted": 1, "new": 0, "silenced": 0}
    await bench.end()
    await bench.begin()
    await bench.until(lambda: bool(bench.receiver.heard))
    assert bench.receiver.heard == [(f"{ODR} 1",)]
    assert time.now() >= ends_at
    await bench.until(
        lambda: bench.courier.stats().postponed == {"muted": 0, "new": 0, "silenced": 0}
    )
    await bench.end()


async def test_a_closing_is_told_whatever_mutes_it() -> None:
    muted = False

    def rule(item: Item, receiver: str, at: Instant) -> Decision:
        return Decision("muted") if muted else Decision("deliver")

    async with Bench(rule=rule) as bench:
        await bench.deliver(batch([record(1)]))
        muted = True
        await bench.deliver(batch([record(2, Level.OK)], start=1))
    assert bench.receiver.heard == [(f"{ODR} 1",), (f"{ODR} 2",)]


async def test_when_a_silence_ends_for_many_sellers_they_are_one_summary() -> None:
    silenced = True

    def rule(item: Item, receiver: str, at: Instant) -> Decision:
        return Decision("silenced") if silenced else Decision("deliver")

    async with Bench(rule=rule) as bench:
        await bench.deliver(batch([record(1, seller=f"s{n}") for n in range(8)]))
        writes = bench.rows.writes
        seconds = bench.time.passed_seconds
        await bench.until(lambda: bench.time.passed_seconds > seconds + 600)
        assert bench.rows.writes == writes
        silenced = False
        await bench.until(lambda: bool(bench.receiver.heard))
        (summary,) = bench.receiver.notifications
        assert (summary.occasion, len(summary.items)) == ("summary", 8)


async def test_what_no_route_leads_to_is_counted_and_not_told() -> None:
    async with Bench(rule=lambda item, receiver, at: Decision("unrouted")) as bench:
        await bench.deliver(batch([record(1)]))
        assert counted(bench) == {"unrouted": 1}
    assert bench.receiver.heard == []


async def test_what_is_open_is_said_again_and_for_five_minutes_what_has_closed() -> None:
    receiver = FakeReceiver(resend_seconds=60)
    async with Bench(receiver=receiver) as bench:
        await bench.deliver(batch([record(1), record(1, seller="s2")]))
        await bench.deliver(batch([record(2, Level.OK, seller="s2")], start=2))
        closed_at = bench.time.passed_seconds
        await bench.until(lambda: bench.time.passed_seconds > closed_at + 290)
        both = [f"{ODR} 1", "s2/m/order_defect_rate/60 2"]
        assert receiver.resent[-1] == both
        await bench.until(lambda: bench.time.passed_seconds > closed_at + 420)
        assert receiver.resent[-1] == [f"{ODR} 1"]


async def test_a_receiver_that_is_down_neither_holds_up_a_rebalance_nor_loses_its_records() -> None:
    receiver = FakeReceiver()
    is_down = True

    def answer(notification: Notification) -> None:
        if is_down:
            raise failure()

    receiver.answer = answer
    async with Bench(receiver=receiver) as bench:
        first = batch([record(1)])
        await bench.courier.take(first)
        await bench.until(lambda: receiver.attempts > 2)
        async with asyncio.timeout(2):
            await bench.courier.rest()
        bench.courier.disown()
        assert not first.processed
        attempts = receiver.attempts
        await asyncio.sleep(0.01)
        assert receiver.attempts == attempts
        is_down = False
        bench.courier.own({0: (await bench.rows.read(0, receiver.name)).told})
        await bench.deliver(batch([record(1)]))
    assert receiver.heard == [(f"{ODR} 1",)]


async def test_what_is_being_told_when_partitions_are_revoked_is_remembered_first() -> None:
    told = asyncio.Event()

    class Slow(FakeReceiver):
        async def deliver(self, notification: Notification, text: Text) -> None:
            await told.wait()
            await super().deliver(notification, text)

    receiver = Slow()
    async with Bench(receiver=receiver, grouping=Grouping(wait_seconds=0)) as bench:
        first = batch([record(1)])
        await bench.courier.take(first)
        await bench.until(lambda: bench.rows.writes == 1)
        resting = asyncio.create_task(bench.courier.rest())
        await asyncio.sleep(0.01)
        assert not resting.done()
        told.set()
        async with asyncio.timeout(2):
            await resting
        assert first.processed
        row = (await bench.rows.read(0, receiver.name)).told.row(ODR)
        assert row is not None
        assert row.outcome == "delivered"


async def test_no_more_is_read_than_a_receiver_that_is_down_will_hear_of_in_one_piece() -> None:
    receiver = FakeReceiver()

    def answer(notification: Notification) -> None:
        raise failure()

    receiver.answer = answer
    async with Bench(receiver=receiver) as bench:
        many = batch([record(1, seller=f"s{n}") for n in range(10_000)])
        await bench.courier.take(many)
        taking = asyncio.create_task(bench.courier.take(batch([record(2)], start=10_000)))
        await asyncio.sleep(0.01)
        assert not taking.done()
        bench.courier.let_go()
        async with asyncio.timeout(2):
            await taking


async def test_what_is_no_record_on_the_alerts_topic_is_passed_over(
    caplog: pytest.LogCaptureFixture,
) -> None:
    mixed = batch([record(1), record(1, seller="s2")])
    mixed.records[0].value = b"junk"
    async with Bench() as bench:
        await bench.deliver(mixed)
    assert bench.receiver.heard == [("s2/m/order_defect_rate/60 1",)]
    assert "no alert record" in caplog.text


async def test_of_a_failing_receiver_another_is_told_before_it_hears_of_alerts() -> None:
    async with Bench(grouping=Grouping(wait_seconds=0)) as bench:
        notice = Notification((), "delivery", "slack")
        bench.courier.notice(notice, outage_text("slack", "failing", "answered 503"))
        await bench.until(lambda: bool(bench.receiver.notifications))
    assert bench.receiver.notifications == [notice]
    assert bench.receiver.texts[0].title == "Receiver slack takes no notifications"
