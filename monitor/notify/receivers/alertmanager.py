"""Alertmanager API v2: every member of a cluster, told again while alerts are open.

https://prometheus.io/docs/alerting/latest/alerts_api/
Labels, and what becomes of them when a severity changes: docs/adr/0007.
"""

import asyncio
import base64
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from urllib.parse import urlsplit

import msgspec
from pydantic import SecretStr

from monitor.core.instants import Instant
from monitor.errors import NotifyError
from monitor.notify.notification import Item, Notification
from monitor.notify.outgoing import Outgoing
from monitor.notify.receivers.alertmanager_alerts import Alert, Episodes, meta_alert
from monitor.notify.text import Text
from monitor.settings.receiver_sections import AlertmanagerSection

RESEND_SECONDS = 60.0

_POST_BYTES_MAX = 512 * 1024

logger = logging.getLogger(__name__)


class Alertmanager:
    """Posts to all members; it took a notification where one of them did.

    A member that was away hears within a minute what is open, and for five minutes what closed.
    """

    resend_seconds: float | None = RESEND_SECONDS

    def __init__(
        self,
        name: str,
        section: AlertmanagerSection,
        outgoing: Outgoing,
        clock: Callable[[], Instant],
    ) -> None:
        self.name = name
        self._members = [
            (f"member {number} ({urlsplit(url).netloc})", SecretStr(f"{url}/api/v2/alerts"))
            for number, url in enumerate(section.urls, 1)
        ]
        self._login = _authorization(section)
        self._outgoing = outgoing
        self._clock = clock
        self._episodes = Episodes(RESEND_SECONDS)

    async def deliver(self, notification: Notification, text: Text) -> None:
        """Post once to every member; see Receiver."""
        now = self._clock()
        if notification.items and notification.occasion != "test":
            alerts = self._episodes.told(notification.items, text, now)
        else:
            alerts = [meta_alert(notification, text, now)]
        await self._post(alerts)
        self._episodes.keep()

    async def resend(self, items: Sequence[Item]) -> None:
        """Post once more what is open or has closed; see Receiver."""
        alerts = self._episodes.retold(items, self._clock())
        if alerts:
            await self._post(alerts)
        self._episodes.keep()

    async def close(self) -> None:
        """Nothing is kept open."""

    async def _post(self, alerts: Sequence[Alert]) -> None:
        for body in _bodies(msgspec.json.encode(alert.wire()) for alert in alerts):
            await self._post_to_all(body)

    async def _post_to_all(self, body: bytes) -> None:
        attempts = [self._attempt(url, body) for _, url in self._members]
        faults = {
            member: fault
            for (member, _), fault in zip(
                self._members, await asyncio.gather(*attempts), strict=True
            )
            if fault is not None
        }
        said = "; ".join(f"{member}: {fault}" for member, fault in faults.items())
        if len(faults) == len(self._members):
            waits = [fault.retry_after_seconds or 0.0 for fault in faults.values()]
            raise NotifyError(
                said,
                permanent=all(fault.permanent for fault in faults.values()),
                retry_after_seconds=min(waits) or None,
            )
        if faults:
            logger.warning("receiver %s: %s; the other members took it", self.name, said)

    async def _attempt(self, url: SecretStr, body: bytes) -> NotifyError | None:
        try:
            await self._outgoing.post(url, body, self._login())
        except NotifyError as error:
            return error
        return None


def _bodies(alerts: Iterable[bytes]) -> Iterator[bytes]:
    """JSON arrays of half a mebibyte, or of a single alert."""
    batch: list[bytes] = []
    size = 0
    for alert in alerts:
        if batch and size + len(alert) > _POST_BYTES_MAX:
            yield b"[" + b",".join(batch) + b"]"
            batch, size = [], 0
        batch.append(alert)
        size += len(alert) + 1
    yield b"[" + b",".join(batch) + b"]"


def _authorization(section: AlertmanagerSection) -> Callable[[], dict[str, str]]:
    """Makes the header that logs in; a closure, so that no repr shows what is in it."""

    def header() -> dict[str, str]:
        if section.bearer_token is not None:
            return {"Authorization": f"Bearer {section.bearer_token.get_secret_value()}"}
        if section.username is not None and section.password is not None:
            pair = f"{section.username}:{section.password.get_secret_value()}"
            return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
        return {}

    return header
