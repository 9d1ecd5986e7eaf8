"""`make test-faults`: all trials at full length on a real Kafka; writes ``results.json``.

`python -m tests.faults [--seed N] [--short] [TRIAL…]`; the seed is printed.
"""

import argparse
import asyncio
import json
import logging
import shutil
import sys
import tempfile
import time
from pathlib import Path
from random import SystemRandom
from typing import Any

from deploy.kafka.node import KafkaNode
from tests.faults import delivery
from tests.faults.trials import LONG, SHORT, TRIALS, Size, ground
from tests.faults.verdict import Verdict

_EAGER = {"log.cleaner.backoff.ms": "500"}
"""The ledger is compacted while it is written and read."""
DELIVERY = "delivering"
RESULTS = Path(__file__).parent / "results.json"


def main(arguments: list[str]) -> int:
    """Run trials one after the other; exit status 1 where a check fails."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("trials", nargs="*", choices=[[], *TRIALS, DELIVERY], metavar="TRIAL")
    parser.add_argument("--seed", type=int, default=SystemRandom().randrange(10**6))
    parser.add_argument("--short", action="store_true")
    given = parser.parse_args(arguments)
    size = SHORT if given.short else LONG
    # Whoever is cut off from its broker says so a thousand times.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    results: dict[str, Any] = {"seed": given.seed}
    sys.stdout.write(f"seed {given.seed}\n")
    for name in given.trials or (*TRIALS, DELIVERY):
        results[name] = asyncio.run(_run(name, size, given.seed))
    if not (given.short or given.trials):
        RESULTS.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    failed = [
        name
        for name, result in results.items()
        if name != "seed" and not all(result["checks"].values())
    ]
    return 1 if failed else 0


async def _run(name: str, size: Size, seed: int) -> dict[str, Any]:
    directory = Path(tempfile.mkdtemp(prefix=f"faults-{name}-"))
    (directory / "workers").mkdir()
    began = time.monotonic()
    with KafkaNode(directory / "node", settings=_EAGER) as node:
        verdict = await _tried(name, size, seed, node, directory / "workers")
    result = {
        **verdict.figures,
        "seconds": round(time.monotonic() - began),
        "checks": {check: not faults for check, faults in verdict.checks.items()},
    }
    sys.stdout.write(f"{name} {json.dumps(result, indent=2)}\n")
    for fault in verdict.faults:
        sys.stdout.write(f"FAULT {fault}\n")
    if verdict.faults:
        sys.stdout.write(f"the logs are in {directory}\n")
    else:
        shutil.rmtree(directory)
    sys.stdout.flush()
    return result


async def _tried(name: str, size: Size, seed: int, node: KafkaNode, directory: Path) -> Verdict:
    if name == DELIVERY:
        places = delivery.SHORT if size is SHORT else delivery.LONG
        return await delivery.killing_delivery(node, places, seed, directory)
    async with ground(node, size, seed, directory) as where:
        return await TRIALS[name](where)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
