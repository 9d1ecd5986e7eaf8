"""What a peer's program tells at its end."""

import json
import sys
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence


class Stopwatch:
    """Times the records from the first to the last.

    Args:
        total: how many there are.
    """

    def __init__(self, total: int) -> None:
        self.total = total
        self.seen = 0
        self._began = 0.0
        self._ended = 0.0

    def tick(self, count: int = 1) -> bool:
        """So many more are processed; True with the last one."""
        if not self.seen:
            self._began = time.perf_counter()
        self.seen += count
        if self.seen == self.total:
            self._ended = time.perf_counter()
        return self.seen >= self.total

    @property
    def rate(self) -> float:
        """Records per second."""
        return (self.seen - 1) / (self._ended - self._began)


def tell(rate: float, counts: Mapping[tuple[str, int], Sequence[int]]) -> None:
    """Print the rate, and what was counted by seller and day."""
    by_seller: dict[str, dict[int, list[int]]] = defaultdict(dict)
    for (seller, day), found in sorted(counts.items()):
        by_seller[seller][day] = list(found)
    sys.stdout.write(json.dumps({"rate": rate, "counts": by_seller}) + "\n")
    sys.stdout.flush()
