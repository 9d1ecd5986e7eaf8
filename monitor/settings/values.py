"""What single values of the settings may be, and the base of the tables they stand in."""

import re
from datetime import datetime
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
)
from pydantic_settings import NoDecode

from monitor.core.events import is_seller
from monitor.core.instants import Instant, instant_of, parse_instant
from monitor.errors import InvalidInstant

_TOPIC = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9._-]{1,249}")
_SERVER = re.compile(r"[^\s,:/]+:[0-9]{1,5}|\[[0-9A-Fa-f:.]+\]:[0-9]{1,5}")


def split(value: object) -> object:
    """Kafka's own way to write a list, which the environment has to use."""
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return value


def no_boolean(value: object) -> object:
    """Python takes True for 1, a reader of the file does not."""
    if isinstance(value, bool):
        raise ValueError("must be a number")
    return value


def _moment(value: object) -> Instant:
    if isinstance(value, datetime) and value.tzinfo is not None:
        return instant_of(value)
    if isinstance(value, str):
        try:
            return parse_instant(value)
        except InvalidInstant:
            pass
    raise ValueError("must be an instant with an offset, such as 2025-01-01T00:00:00Z")


def _server(value: str) -> str:
    if not _SERVER.fullmatch(value):
        raise ValueError("must be host:port")
    return value


def _topic(value: str) -> str:
    if not _TOPIC.fullmatch(value):
        raise ValueError("must be a topic name: up to 249 letters, digits, . _ -")
    return value


def _seller(value: str) -> str:
    if not is_seller(value):
        raise ValueError("must be a seller as events name it: up to 64 letters, digits, _ -")
    return value


def checked_receiver_url(value: SecretStr) -> SecretStr:
    """The URL, if it is one to post to; ValueError, which does not show it, otherwise."""
    try:
        url = urlsplit(value.get_secret_value())
        sound = url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0
    except ValueError:
        # Its own message may show a part of the URL.
        sound = False
    if not sound:
        raise ValueError("must be a URL that begins with https:// or http://")
    return value


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("must be an IANA time zone, such as Europe/Berlin") from None
    return value


Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Topic = Annotated[str, AfterValidator(_topic)]
Topics = Annotated[tuple[Topic, ...], NoDecode, BeforeValidator(split)]
Sellers = Annotated[
    tuple[Annotated[str, AfterValidator(_seller)], ...], NoDecode, BeforeValidator(split)
]
Servers = Annotated[
    tuple[Annotated[str, AfterValidator(_server)], ...],
    NoDecode,
    BeforeValidator(split),
    Field(min_length=1),
]
Paths = Annotated[tuple[Path, ...], NoDecode, BeforeValidator(split), Field(min_length=1)]
Whole = Annotated[int, BeforeValidator(no_boolean)]
Days = Annotated[Whole, Field(ge=1, le=1_000_000)]
Seconds = Annotated[float, BeforeValidator(no_boolean), Field(gt=0, allow_inf_nan=False)]
Moment = Annotated[Instant, BeforeValidator(_moment)]
Zone = Annotated[str, AfterValidator(_zone)]
ReceiverUrl = Annotated[SecretStr, AfterValidator(checked_receiver_url)]


class Section(BaseModel):
    """A table of the file: no key too many, and its values never appear in an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)
