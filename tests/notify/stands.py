"""Each kind of receiver with what it talks to, all of it on this machine."""

import io
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import trustme
from pydantic import TypeAdapter

from monitor.core.instants import Instant, parse_instant
from monitor.notify.receiver import Receiver
from monitor.notify.receivers import receiver_of
from monitor.notify.receivers.console import Console
from monitor.settings.receiver_sections import ReceiverSection
from tests.notify.mail_server import PASSWORD, MailService, mail_server
from tests.notify.servers import Line, http_server
from tests.notify.services import (
    ROUTING_KEY,
    SECRET_PATH,
    SIGNING_SECRET,
    TOKEN,
    AlertmanagerService,
    PagerDutyService,
    Service,
    SlackService,
    WebhookService,
    texts_of,
)

NOW = parse_instant("2018-03-01T00:00:10Z")
UNSEEN = ("never-shown-7f3a", ROUTING_KEY)
"""What no error, log or repr may hold."""

_SECTIONS: TypeAdapter[Any] = TypeAdapter(ReceiverSection)


@dataclass
class Stand:
    """A receiver of one kind, and the other side."""

    kind: str
    receiver: Receiver
    line: Line
    said: Callable[[], list[str]]
    """All that was taken so far, one text for each."""
    service: Any = None


def clock() -> Instant:
    return NOW


def made(section: dict[str, Any], now: Callable[[], Instant] = clock) -> Receiver:
    """A receiver as the program makes it of its settings."""
    return receiver_of("ops", _SECTIONS.validate_python(section), now)


HTTP_KINDS = ("slack", "pagerduty", "alertmanager", "webhook")
REMOTE_KINDS = (*HTTP_KINDS, "mail")
KINDS = (*REMOTE_KINDS, "file", "console")

SERVICES: dict[str, Callable[[], Service]] = {
    "slack": SlackService,
    "pagerduty": PagerDutyService,
    "alertmanager": AlertmanagerService,
    "webhook": WebhookService,
}


def http_section(kind: str, base: str, **own: Any) -> dict[str, Any]:
    """Settings of a receiver that posts to a server."""
    secrets: dict[str, dict[str, Any]] = {
        "slack": {"url": f"{base}{SECRET_PATH}"},
        "pagerduty": {"base_url": base, "routing_key": ROUTING_KEY},
        "alertmanager": {"urls": [base], "bearer_token": TOKEN},
        "webhook": {"url": f"{base}{SECRET_PATH}", "secret": SIGNING_SECRET},
    }
    return {"kind": kind, "allow_private_addresses": True} | secrets[kind] | own


@asynccontextmanager
async def stand_of(kind: str, folder: Path, ca: trustme.CA, **own: Any) -> AsyncIterator[Stand]:
    """A stand of a kind; `own` are settings of its receiver."""
    if kind in HTTP_KINDS:
        service = SERVICES[kind]()
        async with http_server(service) as (base, line):
            receiver = made(http_section(kind, base, **own))
            yield Stand(kind, receiver, line, lambda: service.said, service)
            await receiver.close()
    elif kind == "mail":
        async with mail_stand(ca, folder, **own) as stand:
            yield stand
    elif kind == "file":
        path = folder / "notifications.jsonl"
        receiver = made({"kind": "file", "path": path})
        yield Stand(kind, receiver, Line(), lambda: _lines_in(path))
    else:
        stream = io.StringIO()
        yield Stand(
            kind, Console("ops", stream), Line(), lambda: list(filter(None, [stream.getvalue()]))
        )


def _lines_in(path: Path) -> list[str]:
    lines = path.read_bytes().splitlines() if path.exists() else []
    return ["\n".join(texts_of(msgspec.json.decode(line))) for line in lines]


@asynccontextmanager
async def mail_stand(ca: trustme.CA, folder: Path, **own: Any) -> AsyncIterator[Stand]:
    """A mail server, and a receiver that trusts it and has a login."""
    service = MailService()
    trusted = folder / "ca.pem"
    ca.cert_pem.write_to_path(str(trusted))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("127.0.0.1").configure_cert(tls)
    from_first_byte = own.get("security") == "tls"
    async with mail_server(service, tls, from_first_byte=from_first_byte) as (port, line):
        section = {
            "kind": "mail",
            "host": "127.0.0.1",
            "port": port,
            "username": "monitor",
            "password": PASSWORD,
            "from_address": "monitor@example.com",
            "to": ["ops@example.com", "boss@example.com"],
            "allow_private_addresses": True,
            "ca_file": trusted,
        }
        yield Stand("mail", made(section | own), line, service.said, service)
