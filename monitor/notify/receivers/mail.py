"""E-mail by SMTP (https://www.rfc-editor.org/rfc/rfc5321), encrypted unless told otherwise."""

import asyncio
import socket
import ssl
from collections.abc import Callable, Sequence
from contextlib import suppress
from email.message import EmailMessage

import aiosmtplib

from monitor.core.instants import Instant
from monitor.errors import NotifyError
from monitor.notify.connecting import connected_socket
from monitor.notify.notification import Item, Notification
from monitor.notify.outgoing import PrivateAddress
from monitor.notify.receivers.mail_message import message_of
from monitor.notify.receivers.taken import Taken
from monitor.notify.text import Text
from monitor.settings.receiver_sections import MailSection

_PERMANENT_REPLIES = range(500, 600)
_GOODBYE_SECONDS = 2.0


class Mail:
    """Sends one message to all addresses, over a connection of its own."""

    resend_seconds: float | None = None

    def __init__(self, name: str, section: MailSection, clock: Callable[[], Instant]) -> None:
        self.name = name
        self._section = section
        self._clock = clock
        self._trusted = ssl.create_default_context(cafile=section.ca_file)
        self._taken = Taken()

    async def deliver(self, notification: Notification, text: Text) -> None:
        """Send once to those addresses that were not yet reached; see Receiver."""
        self._taken.begin(notification.key)
        to = [address for address in self._section.to if self._taken.needs(address)]
        # One receiver may fail twice, and be back in between, which is no mail sent again.
        key = notification.key if notification.items else f"{notification.key}.{self._clock()}"
        message = message_of(key, text, self._section.from_address, self._section.to, self._clock())
        fault = await self._fault_of(message, to) if to else None
        if fault is not None:
            raise fault
        self._taken.end("addresses")

    async def resend(self, items: Sequence[Item]) -> None:
        """Nothing: what was sent is sent."""

    async def close(self) -> None:
        """Nothing is kept open."""

    async def _fault_of(self, message: EmailMessage, to: Sequence[str]) -> NotifyError | None:
        """What kept it from being sent, as an error that carries no other."""
        try:
            async with asyncio.timeout(self._section.timeout_seconds):
                refusals = await self._send(message, to)
        except aiosmtplib.SMTPRecipientsRefused as error:
            refusals = {one.recipient: one.code for one in error.recipients}
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            return _explained(error)
        return self._after(refusals, to)

    async def _send(self, message: EmailMessage, to: Sequence[str]) -> dict[str, int]:
        """The addresses that were refused, each with the reply's code."""
        section = self._section
        handle = await connected_socket(
            section.host, section.port, allow_private=section.allow_private_addresses
        )
        smtp = aiosmtplib.SMTP(
            hostname=section.host,
            sock=handle,
            timeout=section.timeout_seconds,
            use_tls=section.security == "tls",
            start_tls=section.security == "starttls",
            tls_context=self._trusted,
            local_hostname=section.from_address.rpartition("@")[2],
        )
        try:
            await smtp.connect()
            if section.username is not None and section.password is not None:
                await smtp.login(section.username, section.password.get_secret_value())
            errors, _ = await smtp.send_message(
                message, sender=section.from_address, recipients=list(to)
            )
        finally:
            await _leave(smtp, handle)
        return {address: response.code for address, response in errors.items()}

    def _after(self, refusals: dict[str, int], to: Sequence[str]) -> NotifyError | None:
        """Remembers who was reached; an error where somebody still has to be."""
        for address in to:
            code = refusals.get(address)
            if code is None:
                self._taken.parts.add(address)
            elif code in _PERMANENT_REPLIES:
                fault = NotifyError(f"answered {code} to an address", permanent=True)
                self._taken.refused[address] = fault
        left = [code for code in refusals.values() if code not in _PERMANENT_REPLIES]
        if left:
            said = f"answered {left[0]} to {len(left)} of {len(to)} addresses"
            return NotifyError(said, permanent=False)
        return None


def _explained(error: Exception) -> NotifyError:
    """What went wrong, without the server's own words."""
    permanent = False
    match error:
        case aiosmtplib.SMTPResponseException():
            said = f"answered {error.code} to {_WHERE.get(type(error), 'a command')}"
            permanent = error.code in _PERMANENT_REPLIES
        case PrivateAddress():
            said = "its address is a private one, which allow_private_addresses would permit"
        case _ if isinstance(error.__cause__ or error, ssl.SSLError):
            said = "its certificate is not trusted"
        case TimeoutError():
            said = "no answer in time"
        case OSError() | ValueError():
            said = f"no answer ({type(error).__name__})"
        case _:
            said = f"offers no encryption or login as asked for ({type(error).__name__})"
    return NotifyError(said, permanent=permanent)


_WHERE: dict[type[BaseException], str] = {
    aiosmtplib.SMTPAuthenticationError: "the login",
    aiosmtplib.SMTPSenderRefused: "the sender",
    aiosmtplib.SMTPDataError: "the message",
    aiosmtplib.SMTPConnectResponseError: "the connection",
}


async def _leave(smtp: aiosmtplib.SMTP, handle: socket.socket) -> None:
    """Say goodbye; what the server answers changes nothing."""
    with suppress(aiosmtplib.SMTPException, OSError):
        if smtp.is_connected:
            await smtp.quit(timeout=_GOODBYE_SECONDS)
    smtp.close()
    handle.close()
