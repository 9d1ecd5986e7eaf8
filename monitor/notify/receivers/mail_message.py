"""A notification as an e-mail: text and HTML, and headers that nothing can break out of. Pure."""

from collections.abc import Iterator, Sequence
from email.message import EmailMessage
from email.policy import SMTP
from html import escape

from monitor.core.instants import Instant, utc
from monitor.notify.lines import SECTIONS_MAX, lines_of
from monitor.notify.text import Link, Section, Text
from monitor.notify.weblinks import web_url
from monitor.printable import printable

SUBJECT_CHARACTERS_MAX = 200

_LINE_CHARACTERS_MAX = 2000
_COLOURS = {"info": "#57606a", "warning": "#9a6700", "critical": "#cf222e"}


def message_of(
    key: str, text: Text, from_address: str, to: Sequence[str], now: Instant
) -> EmailMessage:
    """The message.

    Its Message-ID is made of the notification's key: the same mail sent again is the same mail.
    """
    message = EmailMessage(policy=SMTP)
    message["Subject"] = printable(text.title, SUBJECT_CHARACTERS_MAX) or "–"
    message["From"] = from_address
    message["To"] = ", ".join(to)
    message["Date"] = utc(now)
    message["Message-ID"] = f"<{key}@{from_address.rpartition('@')[2]}>"
    # https://www.rfc-editor.org/rfc/rfc3834#section-5
    message["Auto-Submitted"] = "auto-generated"
    message.set_content("\n".join(lines_of(text)) + "\n", cte="quoted-printable")
    html = "\n".join(_html(text)) + "\n"
    message.add_alternative(html, subtype="html", cte="quoted-printable")
    return message


def _html(text: Text) -> Iterator[str]:
    yield '<!doctype html><html><body style="font-family:sans-serif">'
    yield f"<h1 style='font-size:1.2em'>{_said(text.title)}</h1>"
    for section in text.sections[:SECTIONS_MAX]:
        yield from _section(section)
    if len(text.sections) > SECTIONS_MAX:
        yield f"<p>and {len(text.sections) - SECTIONS_MAX} more</p>"
    for link in text.links:
        yield f"<p>{_anchor(link)}</p>"
    yield "</body></html>"


def _section(section: Section) -> Iterator[str]:
    colour = _COLOURS[section.severity]
    yield f"<h2 style='font-size:1em;color:{colour}'>{_said(section.headline)}</h2><ul>"
    for line in section.lines:
        yield f"<li>{_said(line)}</li>"
    if section.runbook:
        yield f"<li>{_anchor(Link('Runbook', section.runbook))}</li>"
    yield "</ul>"


def _anchor(link: Link) -> str:
    url = web_url(link.url)
    if not url:
        return f"{_said(link.name)}: {_said(link.url)}"
    return f"<a href='{escape(url)}'>{_said(link.name)}</a>"


def _said(text: str) -> str:
    return escape(printable(text, _LINE_CHARACTERS_MAX))
