"""``[notify]``: how people are told, which way each alert goes, and when nobody is woken.

``[notify.receivers.NAME]`` has a file of its own: receiver_sections.py.
"""

import re
from datetime import date, datetime, time
from string import Formatter
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from pydantic_settings import NoDecode

from monitor.core.rules import Severity
from monitor.settings.receiver_sections import ReceiverName, ReceiverSection
from monitor.settings.values import Seconds, Section, Text, Whole, Zone, split

DAY_MINUTES = 24 * 60
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]

_PLACEHOLDERS = ("seller", "marketplace", "metric")
_CLOCK = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])|24:00")


def _minute(value: object) -> int:
    """Minutes since midnight of a clock time, as a text or as TOML's own."""
    if isinstance(value, time) and value.tzinfo is None and not (value.second or value.microsecond):
        return value.hour * 60 + value.minute
    if isinstance(value, str) and _CLOCK.fullmatch(value):
        hours, minutes = value.split(":")
        return int(hours) * 60 + int(minutes)
    raise ValueError("must be a time of day from 00:00 to 24:00, such as 22:00")


def _date(value: object) -> date:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    if isinstance(value, str):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
    raise ValueError("must be a date, such as 2026-12-25")


def _template(value: str) -> str:
    """A URL with placeholders; after its host, so that nobody else decides where a link leads."""
    names = ", ".join(f"{{{name}}}" for name in _PLACEHOLDERS)
    try:
        pieces = list(Formatter().parse(value))
        fields = {(name, form, how) for _, name, form, how in pieces if name is not None}
        unknown = fields - {(name, "", None) for name in _PLACEHOLDERS}
        url = urlsplit(
            "".join(text + ("x" if name is not None else "") for text, name, *_ in pieces)
        )
        host = urlsplit(value).netloc
    except ValueError:
        raise ValueError(f"must be a URL, in which {names} may stand") from None
    if unknown:
        raise ValueError(f"knows only the placeholders {names}")
    if url.scheme not in ("http", "https") or not url.hostname or "{" in host:
        raise ValueError("must be a URL that begins with https:// or http:// and a host")
    return value


Minute = Annotated[int, BeforeValidator(_minute)]
Dates = Annotated[tuple[Annotated[date, BeforeValidator(_date)], ...], NoDecode]
Patterns = Annotated[tuple[Text, ...], NoDecode, BeforeValidator(split)]
UrlTemplate = Annotated[Text, AfterValidator(_template)]


class RouteSection(Section):
    """``[[notify.routes]]``: which alerts go to some receivers.

    Names, or patterns with ``*`` and ``?``; what is left out fits everything. ``metrics`` are
    also kinds of open items, such as ``reply``.
    """

    receivers: Annotated[
        tuple[ReceiverName, ...], NoDecode, BeforeValidator(split), Field(min_length=1)
    ]
    sellers: Patterns = ()
    marketplaces: Patterns = ()
    metrics: Patterns = ()
    severities: Annotated[tuple[Severity, ...], NoDecode, BeforeValidator(split)] = ()
    mute_times: Patterns = ()


class MuteTimeSection(Section):
    """``[notify.mute_times.NAME]``: a stretch of the local day, on some days.

    It begins on the weekdays and the dates that are named, without any on every day. Where
    ``to`` is not the later one, it ends on the next day.
    """

    time_zone: Zone | None = None
    weekdays: Annotated[tuple[Weekday, ...], NoDecode, BeforeValidator(split)] = ()
    dates: Annotated[Dates, BeforeValidator(split)] = ()
    from_minute: Annotated[Minute, Field(alias="from")] = 0
    to_minute: Annotated[Minute, Field(alias="to")] = DAY_MINUTES

    @model_validator(mode="after")
    def _mutes_something_and_not_all(self) -> "MuteTimeSection":
        if self.from_minute == self.to_minute or self.from_minute == DAY_MINUTES:
            raise ValueError("from and to must be two times of day")
        is_whole_day = (self.from_minute, self.to_minute) == (0, DAY_MINUTES)
        if is_whole_day and not self.weekdays and not self.dates:
            raise ValueError("mutes for ever: from and to, weekdays or dates are required")
        return self


class NotifySection(Section):
    """``[notify]``: who is told of alerts, which of them, and how.

    ``time_zone`` is that of readers and mute times that name none of their own. Without
    ``routes`` each receiver gets everything; else what fits any of its routes. Records of a
    seller that come within ``group_wait_seconds`` are told of together, those older than
    ``late_hours`` when they are read in one summary. A receiver that has taken nothing for
    ``failing_after_seconds`` is told to the others.
    """

    time_zone: Zone = "UTC"
    status_page_url: UrlTemplate | None = None
    grafana_url: UrlTemplate | None = None
    subjects_shown: Annotated[Whole, Field(ge=0, le=20)] = 5
    receivers: dict[ReceiverName, ReceiverSection] = Field(default_factory=dict)
    routes: tuple[RouteSection, ...] = ()
    mute_times: dict[ReceiverName, MuteTimeSection] = Field(default_factory=dict)
    group_wait_seconds: Annotated[Seconds, Field(le=300)] = 5.0
    late_hours: Annotated[Seconds, Field(le=8760)] = 24.0
    failing_after_seconds: Annotated[Seconds, Field(le=86_400)] = 600.0
