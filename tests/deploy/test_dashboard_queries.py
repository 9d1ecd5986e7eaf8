"""Every query of every dashboard returns data from a Prometheus that scrapes the running demo."""

import asyncio
import json
import math
import sys
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from itertools import product
from pathlib import Path

import pytest

from tests.deploy.grafana import Asked, Choice, LabelValues, asked_by, label_values_of
from tests.programs import free_port, running
from tests.prometheus import Labels, Prometheus, prometheus, scraping

NAMES = ("fleet", "seller", "monitor")
# A year of simulated shops in 45 seconds; all has to be there before it is over.
DAYS_PER_SECOND = 8
SECONDS = 44

# For the annotations, which show what rules of any kind fire about a seller.
_RULES = {
    "groups": [
        {
            "name": "test",
            "rules": [{"alert": "Breached", "expr": "seller_health_level == 2"}],
        }
    ]
}


@asynccontextmanager
async def demo(folder: Path) -> AsyncIterator[str]:
    """The demo as a user runs it; gives the address of its page."""
    port = free_port()
    command = [str(Path(sys.executable).parent / "monitor"), "demo", "--port", str(port)]
    page = f"http://127.0.0.1:{port}/metrics"
    speed = ["--speed", str(DAYS_PER_SECOND)]
    async with running([*command, *speed], page.replace("metrics", "livez"), folder / "demo.log"):
        yield page


@pytest.mark.slow
async def test_every_query_returns_data(tmp_path: Path) -> None:
    rules = tmp_path / "rules.json"
    rules.write_text(json.dumps(_RULES))
    async with demo(tmp_path) as page:
        begun = time.monotonic()
        config = scraping([page], rules=[rules], interval="1s")
        async with prometheus(tmp_path, config) as server:
            variables = [one for name in NAMES for one in label_values_of(name)]
            queries = [one for name in NAMES for one in asked_by(name)]
            assert len(queries) > 90
            waiting: list[Asked | LabelValues] = [*variables, *queries]
            while waiting and time.monotonic() - begun < SECONDS:
                await asyncio.sleep(1)
                accounts = await server.query("max by (marketplace, seller) (seller_health_level)")
                choices = [*chosen(one.labels for one in accounts)]
                waiting = [one for one in waiting if not await answered(server, one, choices)]
    assert [(one, "has no data") for one in waiting] == []


async def answered(
    server: Prometheus, asked: Asked | LabelValues, choices: Iterable[Choice]
) -> bool:
    """Whether it has data for any choice."""
    if isinstance(asked, LabelValues):
        asked = Asked(asked.dashboard, asked.variable, asked.series, instant=True)
    distinct = {asked.put(choice): None for choice in choices}
    for query in distinct:
        if await has_data(server, query, instant=asked.instant):
            return True
    return False


async def has_data(server: Prometheus, query: str, *, instant: bool) -> bool:
    """Whether there is a number, and not only lines of nothing."""
    if instant:
        return any(not math.isnan(sample.value) for sample in await server.query(query))
    now = time.time()  # noqa: TID251 - Prometheus goes by the clock
    found = await server.query_range(query, now - 10, now)
    return any(not math.isnan(value) for line in found for _, value in line.points)


def chosen(accounts: Iterable[Labels]) -> Iterator[Choice]:
    """All that may be chosen: everything on the fleet and the monitor, and single accounts."""
    everything = dict.fromkeys(("job", "instance", "receiver", "seller", "metric"), ".*")
    yield {**everything, "marketplace": ".*", "worst": "10"}
    metrics = (".*", "order_defect_rate", "valid_tracking_rate")
    for account, metric in product(accounts, metrics):
        yield {**everything, **account, "metric": metric, "worst": "10"}
