"""``[notify.receivers.NAME]``: who is told, a table for each; ``kind`` says which keys it has.

A secret is given as itself, in the environment, or by the file that ``KEY_file`` names.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, get_args
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Discriminator,
    Field,
    SecretStr,
    Tag,
    model_validator,
)
from pydantic_settings import NoDecode

from monitor.settings.values import (
    ReceiverUrl,
    Seconds,
    Section,
    Text,
    Whole,
    Zone,
    checked_receiver_url,
    no_boolean,
    split,
)

Checked = Callable[[SecretStr], SecretStr]

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_ROUTING_KEY = re.compile(r"[A-Za-z0-9]{32}")
_MAILBOX = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,253}")
_HOST = re.compile(r"[A-Za-z0-9._-]{1,253}|[0-9A-Fa-f:.]{2,45}")
_SECRET_CHARACTERS_MIN = 16


def _name(value: str) -> str:
    if not _NAME.fullmatch(value):
        raise ValueError("must be a name of lower-case letters, digits, _ and -")
    return value


def _routing_key(value: SecretStr) -> SecretStr:
    if not _ROUTING_KEY.fullmatch(value.get_secret_value()):
        raise ValueError("must be an integration key: 32 letters and digits")
    return value


def _signing_secret(value: SecretStr) -> SecretStr:
    if len(value.get_secret_value()) < _SECRET_CHARACTERS_MIN:
        raise ValueError(f"must have at least {_SECRET_CHARACTERS_MIN} characters")
    return value


def _any_secret(value: SecretStr) -> SecretStr:
    return value


def _plain_url(value: str) -> str:
    """An address that may be shown, since it holds no secret."""
    checked_receiver_url(SecretStr(value))
    url = urlsplit(value)
    if "@" in url.netloc:
        raise ValueError("must hold no password: rather use username and password_file")
    if url.query or url.fragment:
        raise ValueError("must have no query and no fragment")
    return value.rstrip("/")


def _mailbox(value: str) -> str:
    if not _MAILBOX.fullmatch(value):
        raise ValueError("must be a plain e-mail address: name@host")
    return value


def _host(value: str) -> str:
    if not _HOST.fullmatch(value):
        raise ValueError("must be a host name or an address")
    return value


ReceiverName = Annotated[str, AfterValidator(_name)]
Rate = Annotated[float, BeforeValidator(no_boolean), Field(gt=0, le=100_000, allow_inf_nan=False)]
PlainUrl = Annotated[str, AfterValidator(_plain_url)]
Mailbox = Annotated[str, AfterValidator(_mailbox)]


class _Receiver(Section):
    """What all receivers have. ``time_zone``: the readers'; None: that of ``[notify]``."""

    SECRETS: ClassVar[Mapping[str, Checked]] = {}
    """Keys of secrets, each with what its value must be like; beside each is ``KEY_file``."""
    REQUIRED: ClassVar[tuple[str, ...]] = ()
    """Those secrets that are never left out."""

    rate_per_minute: Rate = 600.0
    time_zone: Zone | None = None

    def in_clear(self) -> Iterator[tuple[str, str]]:
        """The keys because of which something travels unencrypted, and what."""
        yield from ()

    @model_validator(mode="after")
    def _has_its_secrets(self) -> "_Receiver":
        for key in self.REQUIRED:
            if getattr(self, key) is None and getattr(self, f"{key}_file") is None:
                raise ValueError(f"{key} is required (or {key}_file)")
        return self


class _Remote(_Receiver):
    """What is reached over the network.

    ``allow_private_addresses``: also on this machine, in a private network or at a link-local
    address such as that of a cloud's metadata. ``ca_file``: trusted instead of the system's
    authorities. ``timeout_seconds``: for an attempt as a whole.
    """

    allow_private_addresses: bool = False
    ca_file: Path | None = None
    timeout_seconds: Annotated[Seconds, Field(le=300)] = 10.0


class SlackSection(_Remote):
    """An incoming webhook of Slack's, whose URL is a secret."""

    SECRETS = {"url": checked_receiver_url}  # noqa: RUF012 - frozen by its type
    REQUIRED = ("url",)

    kind: Literal["slack"]
    url: ReceiverUrl | None = None
    url_file: Path | None = None
    # One message a second and channel: https://docs.slack.dev/apis/web-api/rate-limits
    rate_per_minute: Rate = 60.0

    def in_clear(self) -> Iterator[tuple[str, str]]:
        """The URL."""
        yield from _unless_https("url", self.url)


class PagerDutySection(_Remote):
    """A service's integration of PagerDuty's Events API v2."""

    SECRETS = {"routing_key": _routing_key}  # noqa: RUF012 - frozen by its type
    REQUIRED = ("routing_key",)

    kind: Literal["pagerduty"]
    routing_key: Annotated[SecretStr, AfterValidator(_routing_key)] | None = None
    routing_key_file: Path | None = None
    base_url: PlainUrl = "https://events.pagerduty.com"
    # About 120 calls a minute and integration key (PagerDuty developer docs, "Rate Limits").
    rate_per_minute: Rate = 100.0

    def in_clear(self) -> Iterator[tuple[str, str]]:
        """The URL."""
        yield from _unless_https("base_url", SecretStr(self.base_url))


