"""A notification as a JSON document: for programs that do with it what they like. Pure."""

from typing import Any

import msgspec

from monitor.notify.notification import Item, Notification
from monitor.notify.text import Text

DOCUMENT_BYTES_MAX = 1024 * 1024


def document_of(notification: Notification, text: Text) -> bytes:
    """The document on one line: ``key``, ``occasion``, the text, and the items with their records.

    Records are those of the ``alerts`` topic, byte for byte. Items that would make the document
    larger than a mebibyte are left out, the least urgent first, and ``items_left_off`` says how
    many.
    """
    items = [_item(item) for item in notification.items]
    while True:
        document = _encoded(notification, text, items)
        excess = len(document) - DOCUMENT_BYTES_MAX
        if excess <= 0 or not items:
            return document if excess <= 0 else _encoded(notification, _titled(text), items)
        kept = len(items) * DOCUMENT_BYTES_MAX // len(document)
        items = items[: min(kept, len(items) - 1)]
        text = text._replace(sections=text.sections[: len(items)])


def _encoded(notification: Notification, text: Text, items: list[dict[str, Any]]) -> bytes:
    return msgspec.json.encode(
        {
            "v": 1,
            "key": notification.key,
            "occasion": notification.occasion,
            "about": notification.about,
            "resolves": notification.resolves,
            "text": {
                "title": text.title,
                "sections": [section._asdict() for section in text.sections],
                "links": [link._asdict() for link in text.links],
            },
            "items": items,
            "items_left_off": len(notification.items) - len(items),
        }
    )


def _item(item: Item) -> dict[str, Any]:
    return {
        "severity": item.severity,
        "runbook": item.runbook,
        "record": msgspec.Raw(item.record.encode()),
    }


def _titled(text: Text) -> Text:
    return text._replace(title=text.title[:1000], sections=())
