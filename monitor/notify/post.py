"""One POST of JSON: time limits, no redirects, a few tries, and no secret in any error."""

import aiohttp
from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from monitor.errors import NotifyError

_TIMEOUT_SECONDS = 10.0
_TRIES_MAX = 3
_WAIT_SECONDS_FIRST = 0.5
_WAIT_SECONDS_MAX = 5.0
_TOO_MANY_REQUESTS = 429
_SERVER_ERRORS = 500
_SUCCESS = range(200, 300)


async def post_json(url: str, body: bytes) -> None:
    """Post until the receiver takes it; the URL is a secret.

    Raises:
        NotifyError: it refused, redirected, or did not answer in a few tries.
    """
    tries = AsyncRetrying(
        stop=stop_after_attempt(_TRIES_MAX),
        wait=wait_random_exponential(multiplier=_WAIT_SECONDS_FIRST, max=_WAIT_SECONDS_MAX),
        retry=retry_if_exception(_may_pass),
        reraise=True,
    )
    async for attempt in tries:
        with attempt:
            await _post(url, body)


async def _post(url: str, body: bytes) -> None:
    timeout = aiohttp.ClientTimeout(total=_TIMEOUT_SECONDS)
    headers = {"Content-Type": "application/json"}
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.post(url, data=body, headers=headers, allow_redirects=False) as response,
        ):
            status = response.status
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        # The error's own text names the URL.
        raise NotifyError(f"no answer ({type(error).__name__})", permanent=False) from None
    if status not in _SUCCESS:
        passing = status == _TOO_MANY_REQUESTS or status >= _SERVER_ERRORS
        raise NotifyError(f"answered {status}", permanent=not passing)


def _may_pass(error: BaseException) -> bool:
    return isinstance(error, NotifyError) and not error.permanent
