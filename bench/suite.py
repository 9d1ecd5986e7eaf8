"""Runs the parts of the benchmarks one after the other, each on a Kafka node of its own."""

import asyncio
import gc
import time
import traceback
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import NamedTuple

from bench.results import Plan, Results, line


class Part(NamedTuple):
    """Some keys that are measured together, and the settings of the Kafka node for them."""

    measure: Callable[[str, Plan], Coroutine[None, None, Results]]
    keys: frozenset[str]
    kafka: Mapping[str, str] = {}


class Outcome(NamedTuple):
    """What all parts have found, and the names of those that have failed."""

    results: Results
    failed: list[str]


def run_parts(
    parts: Mapping[str, Part],
    plan: Plan,
    kafka: Callable[[Mapping[str, str]], AbstractContextManager[str]],
) -> Outcome:
    """Run parts, print what they find as it comes, and go on where one fails.

    Args:
        parts: by their names.
        plan: how much is measured.
        kafka: starts a node with settings, and stops it; within it is its address.
    """
    outcome = Outcome({}, [])
    began = time.monotonic()
    for place, (name, part) in enumerate(parts.items(), 1):
        print(f"[{place}/{len(parts)}] {name} …", flush=True)
        try:
            with kafka(part.kafka) as address:
                found = _checked(asyncio.run(part.measure(address, plan)), part)
        except Exception:  # noqa: BLE001 - the others still run; the exit status tells
            traceback.print_exc()
            print(f"FAILED: {name}", flush=True)
            outcome.failed.append(name)
        else:
            outcome.results.update(found)
            for text in _lines(found):
                print(text, flush=True)
        # The collector is off while something is measured.
        gc.collect()
        print(f"    {time.monotonic() - began:.0f} s so far", flush=True)
    return outcome


def _checked(found: Results, part: Part) -> Results:
    if found.keys() != part.keys:
        wrong = ", ".join(sorted(found.keys() ^ part.keys))
        raise ValueError(f"not the keys that it should measure: {wrong}")
    return found


def _lines(found: Results) -> Iterator[str]:
    for key, spread in found.items():
        yield line(key, spread)
