"""Silences on real Kafka: made, listed and ended from the command line, followed by a worker."""

import asyncio
import json
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from click.testing import CliRunner, Result
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType

from deploy.kafka.node import KafkaNode
from monitor.cli import commands
from monitor.cluster import Cluster
from monitor.core.alert_records import AlertRecord
from monitor.core.instants import HOUR
from monitor.notify.silences import Silence
from monitor.notify.told import row_after
from monitor.stream.silences_topic import SilencesTopic, write_silence
from monitor.stream.topics import TopicNames, TopicPlan, prepare_topics
from tests.notify.messages import deadline, metric

ROOT = Path(__file__).resolve().parents[2]
_TOPICS = (
    *("orders", "feedback", "claims", "messages", "alerts", "evaluations"),
    *("dead_letters", "ledger", "deliveries", "silences"),
)


@pytest.fixture
def prefix() -> str:
    return f"test-{uuid.uuid4().hex[:12]}-"


@pytest.fixture
def config(kafka: KafkaNode, tmp_path: Path, prefix: str) -> Path:
    path = tmp_path / "monitor.toml"
    names = "\n".join(f'{key} = "{prefix}{key}"' for key in _TOPICS)
    policy = ROOT / "config" / "policies" / "amazon-current.toml"
    path.write_text(
        f'policies = ["{policy}"]\nkafka.bootstrap_servers = "{kafka.address}"\n'
        f"[topics]\npartitions = 1\n{names}\n"
    )
    return path


def monitor(config: Path, *arguments: str) -> Result:
    return CliRunner().invoke(commands, [*arguments, "--config", str(config)])


def listed(config: Path, *arguments: str) -> list[dict[str, Any]]:
    shown = monitor(config, "silence", "list", "--format", "jsonl", *arguments)
    return [json.loads(line) for line in shown.stdout.splitlines()]


def _made(kafka: KafkaNode, topic: str) -> tuple[int, str]:
    """Partition count and cleanup policy of a topic."""
    admin = AdminClient({"bootstrap.servers": kafka.address})
    resource = ConfigResource(ResourceType.TOPIC, topic)
    settings = admin.describe_configs([resource])[resource].result(30)
    partitions = admin.list_topics(topic, timeout=30).topics[topic].partitions
    return len(partitions), settings["cleanup.policy"].value


def _hide(kafka: KafkaNode, topic: str, record: AlertRecord) -> None:
    """What a courier notes of a record that a silence hides."""
    row = row_after(None, record, "silenced", record.as_of)
    producer = Producer({"bootstrap.servers": kafka.address})
    producer.produce(topic, row.encode(), f"pager|{record.alert}".encode())
    assert producer.flush(30) == 0


def add(config: Path, *arguments: str) -> Result:
    by = ("--author", "ann", "--reason", "moving house")
    return monitor(config, "silence", "add", *arguments, *by)


def test_a_silence_is_added_listed_and_ended(kafka: KafkaNode, config: Path, prefix: str) -> None:
    assert listed(config) == []
    added = add(config, "--seller", "shop-*", "--metric", "reply", "--for", "8h")
    assert "seller shop-*, metric reply, until 20" in added.stdout
    (found,) = listed(config)
    assert (found["seller"], found["metric"], found["author"]) == ("shop-*", "reply", "ann")
    assert found["state"] == "active"
    assert found["hides"] == []
    _hide(kafka, f"{prefix}deliveries", deadline(seller="shop-1"))
    _hide(kafka, f"{prefix}deliveries", metric(seller="shop-1"))
    assert listed(config)[0]["hides"] == ["shop/m/reply"]
    table = monitor(config, "silence", "list").stdout
    assert found["id"] in table
    assert "moving house" in table
    assert monitor(config, "silence", "expire", found["id"]).stdout.endswith("is over\n")
    assert listed(config) == []
    (past,) = listed(config, "--all")
    assert past["state"] == "expired"
    again = monitor(config, "silence", "expire", found["id"])
    assert "is over since" in str(again.exception)
    assert _made(kafka, f"{prefix}silences") == (1, "compact")


async def test_who_follows_the_topic_hears_of_each_change(kafka: KafkaNode, prefix: str) -> None:
    cluster, names = Cluster((kafka.address,)), TopicNames.prefixed(prefix)
    await prepare_topics(cluster, names, TopicPlan(history_days=400, partitions=1))
    silence = Silence(id="s1", author="a", reason="r", begins_at=0, ends_at=HOUR, seller="shop")
    await write_silence(cluster, names.silences, silence)
    topic = SilencesTopic(cluster, names.silences)
    await topic.read()
    assert topic.current() == (silence,)
    assert topic.current()[0].covers(metric())
    following = asyncio.create_task(topic.run())
    ended = Silence(
        id="s1", author="a", reason="r", begins_at=0, ends_at=HOUR, seller="shop", expired_at=5
    )
    async with AIOKafkaProducer(**cluster.client_options()) as producer:
        await producer.send_and_wait(names.silences, b"no silence", key=b"s2", partition=0)
        await producer.send_and_wait(names.silences, ended.encode(), key=b"s1", partition=0)
        await _until(lambda: topic.current() == (ended,))
        await producer.send_and_wait(names.silences, None, key=b"s1", partition=0)
        await _until(lambda: topic.current() == ())
    following.cancel()
    with pytest.raises(asyncio.CancelledError):
        await following


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - what it waits for has no event
            await asyncio.sleep(0.05)
