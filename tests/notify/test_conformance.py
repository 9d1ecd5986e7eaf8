"""One suite that every receiver passes, against servers that behave like the real ones.

And against servers that do not: busy, broken, silent, slow, half-closed. A new kind of receiver
is one line in `stands.KINDS`.
"""

import logging
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trustme

from monitor.errors import NotifyError
from monitor.notify.notification import Notification
from monitor.notify.text import Text
from tests.notify.messages import HOSTILE, hostile, huge, item, metric, notice, text
from tests.notify.servers import Fault, http_server
from tests.notify.stands import (
    HTTP_KINDS,
    KINDS,
    REMOTE_KINDS,
    SERVICES,
    UNSEEN,
    Stand,
    http_section,
    made,
    stand_of,
)

QUICK = {"timeout_seconds": 0.5}
"""So that a test of what never answers is over soon."""

TEMPORARY = (408, 425, 429, 500, 502, 503, 504, 529)
PERMANENT = (300, 301, 302, 303, 307, 308, 400, 401, 403, 404, 405, 410, 413, 422)


@pytest.fixture
async def stand(
    request: pytest.FixtureRequest, tmp_path: Path, ca: trustme.CA
) -> AsyncIterator[Stand]:
    """A stand of the kind that a test names, with settings of its own where it has some."""
    kind, own = request.param if isinstance(request.param, tuple) else (request.param, {})
    async with stand_of(kind, tmp_path, ca, **own) as made_stand:
        yield made_stand


every_kind = pytest.mark.parametrize("stand", KINDS, indirect=True)
remote_kinds = pytest.mark.parametrize("stand", REMOTE_KINDS, indirect=True)
http_kinds = pytest.mark.parametrize("stand", HTTP_KINDS, indirect=True)


async def refusal_of(stand: Stand, notification: Notification, said: Text) -> NotifyError:
    with pytest.raises(NotifyError) as caught:
        await stand.receiver.deliver(notification, said)
    return caught.value


def everything_known_of(stand: Stand, error: BaseException) -> str:
    told = [repr(error), str(error), repr(error.__cause__), repr(error.__context__)]
    return " ".join([*told, repr(stand.receiver), repr(getattr(stand.receiver, "__dict__", ""))])


def logged(caplog: pytest.LogCaptureFixture) -> str:
    """What was logged, but for the mail server's own log."""
    return " ".join(
        f"{record.getMessage()} {record.exc_info}"
        for record in caplog.records
        if record.name != "mail.log"
    )


@every_kind
async def test_what_is_delivered_arrives_with_its_headline(stand: Stand) -> None:
    await stand.receiver.deliver(notice(), text("BREACHED shop in m: order defect rate"))
    assert len(stand.said()) == 1
    assert "BREACHED shop in m: order defect rate" in stand.said()[0]
    assert stand.receiver.name == "ops"


@every_kind
async def test_a_test_notification_is_delivered_like_any_other(stand: Stand) -> None:
    test = notice(item(metric(alert="test/test/test/0"), "info"), occasion="test")
    await stand.receiver.deliver(test, text("A test", title="TEST of receiver ops"))
    assert len(stand.said()) == 1
    assert "test" in stand.said()[0].lower()


@every_kind
async def test_a_failing_receiver_is_told_of_without_any_alert(stand: Stand) -> None:
    failing = Notification((), occasion="delivery", about="pager")
    await stand.receiver.deliver(failing, text("Receiver pager takes no notifications"))
    assert len(stand.said()) == 1
    assert "pager" in stand.said()[0]


@every_kind
async def test_what_is_open_may_be_said_again_at_any_time(stand: Stand) -> None:
    await stand.receiver.resend([])
    await stand.receiver.resend([item()])
    assert (stand.receiver.resend_seconds is None) == (stand.said() == [])


