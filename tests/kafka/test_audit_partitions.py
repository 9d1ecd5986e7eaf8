"""Audits on real Kafka of sellers that moved when partitions were added."""

import asyncio
import json
from typing import Any

import pytest

from deploy.kafka.node import KafkaNode
from monitor.audit.alert_id import AlertId
from monitor.audit.kafka_log import KafkaLog
from monitor.audit.paths import counts_of, path_of
from monitor.cli import commands
from monitor.cluster import Cluster
from monitor.core.alert_records import AlertRecord
from monitor.core.instants import DAY, HOUR, isoformat, parse_instant
from monitor.core.rules import Rulebook
from monitor.policy import rulebook_of
from monitor.stream import repartition as repartitioning
from monitor.stream.clock import EventClock
from monitor.stream.repartition import repartition
from monitor.stream.worker import Worker, WorkerSettings
from tests.policies.documents import parsed, table
from tests.stream.live import cancellation, order, own_settings, publishing

NOON = parse_instant("2026-11-20T12:00:00Z")
SELLERS = [f"s{n}" for n in range(12)]
MORE = 6


def rules(limit: int) -> Rulebook:
    """More cancellations than so many in a hundred are a breach, which closes at once."""
    at_once = {"recovery_hold_hours": 0}
    rate = table("pre_fulfilment_cancel_rate", limit=f"at most {limit}%", alert=at_once)
    shops = {"shop": {"time_zone": "UTC"}}
    return rulebook_of([parsed({"pre_fulfilment_cancel_rate": rate}, marketplaces=shops)])


class Live:
    """Workers that one after the other say what befalls the sellers."""

    def __init__(self, settings: WorkerSettings) -> None:
        self.settings = settings
        self.said: list[AlertRecord] = []
        self._now = NOON

    async def sees(self, limit: int, *batches: list[bytes]) -> None:
        """A worker under a limit; an hour after the other these events come in."""
        # A clock belongs to its event loop.
        clock = EventClock(self._now)
        worker = Worker(self.settings, rules(limit), clock, on_record=self.said.append)
        async with publishing(self.settings) as publisher, worker:
            for values in batches:
                await publisher.send("orders", values)
                await worker.applied(publisher.ends)
                self._now += HOUR
                clock.set(self._now)
                await worker.evaluated(self._now)


@pytest.fixture
def live(kafka: KafkaNode, monkeypatch: pytest.MonkeyPatch) -> Live:
    """Every third seller is over the limit; all others join them once partitions were added."""
    monkeypatch.setattr(repartitioning, "_PAUSE_SECONDS", 0)
    live = Live(own_settings(Cluster((kafka.address,))))
    orders = [order(n, one) for one in SELLERS for n in range(10)]
    first = [cancellation(n, one) for one in SELLERS[::3] for n in range(2)]
    asyncio.run(live.sees(10, orders, first))
    repartition(live.settings, MORE)
    others = [one for one in SELLERS if one not in SELLERS[::3]]
    second = [cancellation(n, one) for one in others for n in range(3)]
    better = [order(100 + n, one) for one in SELLERS[::3] for n in range(50)]
    asyncio.run(live.sees(10, second, better))
    # Of what was over 10 % now nothing is over 40 %.
    asyncio.run(live.sees(40, [order(200, "new")]))
    return live


def run(live: Live, capture: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, Any]:
    """Exit status and JSON of a command."""
    capture.readouterr()
    prefix = live.settings.names.orders.removesuffix("orders")
    where = ("--kafka", live.settings.cluster.address, "--prefix", prefix, "--format", "json")
    status = commands.main([*arguments, *where], standalone_mode=False)
    return status, json.loads(capture.readouterr().out)


def test_what_was_decided_before_and_after_comes_out_once_more(
    live: Live, capsys: pytest.CaptureFixture[str]
) -> None:
    assert len({one.alert for one in live.said}) == len(SELLERS)
    status, told = run(live, capsys, "compare")
    assert (status, told["outcomes"]) == (0, {"same": len(live.said)}), told["verdicts"]

    with KafkaLog(live.settings.cluster, live.settings.names.evaluations) as log:
        counts = counts_of(log)
        paths = {one: path_of(one.encode(), counts) for one in SELLERS}
        points = log.bounds()
    assert counts == (4, MORE)
    # Sellers that stayed, that went to an added partition, and to one that was there before.
    kinds = {
        (path.numbers[0] == path.numbers[1], path.numbers[1] < 4): seller
        for seller, path in paths.items()
    }
    assert kinds.keys() == {(True, True), (False, False), (False, True)}
    assert told["points"] <= sum(end - begin for begin, end in points.values())

    for seller in kinds.values():
        between = f"{isoformat(NOON)}..{isoformat(NOON + DAY)}"
        status, told = run(live, capsys, "audit", "--range", between, "--seller", seller)
        said = [str(AlertId.of(one)) for one in live.said if one.seller == seller]
        assert (status, [one["id"] for one in told["verdicts"]]) == (0, said), told
        assert told["partition"] == paths[seller].numbers[-1]
        assert len(told["policies"]) == 2
        balance = told["balance"]
        assert balance["read"] == balance["counted"] == (62 if seller in SELLERS[::3] else 13)
        for alert in said:
            status, told = run(live, capsys, "audit", alert)
            assert (status, told["decided_again"]) == (0, "yes, from the seller's whole past"), told
