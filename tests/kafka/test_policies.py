"""Policies on their topic on real Kafka: there before an alert can name them, and to stay."""

import asyncio
from dataclasses import replace

import pytest

from deploy.kafka.node import KafkaNode
from monitor.audit.kafka_log import KafkaLog
from monitor.audit.policies import published_policies
from monitor.cluster import Cluster
from monitor.core.alert_records import AlertRecord
from monitor.errors import ClusterError, UnreadableSource
from monitor.policy import Policy, rulebook_of
from monitor.stream.policies_topic import publish_policies
from monitor.stream.worker import Worker, WorkerSettings
from tests.policies.documents import parsed, table
from tests.stream.live import cancellation, order, own_settings, publishing, until


@pytest.fixture
def settings(kafka: KafkaNode) -> WorkerSettings:
    return own_settings(Cluster((kafka.address,)))


def policy(limit: str) -> Policy:
    """A policy of cancellations for the marketplace of the events; its alerts close slowly."""
    slowly = {"recovery_hold_hours": 72, "clear_margin": 1}
    rate = table("pre_fulfilment_cancel_rate", limit=limit, alert=slowly)
    shops = {"shop": {"time_zone": "UTC"}}
    return parsed({"pre_fulfilment_cancel_rate": rate}, marketplaces=shops)


async def said_under(settings: WorkerSettings, policy: Policy) -> AlertRecord:
    """The first record of a worker that starts with a policy."""
    shown: list[AlertRecord] = []
    async with Worker(settings, rulebook_of([policy]), on_record=shown.append):
        await until(lambda: bool(shown))
    return shown[0]


def policies_of(settings: WorkerSettings, *digests: str) -> list[Policy]:
    """Policies as the topic has them."""
    with KafkaLog(settings.cluster, settings.names.policies) as log:
        published = published_policies(log)
    return [published.policy(digest) for digest in digests]


async def test_each_alert_names_a_policy_that_is_on_the_topic_also_once_the_file_has_changed(
    settings: WorkerSettings,
) -> None:
    strict, mild = policy("under 1%"), policy("under 90%")
    async with publishing(settings) as publisher:
        await publisher.send("orders", [order(n, "s1") for n in range(10)])
        await publisher.send("orders", [cancellation(n, "s1") for n in range(5)])
    said = [await said_under(settings, strict), await said_under(settings, mild)]
    assert [record.policy for record in said] == [strict.digest, mild.digest]
    assert [record.reason for record in said] == ["caught_up", "policy"]
    found = await asyncio.to_thread(policies_of, settings, strict.digest, mild.digest)
    assert [one.canonical for one in found] == [strict.canonical, mild.canonical]


async def test_a_worker_that_cannot_publish_its_policies_does_not_start(
    settings: WorkerSettings,
) -> None:
    cluster = replace(settings.cluster, servers=("127.0.0.1:1",))
    with pytest.raises(ClusterError, match="the topic of policies, nowhere, cannot be written"):
        await publish_policies(cluster, "nowhere", {"d": "form"})


def test_a_topic_that_is_not_there_cannot_be_read(settings: WorkerSettings) -> None:
    with (
        pytest.raises(UnreadableSource, match="has no topic nowhere"),
        KafkaLog(settings.cluster, "nowhere"),
    ):
        pass