@every_kind
async def test_far_too_much_is_shortened_and_says_so(stand: Stand) -> None:
    notification, said = huge()
    if stand.kind == "pagerduty":
        # One event for each alert: two thousand calls prove no more than fifty.
        notification = notice(*notification.items[:50], occasion="summary")
    await stand.receiver.deliver(notification, said)
    told = stand.said()
    shortened = {"slack": "and 19", "mail": "and 1800 more", "console": "and 1800 more"}
    assert shortened.get(stand.kind, "Ж" * 200) in " ".join(told)


@every_kind
async def test_hostile_text_is_delivered_and_breaks_out_of_nothing(stand: Stand) -> None:
    notification, said = hostile()
    await stand.receiver.deliver(notification, said)
    told = stand.said()[0]
    assert "evil.example" in told
    if stand.kind in ("webhook", "file"):
        # Programs get the record as it lies on the topic.
        return
    assert not {"\r", "\x1b", "\x00", "\u202e", "\u200b"} & set(told)
    assert not [line for line in told.splitlines() if line.lower().startswith("bcc:")]


@every_kind
@pytest.mark.parametrize("words", ["日本語のメッセージ", "Ünïcödé ñ", "🦊🧿", "\u0627\u0644\u0639"])
async def test_any_script_arrives_as_it_was(stand: Stand, words: str) -> None:
    await stand.receiver.deliver(notice(), text(f"BREACHED {words}", title=words))
    assert words in stand.said()[0]


@http_kinds
@pytest.mark.parametrize("status", TEMPORARY)
async def test_a_busy_or_broken_server_is_worth_another_attempt(stand: Stand, status: int) -> None:
    stand.line.status = status
    error = await refusal_of(stand, notice(), text())
    assert not error.permanent
    assert str(status) in str(error)
    stand.line.heal()
    await stand.receiver.deliver(notice(), text())
    assert len(stand.said()) == 1


@http_kinds
@pytest.mark.parametrize("status", PERMANENT)
async def test_a_refusal_is_final(stand: Stand, status: int) -> None:
    stand.line.status = status
    error = await refusal_of(stand, notice(), text())
    assert error.permanent
    assert str(status) in str(error)
    assert len(stand.line.requests) == 1


@http_kinds
@pytest.mark.parametrize("status", [200, 201, 202])
async def test_any_success_counts_and_its_body_is_not_waited_for(stand: Stand, status: int) -> None:
    stand.line.status, stand.line.ends = status, False
    await stand.receiver.deliver(notice(), text())
    assert len(stand.line.requests) == 1


@pytest.mark.parametrize("status", [400, 503])
@pytest.mark.parametrize(
    "stand", [(kind, QUICK) for kind in HTTP_KINDS], indirect=True, ids=HTTP_KINDS
)
async def test_a_refusal_without_an_end_is_one_all_the_same(stand: Stand, status: int) -> None:
    stand.line.status, stand.line.ends, stand.line.body = status, False, b"x" * 100_000
    error = await refusal_of(stand, notice(), text())
    assert str(error).startswith(("answered", "member 1"))
    assert error.permanent == (status == 400)


@http_kinds
@pytest.mark.parametrize(
    ("asked", "seconds"),
    [
        ("7", 7),
        ("0", 0),
        ("999999999", 3600),
        ("Thu, 01 Mar 2018 00:01:10 GMT", 60),
        ("Thu, 01 Mar 2018 00:00:00 GMT", 0),
        ("soon", None),
        ("-5", None),
        ("", None),
    ],
)
async def test_a_server_says_when_to_come_back(
    stand: Stand, asked: str, seconds: float | None
) -> None:
    stand.line.status, stand.line.headers = 429, {"Retry-After": asked}
    error = await refusal_of(stand, notice(), text())
    expected = None if stand.kind == "alertmanager" and not seconds else seconds
    assert error.retry_after_seconds == expected


