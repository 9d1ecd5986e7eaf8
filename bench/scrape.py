"""How long a scrape of 100,000 samples takes, and for how long the event loop stands still.

Keys: scrape_seconds, scrape_stall_ms. Alone: python -m bench.scrape
"""

import asyncio
import json
import tempfile
import time
from pathlib import Path
from urllib.request import urlopen

from bench.events import feed
from bench.orders import lives
from bench.process import WorkerProcess
from bench.program import TOLD_EVERY_SECONDS, settings_of
from bench.results import Plan, Results
from bench.spread import spread
from deploy.kafka.node import KafkaNode
from monitor.demo.run import DEMO_POLICY
from monitor.stream.topics import TopicPlan, prepare_topics

_PREFIX, _RUN = "scrape-", "run"
_SELLERS = 1_350
_ORDERS = 20_000
_SAMPLES = 100_000


async def measure(address: str, plan: Plan) -> Results:
    """Scrapes, one after the other, of a worker that evaluates once a second."""
    settings = settings_of(address, _PREFIX, _RUN)
    await prepare_topics(settings.cluster, settings.names, TopicPlan(history_days=430))
    total = sum(
        (await feed(settings.cluster, settings.names, lives(range(_ORDERS), _SELLERS))).values()
    )
    seconds, stalls_ms = list[float](), list[float]()
    async with WorkerProcess(address, _PREFIX, _RUN, [DEMO_POLICY]) as worker:
        full = await worker.until(lambda told: told["ready"] and told["events"] >= total)
        for _ in range(plan.pick(15, 5)):
            began_at, began = time.time(), time.perf_counter()
            page = await asyncio.to_thread(_fetched, full["metrics_url"])
            seconds.append(time.perf_counter() - began)
            over_at = time.time() + TOLD_EVERY_SECONDS
            await worker.until(lambda told, over_at=over_at: told["at"] > over_at)  # type: ignore[misc]
            stalls_ms.append(
                max(told["stall_ms"] for told in worker.told if told["at"] >= began_at)
            )
            samples = sum(not line.startswith(b"#") for line in page.splitlines())
            if samples < _SAMPLES:
                raise ValueError(f"{samples} samples on the page, not {_SAMPLES}")
    return {"scrape_seconds": spread(seconds, 2), "scrape_stall_ms": spread(stalls_ms, 1)}


def _fetched(url: str) -> bytes:
    with urlopen(url) as response:  # noqa: S310 - the worker's own page
        page: bytes = response.read()
    return page


def main() -> None:
    """Measure on a Kafka node of its own, and print the results as JSON."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, KafkaNode(Path(folder)) as node:
        print(json.dumps(asyncio.run(measure(node.address, Plan()))))


if __name__ == "__main__":
    main()
