"""The metrics page: what it holds, what leaves it, and that promtool accepts it."""

import asyncio
import shutil
from dataclasses import dataclass, replace

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from monitor.core.engine import Engine
from monitor.core.instants import parse_instant
from monitor.core.readings import OPEN
from monitor.core.rolling_off import RollOff
from monitor.demo.run import DEMO_POLICY
from monitor.exporter import Bounds, collect, metrics_server
from monitor.exporter import families as names
from monitor.exporter.page import Page
from monitor.exporter.selection import EVERY_SELLER
from monitor.policy import load_policies
from monitor.snapshot import (
    AlertQuality,
    Distribution,
    PartitionStats,
    Progress,
    RawInputStats,
    ReceiverStats,
    Snapshot,
)
from tests.core.test_engine import event, placed

RULEBOOK = load_policies([DEMO_POLICY])


SLACK = ReceiverStats(
    receiver="slack",
    notifications={"delivered": 5, "refused": 1, "failed": 9},
    records={"delivered": 12, "muted": 3},
    postponed={"muted": 2, "silenced": 0},
    refused=1,
    undelivered=4,
    oldest_seconds=75.5,
    delays=Distribution((1.0, 5.0), (1, 1, 2), 7.0),
    failing=True,
)


def snapshot(sellers: int = 3) -> Snapshot:
    engine = Engine(RULEBOOK, parse_instant("2025-03-09T00:00:00Z"))
    for number in range(sellers):
        shop = {"seller": f"shop-{number}", "marketplace": "demo-de"}
        engine.apply([placed("2025-03-06T08:00:00Z", category="shoes", **shop)])
        engine.apply(
            event("feedback_left", "2025-03-07T08:00:00Z", feedback="f", rating=1, **shop)
            for _ in range(number % 2)
        )
    readings = tuple(engine.readings())
    roll_offs = tuple(
        RollOff(reading, reading.numerator, reading.denominator)
        for reading in readings
        if reading.level in OPEN
    )
    stats = PartitionStats(
        "orders", 0, 5, 3, 1, 1, 0, parse_instant("2025-03-08T00:00:00Z"), 2, True
    )
    return Snapshot(
        engine.now,
        readings,
        tuple(engine.open_items()),
        (stats,),
        {2: 0.25},
        ("elsewhere",),
        (RawInputStats("shop-events", 3, 7, 2, 4),),
        (SLACK,),
        (AlertQuality("order_defect_rate", "breached", 3),),
        roll_offs=roll_offs,
    )


def page(found: Snapshot, bounds: Bounds = EVERY_SELLER) -> str:
    return collect(found, RULEBOOK, bounds).decode()


@dataclass
class Shown:
    """Something to watch that is always the same."""

    snapshot: Snapshot
    now: Progress

    async def observe(self) -> Snapshot:
        return self.snapshot

    def progress(self) -> Progress:
        return self.now


READY = Progress(joined=True, recovering={}, partitions=())


async def fetched(shown: Shown, path: str) -> tuple[int, str]:
    async with (
        metrics_server(shown, RULEBOOK, port=0) as url,
        aiohttp.ClientSession() as session,
        session.get(url.replace("/metrics", path)) as response,
    ):
        return response.status, await response.text()


