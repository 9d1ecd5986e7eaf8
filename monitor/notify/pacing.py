"""When a receiver may be asked next: backoff after failures, and its rate. Pure."""

_FIRST_SECONDS = 1.0
_MAX_SECONDS = 300.0
_DOUBLINGS_MAX = 16
_BURST_SECONDS = 5.0


def backoff_seconds(failures: int, luck: float, retry_after_seconds: float | None = None) -> float:
    """How long to leave a receiver alone after so many failures in a row, at least 1.

    Doubles from a second to five minutes, of which half is left to chance (``luck``, 0 to 1),
    so that receivers of many workers are not asked all at once. Never less than the receiver
    asked for.
    """
    whole = min(_MAX_SECONDS, _FIRST_SECONDS * 2.0 ** min(failures - 1, _DOUBLINGS_MAX))
    return max(whole * (0.5 + luck / 2), retry_after_seconds or 0.0)


class Rate:
    """So many a minute, and what lies unused of five seconds at once; at least one.

    Args:
        per_minute: None: as many as come.
        now_seconds: the present, of any clock that is never set back.
    """

    def __init__(self, per_minute: float | None, now_seconds: float) -> None:
        self._per_second = None if per_minute is None else per_minute / 60
        self._room = max(1.0, (self._per_second or 0.0) * _BURST_SECONDS)
        self._left = self._room
        self._at_seconds = now_seconds

    def wait_seconds(self, now_seconds: float) -> float:
        """How long until one may be sent; 0: now."""
        if self._per_second is None:
            return 0.0
        passed = max(0.0, now_seconds - self._at_seconds)
        left = min(self._room, self._left + passed * self._per_second)
        return max(0.0, (1.0 - left) / self._per_second)

    def take(self, now_seconds: float) -> None:
        """Note that one is sent."""
        if self._per_second is None:
            return
        passed = max(0.0, now_seconds - self._at_seconds)
        self._left = min(self._room, self._left + passed * self._per_second) - 1.0
        self._at_seconds = now_seconds