@pytest.mark.parametrize("fault", Fault)
@pytest.mark.parametrize(
    "stand", [(kind, QUICK) for kind in REMOTE_KINDS], indirect=True, ids=REMOTE_KINDS
)
async def test_what_answers_wrongly_or_never_is_worth_another_attempt(
    stand: Stand, fault: Fault
) -> None:
    stand.line.fault = fault
    error = await refusal_of(stand, notice(), text())
    assert not error.permanent
    assert stand.line.connections == 1


@remote_kinds
async def test_after_a_fault_the_same_notification_is_taken_once(stand: Stand) -> None:
    stand.line.fault = Fault.RESETTING
    await refusal_of(stand, notice(), text())
    stand.line.heal()
    await stand.receiver.deliver(notice(), text())
    assert len(stand.said()) == 1


@pytest.mark.parametrize(
    "stand",
    [(kind, {"allow_private_addresses": False}) for kind in REMOTE_KINDS],
    indirect=True,
    ids=REMOTE_KINDS,
)
async def test_a_private_address_is_not_even_connected_to(stand: Stand) -> None:
    error = await refusal_of(stand, notice(), text())
    assert not error.permanent
    assert "allow_private_addresses" in str(error)
    assert stand.line.connections == 0


@http_kinds
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(stand: Stand, status: int) -> None:
    async with http_server(stand.service) as (elsewhere, other):
        stand.line.status = status
        stand.line.headers = {"Location": f"{elsewhere}/"}
        await refusal_of(stand, notice(), text())
        assert other.connections == 0


@remote_kinds
@pytest.mark.parametrize("fault", [None, Fault.RESETTING, Fault.GARBLED])
async def test_no_secret_is_shown_whatever_goes_wrong(
    stand: Stand, fault: Fault | None, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    stand.line.fault, stand.line.status = fault, 404
    # A server may say our secrets back to us.
    stand.line.body = b" ".join(secret.encode() for secret in UNSEEN)
    stand.line.headers = {"Location": f"http://127.0.0.1/{UNSEEN[0]}", "Retry-After": UNSEEN[0]}
    if stand.kind == "mail" and fault is None:
        stand.service.data_reply = f"550 {UNSEEN[0]}"
    error = await refusal_of(stand, notice(), text())
    known = everything_known_of(stand, error) + logged(caplog)
    assert not [secret for secret in UNSEEN if secret in known]


@every_kind
async def test_no_secret_is_shown_when_all_goes_well(
    stand: Stand, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await stand.receiver.deliver(notice(), text())
    known = everything_known_of(stand, ValueError()) + logged(caplog) + "".join(stand.said())
    assert not [secret for secret in UNSEEN if secret in known]


async def test_nobody_listening_is_worth_another_attempt(tmp_path: Path, ca: trustme.CA) -> None:
    for kind in REMOTE_KINDS:
        async with stand_of(kind, tmp_path, ca, **QUICK) as stand:
            pass
        assert not (await refusal_of(stand, notice(), text())).permanent


@pytest.mark.parametrize("kind", HTTP_KINDS)
@pytest.mark.parametrize(
    ("host", "trusts", "is_taken"),
    [("127.0.0.1", True, True), ("127.0.0.1", False, False), ("elsewhere.example", True, False)],
)
async def test_a_certificate_is_verified(
    kind: str, host: str, trusts: bool, is_taken: bool, tmp_path: Path, ca: trustme.CA
) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert(host).configure_cert(tls)
    trusted = tmp_path / "trusted.pem"
    ca.cert_pem.write_to_path(str(trusted))
    async with http_server(SERVICES[kind](), tls) as (base, line):
        receiver = made(http_section(kind, base, ca_file=trusted if trusts else None))
        if is_taken:
            await receiver.deliver(notice(), text())
        else:
            with pytest.raises(NotifyError, match="certificate is not trusted") as caught:
                await receiver.deliver(notice(), text())
            assert not caught.value.permanent
        assert len(line.requests) == int(is_taken)


def test_the_hostile_text_is_hostile() -> None:
    assert not HOSTILE.isprintable()
    assert "\r\n" in HOSTILE
