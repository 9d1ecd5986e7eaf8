"""Asks one receiver, one thing at a time: at its rate, again after failures, in the open."""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from random import random
from typing import Literal, NamedTuple

from monitor.errors import NotifyError
from monitor.notify.outage import Outage
from monitor.notify.pacing import Rate, backoff_seconds
from monitor.printable import printable
from monitor.stream.delivery.pauses import Time

logger = logging.getLogger(__name__)

# More than any receiver's own limits add up to.
_ATTEMPT_SECONDS_MAX = 60.0

OnOutage = Callable[[str, Literal["failing", "back"], str], None]
"""Called with a receiver's name once it counts as failing and why, and once it is back."""


class Answer(NamedTuple):
    """What came of an attempt that need not be repeated."""

    taken: bool
    reason: str = ""
    """Why it is refused for ever."""


class Attempts:
    """The attempts to have one receiver take something.

    Args:
        name: of the receiver.
        rate: so many it takes.
        outage: whether it fails.
        time: the present.
        on_outage: hears when it counts as failing, and when it is back.
    """

    def __init__(
        self, name: str, rate: Rate, outage: Outage, time: Time, on_outage: OnOutage
    ) -> None:
        self.let_go = asyncio.Event()
        """While it is set, nothing more is begun."""
        self.answers: Counter[str] = Counter()
        """How many attempts were ``delivered``, ``refused`` or ``failed``."""
        self.outage = outage
        self._name = name
        self._rate = rate
        self._time = time
        self._on_outage = on_outage
        self._failures = 0

    async def ask(self, what: Callable[[], Awaitable[None]]) -> Answer | None:
        """One attempt; None where it failed for now (and the backoff is over), or to let go.

        Nothing that a receiver does wrong goes further than this: it would stop the others.
        Neither its message nor its traceback is logged where it is none of ours: they may hold
        its secret address.
        """
        await self._await_turn()
        if self.let_go.is_set():
            return None
        self._rate.take(self._time.seconds())
        retry_after_seconds = None
        try:
            async with asyncio.timeout(_ATTEMPT_SECONDS_MAX):
                await what()
        except NotifyError as error:
            if error.permanent:
                return self._refused(str(error))
            why, retry_after_seconds = str(error), error.retry_after_seconds
        except TimeoutError:
            why = f"no answer within {_ATTEMPT_SECONDS_MAX:g} s"
        except Exception as error:  # noqa: BLE001 - see above
            why = type(error).__name__
        else:
            return self._taken()
        await self._back_off(why, retry_after_seconds)
        return None

    def look(self) -> None:
        """Find out whether the receiver counts as failing by now."""
        if self.outage.tells(self._time.seconds()):
            logger.error("receiver %s fails: %s", self._name, printable(self.outage.why))
            self._on_outage(self._name, "failing", self.outage.why)

    def _taken(self) -> Answer:
        self.answers["delivered"] += 1
        self._failures = 0
        if self.outage.took():
            logger.info("receiver %s is back", self._name)
            self._on_outage(self._name, "back", "")
        return Answer(taken=True)

    def _refused(self, why: str) -> Answer:
        self.answers["refused"] += 1
        self.outage.failed(self._time.seconds(), why)
        logger.error("receiver %s refuses a notification: %s", self._name, printable(why))
        self.look()
        return Answer(taken=False, reason=why)

    async def _await_turn(self) -> None:
        while not self.let_go.is_set():
            wait_seconds = self._rate.wait_seconds(self._time.seconds())
            if wait_seconds <= 0:
                return
            await self._time.pause(wait_seconds, self.let_go)

    async def _back_off(self, why: str, retry_after_seconds: float | None) -> None:
        self.answers["failed"] += 1
        self._failures += 1
        if self._failures == 1:
            logger.warning("receiver %s does not take it: %s", self._name, printable(why))
        self.outage.failed(self._time.seconds(), why)
        luck = random()  # noqa: S311 - spreads load, hides nothing
        until = self._time.seconds() + backoff_seconds(self._failures, luck, retry_after_seconds)
        while not self.let_go.is_set() and (left := until - self._time.seconds()) > 0:
            self.look()
            told_at = self.outage.told_at_seconds()
            if told_at is not None:
                left = min(left, max(0.0, told_at - self._time.seconds()))
            await self._time.pause(left, self.let_go)
