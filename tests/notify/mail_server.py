"""A mail server that looks at what it gets, behind a line that a test may spoil."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.notify.servers import Line, all_closed, listening

PASSWORD = "never-shown-7f3a-password"  # noqa: S105


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
async def mail_server(
    service: MailService, tls: ssl.SSLContext, *, from_first_byte: bool
) -> AsyncIterator[tuple[int, Line]]:
    """A mail server that asks for STARTTLS and a login; gives its port and how it behaves.

    With ``from_first_byte`` its connections are encrypted at once, and it asks for neither.
    """
    line = Line()
    service.offers_tls = not from_first_byte
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
        try:
            yield port_of_line, line
        finally:
            server.close()
            for one in sessions:
                if one.transport is not None:
                    one.transport.close()
            await all_closed(server)


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(65_536):
        writer.write(chunk)
        await writer.drain()
    # An encrypted connection has no half to close.
    if writer.can_write_eof():
        writer.write_eof()
    else:
        writer.close()
