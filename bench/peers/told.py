"""What a peer's program tells at its end."""

import gc
import json
import sys
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence

Counted = Mapping[tuple[str, int], Sequence[int]]
"""Orders, defects, late shipments and cancellations by seller and day."""


class Stopwatch:
    """Times the records: from the first until all are processed and what came of them is durable.

    Garbage is collected as seldom as in our own worker.

    Args:
        total: how many there are.
    """

    def __init__(self, total: int) -> None:
        self.total = total
        self.seen = 0
        self._began = 0.0
        self._processed = 0.0
        gc.set_threshold(50_000, 20, 100)

    def tick(self, count: int = 1) -> bool:
        """So many more are processed; True with the last one."""
        if not self.seen:
            self._began = time.perf_counter()
        self.seen += count
        if self.seen >= self.total:
            self._processed = time.perf_counter()
            return True
        return False

    def tell(self, counts: Counted) -> None:
        """All is durable: print the rate, and what was counted.

        Raises:
            ValueError: not all records were processed.
        """
        durable = time.perf_counter()
        if self.seen != self.total:
            raise ValueError(f"{self.seen} records were processed, not {self.total}")
        by_seller: dict[str, dict[int, list[int]]] = defaultdict(dict)
        for (seller, day), found in sorted(counts.items()):
            by_seller[seller][day] = list(found)
        told = {
            "rate": self.total / (durable - self._began),
            "until_durable_seconds": durable - self._processed,
            "counts": by_seller,
        }
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()
