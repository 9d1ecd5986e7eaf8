"""Mail: what arrives, what is refused and for how long, and that nothing travels in clear."""

import asyncio
from collections.abc import AsyncIterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
import trustme
import uvloop

from monitor.core.instants import parse_instant
from monitor.errors import NotifyError
from monitor.notify.notification import Notification
from monitor.notify.receivers.mail_message import message_of
from tests.notify.messages import HOSTILE, hostile, item, metric, notice, text
from tests.notify.stands import Stand, stand_of

NOW = parse_instant("2018-03-01T00:00:10Z")


@pytest.fixture
async def stand(tmp_path: Path, ca: trustme.CA) -> AsyncIterator[Stand]:
    async with stand_of("mail", tmp_path, ca) as made:
        yield made


async def refusal_of(stand: Stand) -> NotifyError:
    with pytest.raises(NotifyError) as caught:
        await stand.receiver.deliver(notice(), text())
    return caught.value


class Tags(HTMLParser):
    """The tags and links of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str | None] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name == "href"]


async def test_a_mail_is_text_and_html_and_travels_encrypted(stand: Stand) -> None:
    await stand.receiver.deliver(notice(), text())
    (message,) = stand.service.messages
    assert stand.service.encrypted == [True]
    assert message["Subject"] == "Breached: order defect rate of shop in m"
    assert (message["From"], message["To"]) == (
        "monitor@example.com",
        "ops@example.com, boss@example.com",
    )
    assert message["Date"] == "Thu, 01 Mar 2018 00:00:10 +0000"
    assert message["Auto-Submitted"] == "auto-generated"
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]


async def test_it_is_the_same_on_the_event_loop_of_the_worker(stand: Stand) -> None:
    def deliver() -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(stand.receiver.deliver(notice(), text()))

    await asyncio.to_thread(deliver)
    assert stand.service.encrypted == [True]


async def test_the_same_notification_is_the_same_mail(stand: Stand) -> None:
    await stand.receiver.deliver(notice(), text())
    await stand.receiver.deliver(notice(item(metric(seq=2))), text())
    await stand.receiver.deliver(notice(), text("Said otherwise"))
    first, second, third = (message["Message-ID"] for message in stand.service.messages)
    assert first == third == f"<{notice().key}@example.com>" != second


async def test_a_receiver_that_fails_twice_is_told_of_by_two_mails(stand: Stand) -> None:
    failing = Notification((), occasion="delivery", about="pager")
    late = message_of(failing.key, text(), "m@example.com", ["o@example.com"], NOW)
    await stand.receiver.deliver(failing, text())
    assert stand.service.messages[0]["Message-ID"] != late["Message-ID"]


def test_nothing_that_others_wrote_becomes_a_header_or_a_tag() -> None:
    notification, said = hostile()
    message = message_of(notification.key, said, "m@example.com", ["o@example.com"], NOW)
    head = bytes(message).split(b"\r\n\r\n")[0].decode().lower()
    names = {line.split(":")[0] for line in head.split("\r\n") if not line.startswith(" ")}
    assert names == {
        *("subject", "from", "to", "date", "message-id", "auto-submitted"),
        *("mime-version", "content-type"),
    }
    page = message.get_body(("html",))
    assert page is not None
    found = Tags(page.get_content())
    assert set(found.tags) == {"html", "body", "h1", "h2", "ul", "li", "p"}
    assert found.links == []
    assert "<script>" in HOSTILE


@pytest.mark.parametrize(
    ("reply", "is_permanent"), [("451 Later", False), ("452 Full", False), ("554 Spam", True)]
)
async def test_the_reply_to_a_message_says_whether_to_try_again(
    stand: Stand, reply: str, is_permanent: bool
) -> None:
    stand.service.data_reply = reply
    error = await refusal_of(stand)
    assert (error.permanent, str(error)) == (is_permanent, f"answered {reply[:3]} to the message")


@pytest.mark.parametrize(("reply", "is_permanent"), [("450 Later", False), ("550 Nobody", True)])
async def test_the_reply_to_all_addresses_says_whether_to_try_again(
    stand: Stand, reply: str, is_permanent: bool
) -> None:
    stand.service.refusals = dict.fromkeys(["ops@example.com", "boss@example.com"], reply)
    assert (await refusal_of(stand)).permanent == is_permanent


async def test_an_address_that_has_to_wait_gets_its_mail_later_and_no_other_twice(
    stand: Stand,
) -> None:
    stand.service.refusals = {"boss@example.com": "450 Greylisted"}
    error = await refusal_of(stand)
    assert not error.permanent
    stand.service.refusals = {}
    await stand.receiver.deliver(notice(), text())
    assert stand.service.recipients == [["ops@example.com"], ["boss@example.com"]]


async def test_an_address_that_is_refused_keeps_no_other_from_its_mail(stand: Stand) -> None:
    stand.service.refusals = {"boss@example.com": "550 No such user"}
    error = await refusal_of(stand)
    assert error.permanent
    assert str(error) == "answered 550 to an address (1 of 2 addresses)"
    assert stand.service.recipients == [["ops@example.com"]]


async def test_a_wrong_password_is_final(tmp_path: Path, ca: trustme.CA) -> None:
    own = {"password": "never-shown-7f3a-no"}
    async with stand_of("mail", tmp_path, ca, **own) as stand:
        error = await refusal_of(stand)
    assert (error.permanent, str(error)) == (True, "answered 535 to the login")


@pytest.mark.parametrize("own", [{"ca_file": None}, {"host": "localhost"}])
async def test_a_certificate_of_somebody_else_is_not_trusted(
    tmp_path: Path, ca: trustme.CA, own: dict[str, object]
) -> None:
    async with stand_of("mail", tmp_path, ca, **own) as stand:
        error = await refusal_of(stand)
        assert str(error) == "its certificate is not trusted"
        assert not error.permanent
        assert stand.service.messages == []


@pytest.mark.parametrize("trusts", [True, False])
async def test_a_connection_may_be_encrypted_from_its_first_byte_on(
    tmp_path: Path, ca: trustme.CA, trusts: bool
) -> None:
    own: dict[str, object] = {"security": "tls", "username": None, "password": None}
    own |= {} if trusts else {"ca_file": None}
    async with stand_of("mail", tmp_path, ca, **own) as stand:
        if trusts:
            await stand.receiver.deliver(notice(), text())
        else:
            assert str(await refusal_of(stand)) == "its certificate is not trusted"
        assert len(stand.service.messages) == int(trusts)


@pytest.mark.parametrize("own", [{}, {"username": None, "password": None}])
async def test_a_server_without_starttls_gets_neither_password_nor_mail(
    tmp_path: Path, ca: trustme.CA, own: dict[str, None]
) -> None:
    async with stand_of("mail", tmp_path, ca, **own) as stand:
        stand.service.offers_tls = False
        error = await refusal_of(stand)
        assert "no encryption" in str(error)
        assert not error.permanent
        assert (stand.service.logins, stand.service.messages) == (0, [])
