"""The metrics page: what it holds, what leaves it, and that promtool accepts it."""

import asyncio
import shutil

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from monitor.core.engine import Engine
from monitor.core.instants import parse_instant
from monitor.demo.run import DEMO_POLICY
from monitor.exporter import metrics_server
from monitor.exporter.collector import SnapshotCollector
from monitor.exporter.page import text_of
from monitor.policy import load_policies
from monitor.snapshot import PartitionStats, RawInputStats, Snapshot
from tests.core.test_engine import event, placed

RULEBOOK = load_policies([DEMO_POLICY])


def snapshot(sellers: int = 3) -> Snapshot:
    engine = Engine(RULEBOOK, parse_instant("2025-03-09T00:00:00Z"))
    for number in range(sellers):
        shop = {"seller": f"shop-{number}", "marketplace": "demo-de"}
        engine.apply([placed("2025-03-06T08:00:00Z", category="shoes", **shop)])
        engine.apply(
            event("feedback_left", "2025-03-07T08:00:00Z", feedback="f", rating=1, **shop)
            for _ in range(number % 2)
        )
    stats = PartitionStats(
        "orders", 0, 5, 3, 1, 1, 0, parse_instant("2025-03-08T00:00:00Z"), 2, True
    )
    return Snapshot(
        engine.now,
        tuple(engine.readings()),
        tuple(engine.open_items()),
        (stats,),
        {2: 0.25},
        ("elsewhere",),
        (RawInputStats("shop-events", 3, 7, 2, 4),),
    )


def page(found: Snapshot, series_max: int = 50_000) -> str:
    return text_of(SnapshotCollector(lambda: found, RULEBOOK, series_max).collect()).decode()


def values(text: str, name: str) -> dict[tuple[str, ...], float]:
    return {
        tuple(sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name
    }


def test_each_reading_has_its_gauges() -> None:
    text = page(snapshot())
    key = tuple(sorted(("shop-1", "demo-de", "order_defect_rate", "60")))
    assert values(text, "seller_health_numerator")[key] == 1
    assert values(text, "seller_health_denominator")[key] == 1
    assert values(text, "seller_health_ratio")[key] == 1
    assert values(text, "seller_health_level")[key] == 2
    assert values(text, "seller_health_headroom")[key] == -1


def test_partitions_and_items_have_theirs() -> None:
    text = page(snapshot())
    assert values(text, "seller_health_events_total") == {("0", "orders"): 5}
    assert values(text, "seller_health_lag_records") == {("0", "orders"): 2}
    assert len(values(text, "seller_health_open_items")) == 3


def test_raw_inputs_have_theirs() -> None:
    text = page(snapshot())
    partition = ("3", "shop-events")
    assert values(text, "seller_health_raw_records_total") == {partition: 7}
    assert values(text, "seller_health_raw_invalid_events_total") == {partition: 2}
    assert values(text, "seller_health_raw_lag_records") == {partition: 4}


def test_what_is_gone_from_the_snapshot_is_gone_from_the_page() -> None:
    assert 'seller="shop-2"' in page(snapshot(3))
    assert 'seller="shop-2"' not in page(snapshot(2))


def test_beyond_the_bound_the_sellers_nearest_their_limits_stay_and_the_rest_is_summed() -> None:
    full = snapshot(40)
    text = page(full, series_max=700)
    samples = [line for line in text.splitlines() if not line.startswith("#")]
    assert len(samples) <= 700
    left_out = values(text, "seller_health_left_out_sellers")[()]
    assert 0 < left_out < 40
    shown = {key for key in values(text, "seller_health_level") if "order_defect_rate" in key}
    assert all(values(text, "seller_health_level")[key] == 2 for key in shown)


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool comes with `make test`")
async def test_promtool_accepts_the_live_page() -> None:
    found = snapshot()
    async with (
        metrics_server(lambda: found, RULEBOOK, port=0) as url,
        aiohttp.ClientSession() as session,
        session.get(url) as response,
    ):
        text = await response.read()
        assert response.status == 200
    promtool = await asyncio.create_subprocess_exec(
        "promtool",
        *("check", "metrics"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await promtool.communicate(text)
    assert (promtool.returncode, said) == (0, b"")
