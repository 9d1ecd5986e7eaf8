"""Text that sellers, buyers and upstream systems write, made safe to show on one line."""

import re
from functools import partial

_WORDING_MAX = 200


def printable(text: str, limit: int = _WORDING_MAX) -> str:
    """``text`` on one line of at most ``limit`` characters, nothing invisible in it.

    Control characters, line ends, direction overrides, zero-width characters and lone
    surrogates are shown as escapes, so that no text can move a cursor, forge a second line or
    hide a part of itself.
    """
    shown = text[: limit + 1]
    if not shown.isprintable():
        shown = _escaped(shown)
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def _escape(match: re.Match[str]) -> str:
    character = match.group()
    if character.isprintable():
        return character
    return character.encode("unicode_escape").decode()


_escaped = partial(re.compile(r"[^ -~]").sub, _escape)
