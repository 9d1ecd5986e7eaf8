"""Topics that are missing, and topics that do not fit, on real Kafka."""

import socket
import time
import uuid
from collections.abc import Iterable, Mapping

import pytest
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic, ResourceType

from deploy.kafka.node import KafkaNode
from monitor.cluster import Cluster
from monitor.errors import ClusterError, LedgerError
from monitor.stream.topics import TopicNames, TopicPlan, prepare_topics

PLAN = TopicPlan(history_days=400, partitions=3)
DAY_MILLIS = 86_400_000


@pytest.fixture
def names() -> TopicNames:
    return TopicNames.prefixed(f"test-{uuid.uuid4().hex[:12]}-")


@pytest.fixture
def cluster(kafka: KafkaNode) -> Cluster:
    return Cluster((kafka.address,))


def _admin(cluster: Cluster) -> AdminClient:
    return AdminClient({"bootstrap.servers": cluster.address})


def _create(
    cluster: Cluster, counts: Mapping[str, int], config: Mapping[str, str] | None = None
) -> None:
    topics = [
        NewTopic(name, num_partitions=count, config=dict(config or {}))
        for name, count in counts.items()
    ]
    admin = _admin(cluster)
    for created in admin.create_topics(topics).values():
        created.result(30)
    while not set(counts) <= set(admin.list_topics(timeout=30).topics):
        time.sleep(0.05)


def _settings(cluster: Cluster, name: str) -> dict[str, str]:
    resource = ConfigResource(ResourceType.TOPIC, name)
    admin = _admin(cluster)
    found = admin.describe_configs([resource])[resource].result(30)
    return {key: entry.value for key, entry in found.items()}


def _counts(cluster: Cluster, names: Iterable[str]) -> list[int]:
    topics = _admin(cluster).list_topics(timeout=30).topics
    return [len(topics[name].partitions) for name in names]


async def test_missing_topics_are_made_with_equal_counts_and_their_own_retention(
    cluster: Cluster, names: TopicNames
) -> None:
    assert await prepare_topics(cluster, names, PLAN) == 3
    every = [*names.sources, names.alerts, names.dead_letters]
    assert _counts(cluster, every) == [3] * 6
    kept = {name: int(_settings(cluster, name)["retention.ms"]) // DAY_MILLIS for name in every}
    assert list(kept.values()) == [400, 400, 400, 400, 1825, 30]
    assert _settings(cluster, names.orders)["cleanup.policy"] == "delete"
    assert await prepare_topics(cluster, names, PLAN) == 3


async def test_the_topic_of_policies_has_one_partition_and_keeps_all_of_them(
    cluster: Cluster, names: TopicNames
) -> None:
    await prepare_topics(cluster, names, PLAN)
    assert _counts(cluster, [names.policies]) == [1]
    assert _settings(cluster, names.policies)["cleanup.policy"] == "compact"


async def test_a_topic_of_policies_that_would_forget_them_is_refused(
    cluster: Cluster, names: TopicNames
) -> None:
    _create(cluster, {names.policies: 1}, {"cleanup.policy": "delete"})
    with pytest.raises(LedgerError, match=f"{names.policies} has cleanup.policy=delete"):
        await prepare_topics(cluster, names, PLAN)


async def test_the_count_of_the_topics_that_exist_is_that_of_the_new_ones(
    cluster: Cluster, names: TopicNames
) -> None:
    _create(cluster, {names.orders: 5})
    assert await prepare_topics(cluster, names, PLAN) == 5
    assert _counts(cluster, [names.messages, names.alerts]) == [5, 5]


async def test_unequal_counts_are_refused_and_say_what_to_do(
    cluster: Cluster, names: TopicNames
) -> None:
    _create(cluster, {names.orders: 4, names.claims: 2})
    with pytest.raises(ClusterError, match="equal partition counts") as refused:
        await prepare_topics(cluster, names, PLAN)
    assert f"{names.orders} has 4" in str(refused.value)
    assert f"{names.claims} has 2" in str(refused.value)
    assert "--partitions 4" in str(refused.value)
    assert names.messages not in _admin(cluster).list_topics(timeout=30).topics


async def test_a_topic_that_forgets_too_early_is_a_warning_that_says_what_to_do(
    cluster: Cluster, names: TopicNames, caplog: pytest.LogCaptureFixture
) -> None:
    _create(cluster, {names.orders: 3}, {"retention.ms": str(7 * DAY_MILLIS)})
    _create(cluster, {names.claims: 3}, {"retention.ms": "-1", "retention.bytes": "1000000"})
    _create(cluster, {names.feedback: 3}, {"retention.ms": "-1", "cleanup.policy": "compact"})
    _create(cluster, {names.messages: 3}, {"retention.ms": "-1"})
    await prepare_topics(cluster, names, PLAN)
    warnings = [record.message for record in caplog.records if record.name.startswith("monitor")]
    said = "\n".join(warnings)
    assert f"{names.orders} keeps its records for 7 days" in said
    assert f"retention.ms={400 * DAY_MILLIS}" in said
    assert f"{names.claims} drops records by size" in said
    assert f"{names.feedback} is compacted" in said
    assert names.messages not in said


@pytest.mark.parametrize("address", ["127.0.0.1:1", "no-such-host.invalid:9092", "192.0.2.1:9092"])
async def test_a_wrong_address_is_named_within_seconds(address: str) -> None:
    begun = time.monotonic()
    with pytest.raises(ClusterError, match="Check the address") as refused:
        await prepare_topics(Cluster((address,)), TopicNames(), PLAN)
    assert address in str(refused.value)
    assert time.monotonic() - begun < 12


async def test_a_port_where_something_else_listens_is_named_within_seconds() -> None:
    plan = TopicPlan(history_days=400, timeout_seconds=1.0)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        begun = time.monotonic()
        with pytest.raises(ClusterError, match="does not answer"):
            await prepare_topics(Cluster((address,)), TopicNames(), plan)
    assert time.monotonic() - begun < 5
