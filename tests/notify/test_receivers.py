"""Receivers against a real HTTP server on this machine: what arrives, and what never shows."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest
from aiohttp import web

from monitor.core.alert_records import DeadlineRecord, Link, MetricRecord, decode_record
from monitor.core.readings import Level
from monitor.errors import NotifyError
from monitor.notify.slack import Slack, body_of
from monitor.notify.text import sentence_of
from monitor.notify.webhook import Webhook

UNSEEN = "never-shown-7f3a"


def record(**over: object) -> MetricRecord:
    found = MetricRecord(
        alert="shop/m/order_defect_rate/60",
        seq=1,
        episode=1,
        chain=Link(1, ""),
        from_=Level.OK,
        to=Level.BREACHED,
        reason="events",
        seller="shop",
        marketplace="m",
        metric="order_defect_rate",
        window_days=60,
        category=None,
        numerator=5,
        denominator=412,
        limit="under 1%",
        approach="0.75%",
        headroom=-1,
        orders_to_recover=89,
        subjects=("o-1", "o-2"),
        subjects_total=5,
        as_of="2018-03-01T00:00:00Z",
        cut={"orders": (0, 7)},
        policy="d",
        program="1",
    )
    return msgspec.structs.replace(found, **over)


@asynccontextmanager
async def server(statuses: list[int]) -> AsyncIterator[tuple[str, list[bytes]]]:
    """Answers with each status in turn, the last one for ever; gives URL and bodies."""
    bodies: list[bytes] = []

    async def receive(request: web.Request) -> web.Response:
        bodies.append(await request.read())
        status = statuses[min(len(bodies), len(statuses)) - 1]
        return web.Response(status=status, headers={"Location": "/elsewhere"})

    app = web.Application()
    app.router.add_post("/{tail:.*}", receive)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/{UNSEEN}", bodies
    finally:
        await runner.cleanup()


async def test_a_webhook_gets_the_record_as_it_is_on_the_topic() -> None:
    async with server([204]) as (url, bodies):
        await Webhook(url)(record())
    assert [decode_record(body) for body in bodies] == [record()]


async def test_a_receiver_that_fails_for_a_moment_is_tried_again() -> None:
    async with server([503, 429, 200]) as (url, bodies):
        await Webhook(url)(record())
    assert len(bodies) == 3


@pytest.mark.parametrize("status", [302, 400, 404])
async def test_a_refusal_or_redirect_is_not_tried_again(status: int) -> None:
    async with server([status]) as (url, bodies):
        with pytest.raises(NotifyError) as caught:
            await Slack(url)(record())
    assert len(bodies) == 1
    assert caught.value.permanent


async def test_no_error_shows_the_secret_url() -> None:
    async with server([404]) as (url, _):
        with pytest.raises(NotifyError) as refused:
            await Slack(url)(record())
    with pytest.raises(NotifyError) as unreachable:
        await Webhook(f"http://127.0.0.1:1/{UNSEEN}")(record())
    for caught in (refused, unreachable):
        assert UNSEEN not in f"{caught.value!r} {caught.value} {caught.value.__cause__}"
    assert UNSEEN not in repr(Slack(f"http://x/{UNSEEN}"))


def test_a_breach_says_how_many_are_too_many_and_which() -> None:
    assert sentence_of(record()) == (
        "BREACHED shop in m: order defect rate, 60 days: 5 of 412 (1.21%), limit under 1%;"
        " 1 too many, 89 good ones needed to recover; newest: o-1, o-2 and 3 more"
    )


def test_an_approach_says_how_many_are_left() -> None:
    found = sentence_of(record(to=Level.APPROACHING, headroom=2))
    assert "2 more may turn bad before the limit is breached" in found


def test_hostile_ids_cannot_mention_link_or_break_the_line() -> None:
    hostile = record(subjects=("<!channel>", "a\nb\x1b[2J", "<http://evil|ok>"))
    assert "\n" not in sentence_of(hostile)
    assert "\x1b" not in sentence_of(hostile)
    body = msgspec.json.decode(body_of(hostile))
    assert "<" not in body["text"]
    assert body["blocks"][0]["text"]["type"] == "plain_text"


def test_open_items_are_told_by_their_count_and_the_first_instant() -> None:
    due = DeadlineRecord(
        alert="s1/m1/reply",
        seq=1,
        episode=1,
        chain=Link(1, ""),
        from_=Level.OK,
        to=Level.APPROACHING,
        reason="time",
        seller="s1",
        marketplace="m1",
        kind="reply",
        open=3,
        overdue=0,
        first_due_at="2018-03-01T16:10:00Z",
        subjects=("m-1", "m-2", "m-3"),
        subjects_total=3,
        as_of="2018-03-01T12:00:00Z",
        cut={"messages": (0, 7)},
        policy="d",
        program="1",
    )
    assert sentence_of(due) == (
        "APPROACHING s1 in m1: 3 open replies, 0 overdue, first due 2018-03-01T16:10:00Z;"
        " first due: m-1, m-2, m-3"
    )
    assert decode_record(due.encode()) == due
