"""How a text is made for those who read it: their clock, their links, how much they want. Pure."""

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote
from zoneinfo import ZoneInfo

from monitor.core.alert_records import AlertRecord, DeadlineRecord
from monitor.core.instants import DAY, HOUR, Instant, isoformat, utc
from monitor.notify.silences import subject_of

SUBJECTS_SHOWN = 5

_UTC = ZoneInfo("UTC")
_MINUTE = HOUR // 60
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_COMMAND_CHARACTERS_MAX = 1000
_PLAIN = re.compile(r"[ -~]+")


@dataclass(frozen=True, slots=True)
class TextStyle:
    """What one reader's texts are like.

    The URLs are templates, in which ``{seller}``, ``{marketplace}`` and ``{metric}`` stand for
    what an alert is about; empty: no such link. ``explain`` is the beginning of the command
    that lists orders, up to what it reads; empty: the command is not told.
    """

    zone: ZoneInfo = _UTC
    status_page_url: str = ""
    grafana_url: str = ""
    subjects_shown: int = SUBJECTS_SHOWN
    explain: tuple[str, ...] = ()


def moment_words(at: Instant, zone: ZoneInfo) -> str:
    """``Thu 2018-03-01 16:10 CET``, by the reader's clock."""
    try:
        local = utc(at).astimezone(zone)
    except OverflowError:
        # Somebody promised to ship in the last hours of the year 9999.
        return isoformat(at)
    name = local.tzname() or ""
    # Zones without an abbreviation give their offset for it.
    abbreviation = f"UTC{name}" if name[:1] in ("+", "-") else name
    return f"{_DAYS[local.weekday()]} {local:%Y-%m-%d %H:%M} {abbreviation}"


def span_words(micros: int) -> str:
    """A duration, cut to what is worth saying: ``3 days 4 hours``, ``20 minutes``."""
    days, rest = divmod(max(0, micros), DAY)
    hours, rest = divmod(rest, HOUR)
    minutes = rest // _MINUTE
    if days:
        return _joined((days, "day"), (hours, "hour"))
    if hours:
        return _joined((hours, "hour"), (minutes, "minute"))
    return _joined((minutes, "minute")) or "less than a minute"


def _joined(*parts: tuple[int, str]) -> str:
    return " ".join(f"{count} {unit}{'' if count == 1 else 's'}" for count, unit in parts if count)


def url_of(template: str, record: AlertRecord) -> str:
    """The URL for what a record is about; what is put in cannot leave its place in it.

    Empty where it would: no escape keeps a browser from taking ``..`` for the folder above.
    """
    words = {
        "seller": record.seller,
        "marketplace": record.marketplace,
        "metric": subject_of(record),
    }
    if any(word in (".", "..") for word in words.values()):
        return ""
    return template.format(
        **{name: quote(word, safe="", errors="replace") for name, word in words.items()}
    )


def listing_command(record: AlertRecord, explain: Sequence[str]) -> str:
    """The command that lists all that is behind a record; empty where it cannot be told.

    What others wrote is quoted for a POSIX shell.
    """
    if not explain:
        return ""
    arguments = [
        *explain,
        *("--as-of", record.as_of, "--seller", record.seller),
        *("--marketplace", record.marketplace),
        *_listed(record),
    ]
    command = shlex.join(arguments)
    # One that is shown cut or with escapes would ask for something else.
    is_sound = len(command) <= _COMMAND_CHARACTERS_MAX and _PLAIN.fullmatch(command)
    return command if is_sound else ""


def _listed(record: AlertRecord) -> tuple[str, ...]:
    if isinstance(record, DeadlineRecord):
        return ("--open", record.kind)
    category = () if record.category is None else ("--category", record.category)
    return ("--metric", record.metric, "--window", str(record.window_days), *category)
