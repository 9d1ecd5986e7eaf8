"""Generic webhook: the notification as JSON, signed.

``X-Monitor-Timestamp`` is the instant of sending, in whole seconds since 1970;
``X-Monitor-Signature`` is ``v1=`` and, in hexadecimal, the HMAC-SHA256 with the receiver's secret
over that timestamp, a dot and the body as sent; ``X-Monitor-Key`` names the notification, the
same when it is sent again.
"""

import hmac
from collections.abc import Callable, Sequence
from hashlib import sha256

from pydantic import SecretStr

from monitor.core.instants import SECOND, Instant
from monitor.notify.document import document_of
from monitor.notify.notification import Item, Notification
from monitor.notify.outgoing import Outgoing
from monitor.notify.text import Text
from monitor.settings.receiver_sections import WebhookSection


class Webhook:
    """Posts to a URL; that and the key of the signature are secrets."""

    resend_seconds: float | None = None

    def __init__(
        self, name: str, section: WebhookSection, outgoing: Outgoing, clock: Callable[[], Instant]
    ) -> None:
        self.name = name
        self._url = section.url or SecretStr("")
        self._secret = section.secret or SecretStr("")
        self._outgoing = outgoing
        self._clock = clock

    async def deliver(self, notification: Notification, text: Text) -> None:
        """Post once; see Receiver."""
        body = document_of(notification, text)
        timestamp = str(self._clock() // SECOND)
        headers = {
            "X-Monitor-Key": notification.key,
            "X-Monitor-Timestamp": timestamp,
            "X-Monitor-Signature": signature_of(self._secret, timestamp, body),
        }
        await self._outgoing.post(self._url, body, headers)

    async def resend(self, items: Sequence[Item]) -> None:
        """Nothing: what was said is said."""

    async def close(self) -> None:
        """Nothing is kept open."""


def signature_of(secret: SecretStr, timestamp: str, body: bytes) -> str:
    """The signature of a body sent at a timestamp."""
    key = secret.get_secret_value().encode()
    return f"v1={hmac.new(key, timestamp.encode() + b'.' + body, sha256).hexdigest()}"
