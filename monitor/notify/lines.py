"""A text as plain lines, for media without any markup. Pure."""

from collections.abc import Iterator

from monitor.notify.text import Text
from monitor.printable import printable

SECTIONS_MAX = 200
_LINE_CHARACTERS_MAX = 2000


def lines_of(text: Text) -> Iterator[str]:
    """The title, the sections, each indented below its headline, and the links.

    Nothing in a line can move a cursor or begin another line.
    """
    yield _line(text.title)
    for section in text.sections[:SECTIONS_MAX]:
        yield _line(f"  {section.headline}")
        for line in section.lines:
            yield _line(f"    {line}")
        if section.runbook:
            yield _line(f"    Runbook: {section.runbook}")
    if len(text.sections) > SECTIONS_MAX:
        yield f"  and {len(text.sections) - SECTIONS_MAX} more"
    for name, url in text.links:
        yield _line(f"  {name}: {url}")


def _line(text: str) -> str:
    return printable(text, _LINE_CHARACTERS_MAX)
