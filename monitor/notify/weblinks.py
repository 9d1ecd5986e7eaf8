"""Which links a message may carry. Pure."""

from urllib.parse import urlsplit

_FORBIDDEN = frozenset("<>|\"'`\\^{}")


def web_url(text: str) -> str:
    """``text`` where it is an absolute http or https URL, else nothing.

    Such a URL has no character that closes a quote, a tag or a link in any medium's markup, and
    none outside ASCII.
    """
    if not text.isascii() or not text.isprintable() or " " in text or _FORBIDDEN & set(text):
        return ""
    try:
        url = urlsplit(text)
    except ValueError:
        return ""
    return text if url.scheme in ("http", "https") and url.hostname else ""
