"""The command that a text tells, run as it is told, on real Kafka."""

import asyncio
import shlex
from pathlib import Path

from aiokafka import AIOKafkaProducer
from click.testing import CliRunner

from deploy.kafka.node import KafkaNode
from monitor.cli import commands
from monitor.cluster import Cluster
from monitor.notify.reader import TextStyle
from monitor.notify.text import text_of
from monitor.stream.topics import TopicNames, TopicPlan, prepare_topics
from tests.notify.messages import item, metric, notice
from tests.stream.live import cancellation, order

POLICY = """
name = "test"
[marketplaces."*"]
time_zone = "UTC"
[metrics.pre_fulfilment_cancel_rate]
windows = [30]
limit = "under 10%"
source = "s"
runbook = "r"
"""


async def _publish(cluster: Cluster) -> None:
    # The command knows the source topics by their own names alone; no other test uses these.
    await prepare_topics(cluster, TopicNames(), TopicPlan(history_days=400, partitions=1))
    async with AIOKafkaProducer(**cluster.client_options()) as producer:
        for value in (order(1, "s1"), order(2, "s1"), cancellation(1, "s1")):
            await producer.send_and_wait("orders", value, key=b"s1")


def test_the_command_in_a_text_lists_the_orders(kafka: KafkaNode, tmp_path: Path) -> None:
    cluster = Cluster((kafka.address,))
    asyncio.run(_publish(cluster))
    policy = tmp_path / "a policy.toml"
    policy.write_text(POLICY)
    style = TextStyle(
        subjects_shown=0,
        explain=("monitor", "explain", "--kafka", cluster.address, "--policy", str(policy)),
    )
    record = metric(
        seller="s1",
        marketplace="shop",
        metric="pre_fulfilment_cancel_rate",
        window_days=30,
        as_of="2026-11-20T12:00:00Z",
    )
    (said,) = text_of(notice(item(record)), style).sections
    (line,) = [line for line in said.lines if line.startswith("All of them: monitor ")]
    words = shlex.split(line.removeprefix("All of them: monitor "))
    done = CliRunner().invoke(commands, words, standalone_mode=False)
    assert done.return_value == 0, done.exception
    assert "s1-1" in done.stdout
    assert done.stdout.rstrip().endswith("numerator 1 of denominator 2")
