"""How a process that holds an engine collects its garbage."""

import gc
from collections.abc import Mapping

_THRESHOLDS = (50_000, 20, 100)
_MIDDLE_GENERATION = 1


def collect_garbage_seldom() -> None:
    """Set this process's garbage collector for engines.

    Facts are millions of small objects that stay: with Python's own thresholds, looking for
    cycles among them takes a quarter of the time of catching up.
    """
    gc.set_threshold(*_THRESHOLDS)
    gc.callbacks.append(_freeze)


def _freeze(phase: str, info: Mapping[str, int]) -> None:
    """Look no more at what has outlived two collections: nearly all of it is facts.

    A full collection of a million orders would stall the event loop for half a second.
    """
    if phase == "stop" and info["generation"] >= _MIDDLE_GENERATION:
        gc.freeze()
