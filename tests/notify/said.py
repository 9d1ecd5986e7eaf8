"""What a notification of one item says, for tests of texts."""

from typing import Any

from monitor.notify.notification import Item
from monitor.notify.reader import TextStyle
from monitor.notify.text import Section, text_of
from tests.notify.messages import notice

PLAIN = TextStyle()


def section(found: Item, style: TextStyle = PLAIN, **own: Any) -> Section:
    (said,) = text_of(notice(found, **own), style).sections
    return said


def lines(found: Item, style: TextStyle = PLAIN, **own: Any) -> list[str]:
    return list(section(found, style, **own).lines)
