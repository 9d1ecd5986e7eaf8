"""Each kind of receiver with what it talks to: a server on this machine that behaves, or does not.

A `Fault` is what the other side does wrong; `HTTP 429` and the like are `Status`es.
"""

import asyncio
import io
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from enum import Enum
from pathlib import Path
from typing import Any

import msgspec
import trustme
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from pydantic import TypeAdapter

from monitor.core.instants import Instant, parse_instant
from monitor.notify.receiver import Receiver
from monitor.notify.receivers import receiver_of
from monitor.notify.receivers.console import Console
from monitor.settings.receiver_sections import ReceiverSection
from tests.notify.services import (
    ROUTING_KEY,
    SECRET_PATH,
    SIGNING_SECRET,
    TOKEN,
    AlertmanagerService,
    PagerDutyService,
    Request,
    Service,
    SlackService,
    WebhookService,
    texts_of,
)

NOW = parse_instant("2018-03-01T00:00:10Z")
PASSWORD = "never-shown-7f3a-password"  # noqa: S105
UNSEEN = ("never-shown-7f3a", ROUTING_KEY)
"""What no error, log or repr may hold."""

_SECTIONS: TypeAdapter[Any] = TypeAdapter(ReceiverSection)


class Fault(Enum):
    """What the other side does instead of answering."""

    SILENT = "takes all and says nothing"
    DRIPPING = "answers one byte at a time, for ever"
    HALF_CLOSED = "closes its side in the middle of an answer"
    RESETTING = "resets the connection"
    GARBLED = "speaks another protocol"


@dataclass
class Line:
    """How a server answers, which a test may change at any time; None: as it should."""

    fault: Fault | None = None
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    ends: bool = True
    """Whether the body that was promised comes to an end."""
    connections: int = 0
    requests: list[Request] = field(default_factory=list)

    def heal(self) -> None:
        self.fault = self.status = None


@dataclass
class Stand:
    """A receiver of one kind, and the other side."""

    kind: str
    receiver: Receiver
    line: Line
    said: Callable[[], list[str]]
    """All that was taken so far, one text for each."""
    service: Any = None


def clock() -> Instant:
    return NOW


def made(section: dict[str, Any], now: Callable[[], Instant] = clock) -> Receiver:
    """A receiver as the program makes it of its settings."""
    return receiver_of("ops", _SECTIONS.validate_python(section), now)


HTTP_KINDS = ("slack", "pagerduty", "alertmanager", "webhook")
REMOTE_KINDS = (*HTTP_KINDS, "mail")
KINDS = (*REMOTE_KINDS, "file", "console")

SERVICES: dict[str, Callable[[], Service]] = {
    "slack": SlackService,
    "pagerduty": PagerDutyService,
    "alertmanager": AlertmanagerService,
    "webhook": WebhookService,
}


def http_section(kind: str, base: str, **own: Any) -> dict[str, Any]:
    """Settings of a receiver that posts to a server."""
    secrets: dict[str, dict[str, Any]] = {
        "slack": {"url": f"{base}{SECRET_PATH}"},
        "pagerduty": {"base_url": base, "routing_key": ROUTING_KEY},
        "alertmanager": {"urls": [base], "bearer_token": TOKEN},
        "webhook": {"url": f"{base}{SECRET_PATH}", "secret": SIGNING_SECRET},
    }
    return {"kind": kind, "allow_private_addresses": True} | secrets[kind] | own


@asynccontextmanager
async def stand_of(kind: str, folder: Path, ca: trustme.CA, **own: Any) -> AsyncIterator[Stand]:
    """A stand of a kind; `own` are settings of its receiver."""
    if kind in HTTP_KINDS:
        service = SERVICES[kind]()
        async with http_server(service) as (base, line):
            receiver = made(http_section(kind, base, **own))
            yield Stand(kind, receiver, line, lambda: service.said, service)
            await receiver.close()
    elif kind == "mail":
        async with mail_stand(ca, folder, **own) as stand:
            yield stand
    elif kind == "file":
        path = folder / "notifications.jsonl"
        receiver = made({"kind": "file", "path": path})
        yield Stand(kind, receiver, Line(), lambda: _lines_in(path))
    else:
        stream = io.StringIO()
        yield Stand(
            kind, Console("ops", stream), Line(), lambda: list(filter(None, [stream.getvalue()]))
        )


def _lines_in(path: Path) -> list[str]:
    lines = path.read_bytes().splitlines() if path.exists() else []
    return ["\n".join(texts_of(msgspec.json.decode(line))) for line in lines]


@asynccontextmanager
async def http_server(
    service: Service, tls: ssl.SSLContext | None = None
) -> AsyncIterator[tuple[str, Line]]:
    """A server of HTTP/1.1 on this machine; gives its URL and how it answers."""
    line = Line()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await _read_request(reader)
        line.requests.append(request)
        headers = dict(line.headers)
        status, body = line.status, line.body
        if status is None:
            status, body = service.answer(request)
        length = len(body) if line.ends else 10**9
        lines = [f"HTTP/1.1 {status} Some words", f"Content-Length: {length}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        writer.write("\r\n".join([*lines, "", ""]).encode() + body)
        await writer.drain()
        if not line.ends:
            await reader.read()

    async with listening(serve, line, b"HTTP/1.1 20", tls) as port:
        scheme = "http" if tls is None else "https"
        yield f"{scheme}://127.0.0.1:{port}", line


async def _read_request(reader: asyncio.StreamReader) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    pairs = (text.partition(":") for text in head[1:] if text)
    headers = {name.lower(): value.strip() for name, _, value in pairs}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Request(head[0].split(" ")[1], headers, body)


Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Any]


