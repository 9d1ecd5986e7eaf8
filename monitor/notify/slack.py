"""Slack incoming webhook: one sentence per alert record.

Limits and escaping: https://docs.slack.dev/messaging/formatting-message-text
"""

import msgspec

from monitor.core.alert_records import AlertRecord
from monitor.notify.post import post_json
from monitor.notify.text import sentence_of

_SECTION_CHARACTERS_MAX = 3000
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


class Slack:
    """Posts each record to an incoming webhook, whose URL is a secret and never shown."""

    name = "slack"

    def __init__(self, url: str) -> None:
        self._url = url

    async def __call__(self, record: AlertRecord) -> None:
        """Deliver a record.

        Raises:
            NotifyError: it was not taken.
        """
        await post_json(self._url, body_of(record))


def body_of(record: AlertRecord) -> bytes:
    """The message: plain text, so that no id can mention anyone, link or format."""
    sentence = sentence_of(record)[:_SECTION_CHARACTERS_MAX]
    text = {"type": "plain_text", "text": sentence, "emoji": False}
    return msgspec.json.encode(
        {
            "text": sentence.translate(_ESCAPES),
            "blocks": [{"type": "section", "text": text}],
        }
    )
