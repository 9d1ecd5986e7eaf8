"""Simulated shops, a real Kafka, the monitor, a real Prometheus, a real Alertmanager, a webhook."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from deploy.kafka.node import KafkaNode
from deploy.local_stack import alertmanager_config, prometheus_config
from monitor.cluster import Cluster
from monitor.demo.run import DEMO_POLICY
from monitor.stream.topics import TopicNames
from tests.notify.servers import http_server
from tests.notify.services import Request
from tests.programs import free_port, need, running, until
from tests.prometheus import Prometheus, prometheus
from tests.stream.live import PARTITIONS, own_settings, publishing

MONITOR = str(Path(sys.executable).with_name("monitor"))
SHOPS = ("--sellers", "6", "--history-days", "60")


@dataclass
class Webhook:
    """What Alertmanager forwards, alert by alert."""

    said: list[str] = field(default_factory=list)
    alerts: list[dict[str, Any]] = field(default_factory=list)

    def answer(self, request: Request) -> tuple[int, bytes]:
        self.alerts += msgspec.json.decode(request.body)["alerts"]
        return 200, b""

    def named(self, alert: str) -> list[dict[str, Any]]:
        return [one for one in self.alerts if one["labels"]["alertname"] == alert]


@dataclass
class Chain:
    """All parts at work; ``place`` says on the command line where the topics are."""

    prometheus: Prometheus
    webhook: Webhook
    kafka: str
    prefix: str

    @property
    def place(self) -> tuple[str, ...]:
        return ("--kafka", self.kafka, "--prefix", self.prefix)


@asynccontextmanager
async def chain(folder: Path, kafka: KafkaNode, prefix: str) -> AsyncIterator[Chain]:
    """Every part with its file of deploy/: other addresses, and no waits, are all that differs."""
    webhook, port, alertmanager_port = Webhook(), free_port(), free_port()
    page = f"http://127.0.0.1:{port}"
    names = "".join(
        f'{name} = "{topic}"\n' for name, topic in asdict(TopicNames.prefixed(prefix)).items()
    )
    config = folder / "monitor.toml"
    config.write_text(
        f'policies = ["{DEMO_POLICY.resolve()}"]\n'
        f'[kafka]\nbootstrap_servers = ["{kafka.address}"]\n'
        f'[consumer]\ngroup = "{prefix}workers"\n'
        f"[topics]\nreplication_factor = 1\n{names}"
        f"[prometheus]\nport = {port}\n"
        '[notify.receivers.alertmanager]\nkind = "alertmanager"\nallow_private_addresses = true\n'
        f'urls = ["http://127.0.0.1:{alertmanager_port}"]\n'
    )
    async with AsyncExitStack() as closing:
        sink, _ = await closing.enter_async_context(http_server(webhook))
        managing = _alertmanager(folder, sink, alertmanager_port)
        ready = f"http://127.0.0.1:{alertmanager_port}/-/ready"
        await closing.enter_async_context(running(managing, ready, folder / "alertmanager.log"))
        command = [MONITOR, "run", "--config", str(config)]
        log = folder / "monitor.log"
        await closing.enter_async_context(running(command, f"{page}/readyz", log))
        addresses = {
            "monitor:9464": [f"127.0.0.1:{port}"],
            "alertmanager:9093": [f"127.0.0.1:{alertmanager_port}"],
            "localhost:9090": [],
        }
        scraping = prometheus_config(addresses, "1s")
        server = await closing.enter_async_context(prometheus(folder, scraping))
        await _done(MONITOR, "feed", "--config", str(config), "--exit", *SHOPS)
        yield Chain(server, webhook, kafka.address, prefix)


def _alertmanager(folder: Path, sink: str, port: int) -> list[str]:
    config = alertmanager_config()
    route = config["route"]
    for one in (route, *route["routes"]):
        one |= {"group_wait": "100ms", "group_interval": "1s"}
    for receiver in config["receivers"]:
        receiver["webhook_configs"] = [{"url": sink, "send_resolved": True}]
    file = folder / "alertmanager.yml"
    # JSON is YAML too.
    file.write_text(json.dumps(config))
    return [
        "prometheus-alertmanager",
        f"--config.file={file}",
        f"--storage.path={folder / 'alertmanager'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
    ]


async def _done(*command: str) -> str:
    """What a program prints that must end well."""
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, said = await process.communicate()
    assert process.returncode == 0, said.decode()
    return out.decode()


@pytest.mark.slow
async def test_counts_in_prometheus_are_those_of_a_replay_and_a_rule_reaches_a_webhook(
    kafka: KafkaNode, tmp_path: Path
) -> None:
    for program in ("prometheus", "prometheus-alertmanager"):
        need(program)
    settings = own_settings(Cluster((kafka.address,)))
    prefix = settings.names.orders.removesuffix("orders")
    async with chain(tmp_path, kafka, prefix) as parts:
        await parts.prometheus.until_value("sum(seller_health_lag_records)", 0)
        await _check_counts(parts)
        owned = "count(count by (partition) (seller_health_recovered_ratio))"
        assert await parts.prometheus.value("sum(seller_health_partitions)") == PARTITIONS
        assert await parts.prometheus.value(owned) == PARTITIONS
        await _check_sellers_alerts(parts)
        # Nobody is woken before anything is wrong.
        assert parts.webhook.named("MonitorDeadLetters") == []
        async with publishing(settings) as publisher:
            await publisher.send("orders", [b"no event"], key=b"shop")

        async def is_told() -> bool:
            return bool(parts.webhook.named("MonitorDeadLetters"))

        await until(is_told)
        (alert, *_) = parts.webhook.named("MonitorDeadLetters")
        assert alert["status"] == "firing"
        assert alert["labels"] == {
            "alertname": "MonitorDeadLetters",
            "severity": "warning",
            "topic": "orders",
        }
        assert alert["annotations"]["runbook_url"] == "docs/runbooks/MonitorDeadLetters.md"


async def _check_counts(parts: Chain) -> None:
    """Compare one scrape, after all was read, with a replay as of its instant."""
    await parts.prometheus.until_value("min(seller_health_ready)", 1)
    # Samples of one scrape have one timestamp: that of a moment ago is complete.
    await asyncio.sleep(3)
    at = datetime.now(UTC).timestamp() - 1  # noqa: TID251 - real programs go by the clock
    evaluated = await parts.prometheus.query("seller_health_evaluated_timestamp_seconds", at)
    as_of = datetime.fromtimestamp(evaluated[0].value, UTC).isoformat()
    replay = ("replay", *parts.place, "--policy", str(DEMO_POLICY), "--as-of", as_of)
    lines = [json.loads(line) for line in (await _done(MONITOR, *replay)).splitlines()]
    assert len(lines) > 100
    for name in ("numerator", "denominator", "headroom"):
        scraped = await parts.prometheus.query(f"seller_health_{name}", at)
        counts = {_series(one.labels): one.value for one in scraped}
        expected = {
            _series(line | {"window": str(line["window_days"])}): line[name]
            for line in lines
            if line[name] is not None
        }
        assert counts == expected


def _series(labels: Any) -> Sequence[str]:
    names = ("seller", "marketplace", "metric", "window", "category")
    return tuple(labels.get(name) or "" for name in names)


async def _check_sellers_alerts(parts: Chain) -> None:
    """What the monitor tells Alertmanager of sellers is about series that Prometheus shows.

    Their levels may have left the limit again: an alert of a past that was half read is held open.
    """

    def told() -> set[Sequence[str]]:
        return {
            _series(one["labels"] | {"window": one["labels"]["window_days"]})
            for one in parts.webhook.named("SellerAccountHealth")
            if one["labels"]["severity"] == "critical"
        }

    async def is_told() -> bool:
        return bool(told())

    await until(is_told)
    shown = await parts.prometheus.query("seller_health_level")
    assert told() <= {_series(one.labels) for one in shown}