class AlertmanagerSection(_Remote):
    """Every member of an Alertmanager cluster; they do not pass alerts on to each other."""

    SECRETS = {"password": _any_secret, "bearer_token": _any_secret}  # noqa: RUF012 - frozen

    kind: Literal["alertmanager"]
    urls: Annotated[tuple[PlainUrl, ...], NoDecode, BeforeValidator(split), Field(min_length=1)]
    username: Text | None = None
    password: SecretStr | None = None
    password_file: Path | None = None
    bearer_token: SecretStr | None = None
    bearer_token_file: Path | None = None

    def in_clear(self) -> Iterator[tuple[str, str]]:
        """The login; alerts themselves rarely leave the network of an Alertmanager."""
        has_login = (self.password, self.password_file, self.bearer_token, self.bearer_token_file)
        if has_login != (None,) * 4 and not all(url.startswith("https:") for url in self.urls):
            yield "urls", "are not all https: the login travels in clear"

    @model_validator(mode="after")
    def _logs_in_one_way(self) -> "AlertmanagerSection":
        has_password = self.password is not None or self.password_file is not None
        has_token = self.bearer_token is not None or self.bearer_token_file is not None
        if has_password and has_token:
            raise ValueError("password and bearer_token: give only one")
        if has_password != (self.username is not None):
            raise ValueError("username and password go together")
        return self


class WebhookSection(_Remote):
    """Any URL that takes JSON; ``secret`` is the key of its signature."""

    SECRETS = {"url": checked_receiver_url, "secret": _signing_secret}  # noqa: RUF012 - frozen
    REQUIRED = ("url", "secret")

    kind: Literal["webhook"]
    url: ReceiverUrl | None = None
    url_file: Path | None = None
    secret: Annotated[SecretStr, AfterValidator(_signing_secret)] | None = None
    secret_file: Path | None = None

    def in_clear(self) -> Iterator[tuple[str, str]]:
        """The URL."""
        yield from _unless_https("url", self.url)


class MailSection(_Remote):
    """A mail server. ``security``: ``tls`` from the first byte on is usual at port 465."""

    SECRETS = {"password": _any_secret}  # noqa: RUF012 - frozen by its type

    kind: Literal["mail"]
    host: Annotated[str, AfterValidator(_host)]
    port: Annotated[Whole, Field(ge=1, le=65_535)] = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    username: Text | None = None
    password: SecretStr | None = None
    password_file: Path | None = None
    from_address: Mailbox
    to: Annotated[tuple[Mailbox, ...], NoDecode, BeforeValidator(split), Field(min_length=1)]
    rate_per_minute: Rate = 30.0
    timeout_seconds: Annotated[Seconds, Field(le=300)] = 30.0

    def in_clear(self) -> Iterator[tuple[str, str]]:
        """The connection."""
        if self.security == "none":
            yield "security", "is none: alerts travel in clear"

    @model_validator(mode="after")
    def _keeps_its_password(self) -> "MailSection":
        has_password = self.password is not None or self.password_file is not None
        if has_password != (self.username is not None):
            raise ValueError("username and password go together")
        if has_password and self.security == "none":
            raise ValueError("a password is never sent in clear: security must be starttls or tls")
        return self


class FileSection(_Receiver):
    """A file of JSON lines that is only ever appended to."""

    kind: Literal["file"]
    path: Path
    rate_per_minute: Rate = 6000.0


class ConsoleSection(_Receiver):
    """Standard output."""

    kind: Literal["console"]
    rate_per_minute: Rate = 6000.0


RECEIVER_SECTIONS: tuple[type[_Receiver], ...] = (
    SlackSection,
    PagerDutySection,
    AlertmanagerSection,
    WebhookSection,
    MailSection,
    FileSection,
    ConsoleSection,
)

_KINDS = ("slack", "pagerduty", "alertmanager", "webhook", "mail", "file", "console")


def _unless_https(key: str, url: SecretStr | None) -> Iterator[tuple[str, str]]:
    if url is not None and not url.get_secret_value().startswith("https:"):
        yield key, "is not https: alerts travel in clear"


def mark_of(table: type[_Receiver]) -> str:
    """The step of a receiver's kind in pydantic's path to its keys."""
    (kind,) = get_args(table.model_fields["kind"].annotation)
    return f"[{kind}]"


def _tag_of(value: Any) -> str | None:
    kind = value.get("kind") if isinstance(value, dict) else getattr(value, "kind", None)
    # In brackets, so that the place of a problem can be named without it.
    return f"[{kind}]" if kind in _KINDS else None


ReceiverSection = Annotated[
    Annotated[SlackSection, Tag("[slack]")]
    | Annotated[PagerDutySection, Tag("[pagerduty]")]
    | Annotated[AlertmanagerSection, Tag("[alertmanager]")]
    | Annotated[WebhookSection, Tag("[webhook]")]
    | Annotated[MailSection, Tag("[mail]")]
    | Annotated[FileSection, Tag("[file]")]
    | Annotated[ConsoleSection, Tag("[console]")],
    Discriminator(
        _tag_of,
        custom_error_type="receiver_kind",
        custom_error_message=f"kind must be one of {', '.join(_KINDS)}",
    ),
]
