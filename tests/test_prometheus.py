"""The real Prometheus of the tests scrapes, evaluates rules and answers, or says why not."""

import time
from pathlib import Path

import aiohttp
import pytest

from monitor.exporter import metrics_server
from tests.exporter.test_exporter import READY, RULEBOOK, Shown, snapshot
from tests.prometheus import JOB, QueryRefused, prometheus, scraping

_RULES = """
groups:
  - name: test
    rules:
      - record: sellers
        expr: count(count by (seller) (seller_health_level))
      - alert: SomebodyBreached
        expr: max(seller_health_level) == 2
"""


async def test_it_scrapes_evaluates_rules_and_answers(tmp_path: Path) -> None:
    rules = tmp_path / "rules.yml"
    rules.write_text(_RULES)
    begun = time.monotonic()
    async with (
        metrics_server(Shown(snapshot(3), READY), RULEBOOK, port=0) as page,
        prometheus(tmp_path, scraping([page], rules=[rules])) as server,
    ):
        await server.until_scraped()
        (up,) = await server.query("up")
        assert (up.labels["job"], up.value) == (JOB, 1)
        await server.until_value("sellers", 3)
        await server.until_value('ALERTS{alertstate="firing"}', 1)
        (alert,) = await server.alerts()
        assert alert["labels"]["alertname"] == "SomebodyBreached"
        (line,) = await server.query_range("sellers", *_last_seconds(await server.value("time()")))
        assert {value for _, value in line.points} == {3}
    assert time.monotonic() - begun < 30


async def test_a_seller_that_leaves_the_page_is_gone_with_the_next_scrape(tmp_path: Path) -> None:
    shown = Shown(snapshot(3), READY)
    there = 'count(seller_health_level{seller="shop-2"} > -3) > bool 0 or vector(0)'
    async with (
        metrics_server(shown, RULEBOOK, port=0) as page,
        prometheus(tmp_path, scraping([page])) as server,
    ):
        await server.until_value(there, 1)
        shown.snapshot = snapshot(2)
        # Without the mark that its series are stale it would stay for five minutes.
        await server.until_value(there, 0, seconds=10)
        assert await server.value("count(count by (seller) (seller_health_level))") == 2


async def test_it_says_what_is_wrong_with_a_query(tmp_path: Path) -> None:
    async with prometheus(tmp_path, scraping([])) as server:
        with pytest.raises(QueryRefused, match="parse error"):
            await server.query("sum(")


async def test_it_ends_with_its_context(tmp_path: Path) -> None:
    async with prometheus(tmp_path, scraping([])) as server:
        pass
    with pytest.raises(aiohttp.ClientError):
        await server.query("up")


def _last_seconds(now: float) -> tuple[float, float]:
    return now - 2, now
