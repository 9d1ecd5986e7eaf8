"""The one HTTP client of receivers: a single POST, bounded in time, size and reach.

TLS is verified, redirects are not followed, private addresses are refused unless allowed, and
no error, log or repr shows a URL or a header, since those hold secrets.
"""

import socket
import ssl
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC
from email.utils import parsedate_to_datetime
from pathlib import Path

import aiohttp
from aiohttp.abc import AbstractResolver
from pydantic import SecretStr

from monitor.core.instants import SECOND, Instant, instant_of
from monitor.errors import NotifyError
from monitor.notify.addresses import is_public

AddressInfo = tuple[int, int, int, str, tuple[str | int, ...]]
"""Family, type, protocol, canonical name and address, as of ``getaddrinfo``."""

RETRY_AFTER_SECONDS_MAX = 3600.0
"""A receiver that asks for more is asked again after so long."""

_CONNECT_SECONDS_MAX = 5.0
_ANSWER_BYTES_MAX = 1024
_TAKEN = range(200, 300)
_SERVER_ERRORS = 500
_MAY_PASS = frozenset({408, 425, 429})


class PrivateAddress(OSError):
    """A connection that is not made, because of where it leads."""


class Outgoing:
    """Posts bodies, one attempt and one connection each.

    Args:
        clock: gives the present instant, for a Retry-After that names one.
        allow_private_addresses: whether to connect also within this machine and its network.
        ca_file: certificates trusted instead of the system's.
        timeout_seconds: for an attempt as a whole.
        resolver: of host names; None: the system's.
    """

    def __init__(
        self,
        clock: Callable[[], Instant],
        *,
        allow_private_addresses: bool = False,
        ca_file: Path | None = None,
        timeout_seconds: float = 10.0,
        resolver: AbstractResolver | None = None,
    ) -> None:
        self._clock = clock
        self._allow_private_addresses = allow_private_addresses
        self._trusted = ssl.create_default_context(cafile=ca_file)
        connect_seconds = min(timeout_seconds, _CONNECT_SECONDS_MAX)
        self._timeout = aiohttp.ClientTimeout(total=timeout_seconds, connect=connect_seconds)
        self._resolver = resolver

    async def post(
        self,
        url: SecretStr,
        body: bytes,
        headers: Mapping[str, str] | None = None,
        known_reasons: frozenset[str] = frozenset(),
    ) -> None:
        """Post JSON once.

        Args:
            url: where to; a secret.
            body: what.
            headers: besides the usual ones.
            known_reasons: bodies of refusals that an error may quote; no other is ever shown.

        Raises:
            NotifyError: it was not taken.
        """
        fault = await self._fault_of(url, body, dict(headers or {}), known_reasons)
        if fault is not None:
            # Here, since an error that is raised while another is handled carries it along, and
            # aiohttp's name the URL.
            raise fault

    async def _fault_of(
        self, url: SecretStr, body: bytes, headers: dict[str, str], known_reasons: frozenset[str]
    ) -> NotifyError | None:
        headers |= {"Content-Type": "application/json", "Accept-Encoding": "identity"}
        headers |= {"User-Agent": "seller-health-monitor"}
        connector = aiohttp.TCPConnector(
            ssl=self._trusted,
            resolver=self._resolver,
            socket_factory=self._socket,
            force_close=True,
        )
        try:
            async with (
                aiohttp.ClientSession(
                    connector=connector,
                    timeout=self._timeout,
                    cookie_jar=aiohttp.DummyCookieJar(),
                    auto_decompress=False,
                ) as session,
                session.post(
                    url.get_secret_value(), data=body, headers=headers, allow_redirects=False
                ) as response,
            ):
                return await self._refusal(response, known_reasons)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            return _network_fault(error)

    async def _refusal(
        self, response: aiohttp.ClientResponse, known_reasons: frozenset[str]
    ) -> NotifyError | None:
        """What the status says; a body is never waited for where it is not needed."""
        status = response.status
        if status in _TAKEN:
            return None
        reason = ""
        with suppress(aiohttp.ClientError, TimeoutError, OSError):
            if known_reasons:
                said = (await response.content.read(_ANSWER_BYTES_MAX)).decode(errors="replace")
                reason = f" {said.strip()}" if said.strip() in known_reasons else ""
        asked = response.headers.get("Retry-After", "")
        return NotifyError(
            f"answered {status}{reason}",
            permanent=status < _SERVER_ERRORS and status not in _MAY_PASS,
            retry_after_seconds=_retry_after_seconds(asked, self._clock()),
        )

    def _socket(self, address: AddressInfo) -> socket.socket:
        """A socket for the address that is about to be connected to, whatever its name was."""
        family, kind, protocol, _, place = address
        if not (self._allow_private_addresses or is_public(str(place[0]))):
            raise PrivateAddress("a private address")
        return socket.socket(family, kind, protocol)


def _network_fault(error: Exception) -> NotifyError:
    cause = getattr(error, "os_error", error)
    if isinstance(cause, PrivateAddress):
        # Names lead astray for a while, too, when a resolver is ill: nothing is lost for it.
        return NotifyError(
            "its address is a private one, which allow_private_addresses would permit",
            permanent=False,
        )
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return NotifyError("its certificate is not trusted", permanent=False)
    if isinstance(error, TimeoutError):
        return NotifyError("no answer in time", permanent=False)
    return NotifyError(f"no answer ({type(cause).__name__})", permanent=False)


def _retry_after_seconds(asked: str, now: Instant) -> float | None:
    """Seconds, or until an HTTP date (https://www.rfc-editor.org/rfc/rfc9110#field.retry-after)."""
    if asked.isascii() and asked.isdigit():
        return min(float(asked), RETRY_AFTER_SECONDS_MAX)
    try:
        moment = parsedate_to_datetime(asked)
        at = instant_of(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return min(max((at - now) / SECOND, 0.0), RETRY_AFTER_SECONDS_MAX)
