"""Incidents of PagerDuty: opened once, upgraded, resolved, and never larger than it takes."""

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
import trustme

from monitor.core.readings import Level
from monitor.core.rules import Severity
from monitor.errors import NotifyError
from monitor.notify.notification import Notification
from monitor.notify.receivers.pagerduty import EVENT_BYTES_MAX, dedup_key
from monitor.notify.text import Section, Text
from tests.notify.messages import HOSTILE, deadline, item, metric, notice, text
from tests.notify.stands import Stand, stand_of

ALERT = "shop/m/order_defect_rate/60"


@pytest.fixture
async def stand(tmp_path: Path, ca: trustme.CA) -> AsyncIterator[Stand]:
    async with stand_of("pagerduty", tmp_path, ca) as made:
        yield made


async def deliver(stand: Stand, level: Level, severity: Severity = "critical") -> None:
    record = metric(to=level, seq=len(stand.service.events) + 1)
    said = Text("T", (Section(f"{level} shop in m", severity, ()),))
    await stand.receiver.deliver(notice(item(record, severity)), said)


async def test_an_alert_is_one_incident_from_approach_to_recovery(stand: Stand) -> None:
    await deliver(stand, Level.APPROACHING, "warning")
    assert stand.service.incidents == {ALERT: "approaching shop in m"}
    await deliver(stand, Level.BREACHED)
    assert stand.service.incidents == {ALERT: "breached shop in m"}
    await deliver(stand, Level.OK)
    assert stand.service.incidents == {}
    severities = [event["payload"]["severity"] for event in stand.service.events]
    assert severities[:2] == ["warning", "critical"]


async def test_an_incident_stays_open_while_its_alert_is_unknown(stand: Stand) -> None:
    await deliver(stand, Level.BREACHED)
    await deliver(stand, Level.UNKNOWN)
    assert stand.service.incidents == {ALERT: "unknown shop in m"}


async def test_an_alert_whose_series_is_gone_is_resolved(stand: Stand) -> None:
    await deliver(stand, Level.BREACHED)
    await deliver(stand, Level.NO_DATA)
    assert stand.service.incidents == {}


async def test_a_resolve_of_what_was_never_open_is_taken_and_dropped(stand: Stand) -> None:
    await deliver(stand, Level.OK)
    assert [event["event_action"] for event in stand.service.events] == ["resolve"]


async def test_every_alert_of_a_notification_is_an_event_of_its_own(stand: Stand) -> None:
    items = (item(metric()), item(deadline(), "warning"))
    await stand.receiver.deliver(notice(*items), text("Breached", "Due soon"))
    payloads = [event["payload"] for event in stand.service.events]
    assert [payload["summary"] for payload in payloads] == ["Breached", "Due soon"]
    assert [payload["component"] for payload in payloads] == ["order_defect_rate", "reply"]
    assert {payload["group"] for payload in payloads} == {"m/shop"}
    assert [payload["class"] for payload in payloads] == ["breached", "approaching"]
    assert payloads[0]["custom_details"]["numerator"] == 5
    assert payloads[1]["custom_details"]["open"] == 3
    assert stand.service.events[0]["links"][0] == {
        "href": "https://example.com/runbooks/order-defect-rate",
        "text": "runbook",
    }


async def test_an_alert_without_a_text_of_its_own_has_a_sentence(stand: Stand) -> None:
    await stand.receiver.deliver(notice(item(), item(deadline())), text("Only the first"))
    assert "3 open replies" in stand.service.incidents["shop/m/reply"]


async def test_a_test_is_an_incident_whatever_its_level(stand: Stand) -> None:
    test = notice(item(metric(alert="test", to=Level.OK), "info"), occasion="test")
    await stand.receiver.deliver(test, text("A test"))
    assert stand.service.incidents == {"test": "A test"}


async def test_a_failing_receiver_is_one_incident_until_it_is_back(stand: Stand) -> None:
    failing = Notification((), occasion="delivery", about="mail")
    await stand.receiver.deliver(failing, text("Receiver mail takes no notifications"))
    assert list(stand.service.incidents.values()) == ["Receiver mail takes no notifications"]
    back = Notification((), occasion="delivery", about="mail", resolves=True)
    await stand.receiver.deliver(back, text("Receiver mail takes notifications again"))
    assert stand.service.incidents == {}


async def test_what_was_taken_before_the_rate_was_exceeded_is_not_sent_again(stand: Stand) -> None:
    items = [item(metric(alert=f"a{number}")) for number in range(5)]
    taking = stand.service.answer

    def answer(request: object) -> tuple[int, bytes]:
        busy = len(stand.service.events) == 3 and stand.line.connections < 5
        status, body = (429, b"") if busy else taking(request)
        return status, body

    stand.service.answer = answer
    with pytest.raises(NotifyError, match="429"):
        await stand.receiver.deliver(notice(*items), text(*"abcde"))
    await stand.receiver.deliver(notice(*items), text(*"abcde"))
    assert [event["dedup_key"] for event in stand.service.events] == ["a0", "a1", "a2", "a3", "a4"]


async def test_an_event_that_is_refused_keeps_no_other_back(stand: Stand) -> None:
    taking = stand.service.answer
    stand.service.answer = lambda request: (
        (400, b"") if b'"dedup_key":"a1"' in request.body else taking(request)
    )
    items = [item(metric(alert=f"a{number}")) for number in range(3)]
    with pytest.raises(NotifyError, match=r"answered 400 \(1 of 3 events\)") as caught:
        await stand.receiver.deliver(notice(*items), text(*"abc"))
    assert caught.value.permanent
    assert list(stand.service.incidents) == ["a0", "a2"]


async def test_an_event_that_is_too_large_goes_without_its_details(stand: Stand) -> None:
    said = Text("T", (Section("Huge", "critical", ("ж" * 1999,) * 200),))
    await stand.receiver.deliver(notice(), said)
    (event,) = stand.service.events
    assert len(stand.line.requests[0].body) <= EVENT_BYTES_MAX
    assert event["payload"]["summary"] == "Huge"
    assert "left out" in event["payload"]["custom_details"]["trimmed"]


def test_a_long_or_unprintable_identity_becomes_a_digest_that_stays_the_same() -> None:
    long = f"shop/m/order_defect_rate/60/{'ж' * 128}"
    keys = {dedup_key(long), dedup_key(long), dedup_key(long + "x"), dedup_key(HOSTILE)}
    assert len(keys) == 3
    assert all(len(key) == 64 and key.isalnum() for key in keys)
    assert dedup_key("a" * 255) == "a" * 255


async def test_the_summary_is_cut_to_what_pagerduty_takes(stand: Stand) -> None:
    await stand.receiver.deliver(notice(), Text("T", (Section("Ж" * 5000, "info", ()),)))
    summary = stand.service.events[0]["payload"]["summary"]
    assert (len(summary), summary[-1]) == (1024, "…")
    assert msgspec.json.decode(stand.line.requests[0].body)["payload"]["summary"] == summary
