"""Which orders (messages, returns, claims) are behind an alert, and how to list all. Pure."""

from collections.abc import Iterator

from monitor.core.alert_records import AlertRecord, DeadlineRecord
from monitor.notify.reader import TextStyle, listing_command
from monitor.printable import printable

_CHARACTERS_MAX = 128


def subject_lines(record: AlertRecord, style: TextStyle) -> Iterator[str]:
    """``Newest: o-1, o-2 and 3 more``, and the command that lists them all."""
    words = subject_words(record, style.subjects_shown)
    if words:
        yield words[:1].upper() + words[1:]
    is_cut = record.subjects_total > min(len(record.subjects), style.subjects_shown)
    command = listing_command(record, style.explain)
    if is_cut and command:
        yield f"All of them: {command}"


def subject_words(record: AlertRecord, most: int) -> str:
    """``newest: o-1, o-2 and 3 more``; empty where a record names none.

    A record names the newest. Of open items the first due matter more: where it names them all
    these come first.
    """
    named = [printable(subject, _CHARACTERS_MAX) for subject in record.subjects]
    order = "newest"
    if isinstance(record, DeadlineRecord) and len(named) == record.subjects_total:
        named, order = named[::-1], "first due"
    shown = named[:most]
    if not shown:
        return ""
    more = record.subjects_total - len(shown)
    return f"{order}: {', '.join(shown)}" + (f" and {more} more" if more > 0 else "")