def values(text: str, name: str) -> dict[tuple[str, ...], float]:
    return {
        tuple(sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name
    }


def test_how_many_partitions_there_are_is_told_once_it_is_known() -> None:
    known = replace(snapshot(), partition_count=12)
    assert values(page(known), "seller_health_partitions") == {(): 12}
    assert values(page(snapshot()), "seller_health_partitions") == {}


def test_each_reading_has_its_gauges() -> None:
    text = page(snapshot())
    key = tuple(sorted(("shop-1", "demo-de", "order_defect_rate", "60")))
    assert values(text, "seller_health_numerator")[key] == 1
    assert values(text, "seller_health_denominator")[key] == 1
    assert values(text, "seller_health_ratio")[key] == 1
    assert values(text, "seller_health_level")[key] == 2
    assert values(text, "seller_health_headroom")[key] == -1


def test_what_is_breached_says_how_it_recovers() -> None:
    text = page(snapshot())
    key = tuple(sorted(("shop-1", "demo-de", "order_defect_rate", "60")))
    assert values(text, "seller_health_orders_to_recover")[key] == 100
    rolled = tuple(sorted((*key, "7")))
    assert values(text, "seller_health_roll_off_numerator")[rolled] == 1
    assert values(text, "seller_health_roll_off_denominator")[rolled] == 1
    assert "shop-0" not in str(values(text, "seller_health_orders_to_recover"))


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


def test_each_receiver_says_what_it_took_and_what_waits() -> None:
    text = page(snapshot())
    slack = ("slack",)
    assert values(text, "seller_health_notifications_total") == {
        ("delivered", "slack"): 5,
        ("refused", "slack"): 1,
        ("failed", "slack"): 9,
    }
    assert values(text, "seller_health_notified_alert_records_total")["muted", "slack"] == 3
    assert values(text, "seller_health_postponed_alerts")["muted", "slack"] == 2
    assert values(text, "seller_health_refused_alerts") == {slack: 1}
    assert values(text, "seller_health_undelivered_alert_records") == {slack: 4}
    assert values(text, "seller_health_undelivered_oldest_age_seconds") == {slack: 75.5}
    assert values(text, "seller_health_delivery_delay_seconds_bucket") == {
        # The value of a bucket is how many lie at or below its edge, those of lower ones included.
        ("1.0", "slack"): 1,
        ("5.0", "slack"): 1,
        ("+Inf", "slack"): 2,
    }
    assert 'seller_health_delivery_delay_seconds_sum{receiver="slack"} 7.0' in text
    assert 'seller_health_delivery_delay_seconds_count{receiver="slack"} 2' in text
    assert values(text, "seller_health_receiver_failing") == {slack: 1}


def test_what_followed_on_approaching_alerts_is_counted() -> None:
    counted = values(page(snapshot()), "seller_health_approaching_alerts_ended_total")
    assert counted == {("breached", "order_defect_rate"): 3}


def test_what_is_read_is_counted_redundant_late_or_invalid() -> None:
    text = page(snapshot())
    kinds = ("counted", "redundant", "late", "invalid")
    parts = [values(text, f"seller_health_{kind}_events_total") for kind in kinds]
    for partition, events in values(text, "seller_health_events_total").items():
        assert [part[partition] for part in parts] == [3, 1, 0, 1]
        assert sum(part[partition] for part in parts) == events


def test_each_partition_says_how_much_of_it_is_restored() -> None:
    assert values(page(snapshot()), "seller_health_recovered_ratio") == {("0",): 1, ("2",): 0.25}


async def test_a_head_request_gets_the_length_and_no_page() -> None:
    async with (
        metrics_server(Shown(snapshot(), READY), RULEBOOK, port=0) as url,
        aiohttp.ClientSession() as session,
    ):
        async with session.head(url) as head:
            length = int(head.headers["Content-Length"])
            assert await head.read() == b""
        async with session.get(url) as response:
            body = await response.read()
        # Figures of the process, such as its memory, may have a digit more or less by then.
        assert abs(len(body) - length) < 100 < length


def test_a_label_may_hold_any_character() -> None:
    made = Page()
    made.add(names.LEFT_OUT_READINGS, ('a "quoted" \\ and\nbroken one',), 3)
    assert values(made.text().decode(), names.LEFT_OUT_READINGS.name) == {
        ('a "quoted" \\ and\nbroken one',): 3
    }


def test_a_page_without_a_snapshot_still_names_the_program() -> None:
    text = collect(None, RULEBOOK).decode()
    assert list(values(text, "seller_health_build_info").values()) == [1]


def test_what_is_gone_from_the_snapshot_is_gone_from_the_page() -> None:
    assert 'seller="shop-2"' in page(snapshot(3))
    assert 'seller="shop-2"' not in page(snapshot(2))


def test_beyond_the_bound_the_sellers_nearest_their_limits_stay_and_the_rest_is_summed() -> None:
    full = snapshot(40)
    text = page(full, Bounds(series_max=700))
    samples = [line for line in text.splitlines() if not line.startswith("#")]
    assert len(samples) <= 700
    left_out = values(text, "seller_health_left_out_sellers")[()]
    assert 0 < left_out < 40
    shown = {key for key in values(text, "seller_health_level") if "order_defect_rate" in key}
    assert all(values(text, "seller_health_level")[key] == 2 for key in shown)


def shown_sellers(text: str) -> set[str]:
    """The sellers with series of their own."""
    families = text_string_to_metric_families(text)
    samples = (sample for family in families for sample in family.samples)
    return {sample.labels["seller"] for sample in samples if "seller" in sample.labels}


def test_of_sellers_that_are_named_only_these_have_series_of_their_own() -> None:
    text = page(snapshot(6), Bounds(sellers=frozenset({"shop-0", "shop-4", "unheard-of"})))
    assert shown_sellers(text) == {"shop-0", "shop-4"}
    assert values(text, "seller_health_left_out_sellers") == {(): 4}


def test_only_the_worst_have_series_of_their_own_where_their_number_is_set() -> None:
    text = page(snapshot(6), Bounds(worst_sellers=2))
    assert shown_sellers(text) == {"shop-1", "shop-3"}
    assert values(text, "seller_health_left_out_sellers") == {(): 4}


def test_the_worst_follow_those_that_are_named() -> None:
    text = page(snapshot(6), Bounds(sellers=frozenset({"shop-0"}), worst_sellers=1))
    assert shown_sellers(text) == {"shop-0", "shop-1"}


def test_series_are_bounded_whoever_is_named() -> None:
    everybody = frozenset(f"shop-{number}" for number in range(40))
    text = page(snapshot(40), Bounds(series_max=700, sellers=everybody))
    assert len([line for line in text.splitlines() if not line.startswith("#")]) <= 700
    assert values(text, "seller_health_left_out_sellers")[()] > 0


def test_the_sums_over_the_rest_make_up_for_what_is_left_out() -> None:
    full, part = page(snapshot(9)), page(snapshot(9), Bounds(worst_sellers=3))
    own, others = "seller_health_numerator", "seller_health_others_numerator"
    assert sum(values(part, own).values()) < sum(values(full, own).values())
    total = sum(values(part, own).values()) + sum(values(part, others).values())
    assert total == sum(values(full, own).values())
    levels = values(part, "seller_health_left_out_readings")
    assert len(values(part, "seller_health_level")) + sum(levels.values()) == len(
        values(full, "seller_health_level")
    )


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool comes with `make test`")
async def test_promtool_accepts_the_live_page() -> None:
    status, text = await fetched(Shown(snapshot(), READY), "/metrics")
    assert status == 200
    promtool = await asyncio.create_subprocess_exec(
        "promtool",
        *("check", "metrics"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await promtool.communicate(text.encode())
    assert (promtool.returncode, said) == (0, b"")
