"""Slack incoming webhook: a message of blocks.

Markup and escapes: https://docs.slack.dev/messaging/formatting-message-text
Sizes: https://docs.slack.dev/reference/block-kit/blocks and, for the sum of all blocks,
https://github.com/slackapi/bolt-js/issues/2509
"""

from collections.abc import Sequence
from typing import Any

import msgspec
from pydantic import SecretStr

from monitor.notify.notification import Item, Notification
from monitor.notify.outgoing import Outgoing
from monitor.notify.text import Link, Section, Text
from monitor.notify.weblinks import web_url
from monitor.printable import printable
from monitor.settings.receiver_sections import SlackSection

BLOCKS_MAX = 40
MESSAGE_CHARACTERS_MAX = 10_000
SECTION_CHARACTERS_MAX = 3000
HEADER_CHARACTERS_MAX = 150

_LINKS_CHARACTERS_MAX = 1400
_RESERVED_CHARACTERS = _LINKS_CHARACTERS_MAX + 100
"""Of a message, for what follows the sections: links, and how many were left out."""
_RESERVED_BLOCKS = 2
_LINKS_MAX = 10
_SEPARATOR = " · "

# https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks#handling_errors
_REASONS = frozenset(
    {
        *("invalid_payload", "invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long"),
        *("user_not_found", "channel_not_found", "channel_is_archived", "action_prohibited"),
        *("posting_to_general_channel_denied", "too_many_attachments", "no_service"),
        *("no_service_id", "no_team", "team_disabled", "invalid_token", "no_text"),
        "rollup_error",
    }
)
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


class Slack:
    """Posts to an incoming webhook, whose URL is a secret."""

    resend_seconds: float | None = None

    def __init__(self, name: str, section: SlackSection, outgoing: Outgoing) -> None:
        self.name = name
        self._url = section.url or SecretStr("")
        self._outgoing = outgoing

    async def deliver(self, notification: Notification, text: Text) -> None:  # noqa: ARG002
        """Post once; see Receiver."""
        await self._outgoing.post(self._url, message_of(text), known_reasons=_REASONS)

    async def resend(self, items: Sequence[Item]) -> None:
        """Nothing: a message stays where it was posted."""

    async def close(self) -> None:
        """Nothing is kept open."""


def message_of(text: Text) -> bytes:
    """The message's JSON.

    What is said is plain text, in which nothing mentions anyone, formats or links; only our own
    links are markup.
    """
    title = _cut(_line(text.title), HEADER_CHARACTERS_MAX)
    blocks: list[dict[str, Any]] = [{"type": "header", "text": _plain(title)}]
    room = MESSAGE_CHARACTERS_MAX - _RESERVED_CHARACTERS - _length(title)
    left = len(text.sections)
    for section in text.sections:
        said = _cut(_said(section), SECTION_CHARACTERS_MAX)
        full = len(blocks) + _RESERVED_BLOCKS >= BLOCKS_MAX
        if full or _length(said) > room:
            break
        blocks.append({"type": "section", "text": _plain(said)})
        room -= _length(said)
        left -= 1
    if left:
        blocks.append({"type": "section", "text": _plain(f"and {left} more")})
    if linked := _links(text):
        blocks.append({"type": "context", "elements": [linked]})
    return msgspec.json.encode(
        {
            "text": title.translate(_ESCAPES),
            "mrkdwn": False,
            "blocks": blocks,
            "unfurl_links": False,
            "unfurl_media": False,
        }
    )


def _said(section: Section) -> str:
    return "\n".join(map(_line, (section.headline, *section.lines)))


def _links(text: Text) -> dict[str, Any] | None:
    runbooks = dict.fromkeys(section.runbook for section in text.sections)
    links = [*text.links, *(Link(_runbook_name(url), url) for url in runbooks)]
    parts: list[str] = []
    room = _LINKS_CHARACTERS_MAX
    for name, url in links[:_LINKS_MAX]:
        if not web_url(url):
            continue
        part = f"<{url.translate(_ESCAPES)}|{_line(name).translate(_ESCAPES)}>"
        room -= _length(part) + len(_SEPARATOR)
        if room >= 0:
            parts.append(part)
    if not parts:
        return None
    return {"type": "mrkdwn", "text": _SEPARATOR.join(parts), "verbatim": True}


def _runbook_name(url: str) -> str:
    return f"runbook {url.rstrip('/').rpartition('/')[2]}"


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text or "–", "emoji": False}


def _line(text: str) -> str:
    """One line, in which the URL that a seller or buyer wrote is shown and is no link."""
    return printable(text, SECTION_CHARACTERS_MAX).replace("://", "[:]//")


def _length(text: str) -> int:
    """As a JavaScript counts it: two for a character beyond the first 65,536."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _cut(text: str, length_max: int) -> str:
    if _length(text) <= length_max:
        return text
    kept = text[: length_max - 1]
    while _length(kept) > length_max - 1:
        kept = kept[: len(kept) - max(1, (_length(kept) - length_max + 1) // 2)]
    return kept + "…"