@asynccontextmanager
async def listening(
    serve: Serve, line: Line, beginning: bytes, tls: ssl.SSLContext | None = None
) -> AsyncIterator[int]:
    """A TCP server that behaves as `line` says; gives its port.

    Its faults begin before a byte is read, so that they fit any protocol.
    """
    tasks: set[asyncio.Task[None]] = set()

    async def attend(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line.connections += 1
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            if line.fault is None:
                await serve(reader, writer)
            else:
                await _misbehave(line.fault, reader, writer, beginning)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            # The receiver has left, or the test is over.
            writer.transport.abort()
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
            tasks.discard(task)

    server = await asyncio.start_server(attend, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await _all_closed(server)


async def _all_closed(server: Any) -> None:
    """Wait for every connection, also one whose handshake failed.

    Before Python 3.12 a closed server's own ``wait_closed`` waits for nothing; uvloop's does.
    """
    await server.wait_closed()
    async with asyncio.timeout(30):
        while getattr(server, "_active_count", 0):  # noqa: ASYNC110 - nothing tells of its change
            await asyncio.sleep(0.001)


async def _misbehave(
    fault: Fault, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, beginning: bytes
) -> None:
    match fault:
        case Fault.SILENT:
            await asyncio.sleep(3600)
        case Fault.DRIPPING:
            while True:
                for byte in beginning + b"0 " * 1000:
                    writer.write(bytes([byte]))
                    await writer.drain()
                    await asyncio.sleep(0.02)
        case Fault.HALF_CLOSED:
            writer.write(beginning)
            writer.write_eof()
            await reader.read()
        case Fault.RESETTING:
            writer.transport.abort()
        case Fault.GARBLED:
            writer.write(b"\x15\x03\x03\x00\x02\x02\x46\r\n\r\n")
            await writer.drain()
            await reader.read()


@dataclass
class MailService:
    """A mail server behind STARTTLS and a login (https://www.rfc-editor.org/rfc/rfc5321)."""

    messages: list[EmailMessage] = field(default_factory=list)
    recipients: list[list[str]] = field(default_factory=list)
    refusals: dict[str, str] = field(default_factory=dict)
    """Replies to RCPT by address."""
    data_reply: str | None = None
    encrypted: list[bool] = field(default_factory=list)
    offers_tls: bool = True
    logins: int = 0

    async def handle_RCPT(  # noqa: N802 - as aiosmtpd calls it
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.refusals:
            return self.refusals[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802 - as aiosmtpd calls it
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        if self.data_reply is not None:
            return self.data_reply
        content = envelope.content
        assert isinstance(content, bytes)
        message = message_from_bytes(content, policy=SMTP_POLICY)
        assert isinstance(message, EmailMessage)
        self.messages.append(message)
        self.recipients.append(list(envelope.rcpt_tos))
        self.encrypted.append(session.ssl is not None)
        return "250 Taken"

    def login(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any
    ) -> AuthResult:
        assert isinstance(data, LoginPassword)
        self.logins += 1
        sound = (data.login, data.password) == (b"monitor", PASSWORD.encode())
        return AuthResult(success=sound, handled=False)

    def said(self) -> list[str]:
        return ["\n".join(_parts(message)) for message in self.messages]


def _parts(message: EmailMessage) -> list[str]:
    parts = [str(message["Subject"])]
    for kind in ("plain", "html"):
        body = message.get_body((kind,))
        assert body is not None
        parts.append(body.get_content().replace("\r\n", "\n"))
    return parts


@asynccontextmanager
async def mail_stand(ca: trustme.CA, folder: Path, **own: Any) -> AsyncIterator[Stand]:
    """A mail server that asks for STARTTLS and a login, and a receiver that has both.

    With ``security="tls"`` its connections are encrypted from the first byte on, and it asks for
    neither.
    """
    service, line = MailService(), Line()
    from_first_byte = own.get("security") == "tls"
    service.offers_tls = not from_first_byte
    trusted = folder / "ca.pem"
    ca.cert_pem.write_to_path(str(trusted))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("127.0.0.1").configure_cert(tls)
    loop = asyncio.get_running_loop()
    sessions: list[SMTP] = []

    def session() -> SMTP:
        protocol = SMTP(
            service,
            hostname="mail.test",
            tls_context=tls if service.offers_tls else None,
            require_starttls=service.offers_tls,
            authenticator=service.login,
            auth_required=service.offers_tls,
            loop=loop,
        )
        sessions.append(protocol)
        return protocol

    server = await loop.create_server(session, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        their_reader, their_writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            await asyncio.gather(_pipe(reader, their_writer), _pipe(their_reader, writer))
        finally:
            their_writer.transport.abort()

    outer = tls if from_first_byte else None
    async with listening(relay, line, b"220 mail.test ESM", outer) as port_of_line:
        section = {
            "kind": "mail",
            "host": "127.0.0.1",
            "port": port_of_line,
            "username": "monitor",
            "password": PASSWORD,
            "from_address": "monitor@example.com",
            "to": ["ops@example.com", "boss@example.com"],
            "allow_private_addresses": True,
            "ca_file": trusted,
        }
        try:
            yield Stand("mail", made(section | own), line, service.said, service)
        finally:
            server.close()
            for one in sessions:
                if one.transport is not None:
                    one.transport.close()
            await _all_closed(server)


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(65_536):
        writer.write(chunk)
        await writer.drain()
    # An encrypted connection has no half to close.
    if writer.can_write_eof():
        writer.write_eof()
    else:
        writer.close()
