"""The signed webhook: what arrives, and what a reader can check."""

import hmac
from hashlib import sha256
from pathlib import Path

import msgspec
import trustme
from pydantic import SecretStr

from monitor.core.alert_records import decode_record
from monitor.notify.document import DOCUMENT_BYTES_MAX, document_of
from monitor.notify.receivers.webhook import signature_of
from tests.notify.messages import deadline, huge, item, metric, notice, text
from tests.notify.stands import stand_of


async def test_records_arrive_byte_for_byte_as_on_the_topic(tmp_path: Path, ca: trustme.CA) -> None:
    items = (item(metric()), item(deadline(), "warning", runbook="docs/replies.md"))
    async with stand_of("webhook", tmp_path, ca) as stand:
        await stand.receiver.deliver(notice(*items), text("First", "Second"))
        (request,) = stand.service.requests
    for one in items:
        assert one.record.encode() in request.body
    body = msgspec.json.decode(request.body)
    records = [msgspec.json.encode(one["record"], order="sorted") for one in body["items"]]
    assert [decode_record(record) for record in records] == [metric(), deadline()]
    assert [one["severity"] for one in body["items"]] == ["critical", "warning"]
    assert [section["headline"] for section in body["text"]["sections"]] == ["First", "Second"]
    assert (body["v"], body["occasion"], body["items_left_off"]) == (1, "change", 0)


async def test_the_same_notification_is_known_by_its_key(tmp_path: Path, ca: trustme.CA) -> None:
    async with stand_of("webhook", tmp_path, ca) as stand:
        await stand.receiver.deliver(notice(), text())
        await stand.receiver.deliver(notice(), text("Said otherwise"))
        await stand.receiver.deliver(notice(item(metric(seq=2))), text())
        keys = [request.headers["x-monitor-key"] for request in stand.service.requests]
    assert keys[0] == keys[1] == notice().key != keys[2]


def test_the_signature_is_over_timestamp_and_body() -> None:
    expected = hmac.new(b"a secret", b'1519862410.{"a":1}', sha256).hexdigest()
    secret = SecretStr("a secret")
    assert signature_of(secret, "1519862410", b'{"a":1}') == f"v1={expected}"
    assert signature_of(secret, "1519862411", b'{"a":1}') != f"v1={expected}"
    assert signature_of(secret, "1519862410", b'{"a":2}') != f"v1={expected}"
    assert signature_of(SecretStr("another"), "1519862410", b'{"a":1}') != f"v1={expected}"


def test_a_document_that_would_be_too_large_says_how_many_items_it_lacks() -> None:
    notification, said = huge()
    document = document_of(notification, said)
    body = msgspec.json.decode(document)
    assert len(document) <= DOCUMENT_BYTES_MAX
    assert len(body["items"]) > 40
    assert len(body["items"]) + body["items_left_off"] == len(notification.items)
    assert len(body["text"]["sections"]) == len(body["items"])


def test_even_a_text_without_end_fits() -> None:
    said = text(title="T" * 2_000_000)
    assert len(document_of(notice(), said)) <= DOCUMENT_BYTES_MAX
