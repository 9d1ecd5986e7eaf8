"""Generic webhook: the alert record as it is on the ``alerts`` topic, posted as JSON."""

from monitor.core.alert_records import AlertRecord
from monitor.notify.post import post_json


class Webhook:
    """Posts each record to a URL, which is a secret and never shown."""

    name = "webhook"

    def __init__(self, url: str) -> None:
        self._url = url

    async def __call__(self, record: AlertRecord) -> None:
        """Deliver a record.

        Raises:
            NotifyError: it was not taken.
        """
        await post_json(self._url, record.encode())
