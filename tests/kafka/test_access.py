"""A worker with a login, on a cluster that allows what docs/operations.md lists and no more."""

import asyncio
import re
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from itertools import product
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from deploy.kafka.node import KafkaNode
from monitor.cluster import Cluster
from monitor.demo.feed import FeedPlan, feed
from monitor.demo.run import DEMO_POLICY
from monitor.demo.wire import SimulationPlan
from monitor.errors import ClusterError
from monitor.stream.clock import SystemClock
from monitor.stream.topics import TopicNames, prepare_topics
from tests.conftest import ROOT
from tests.stream.live import PARTITIONS, PLAN

_LOGIN = "org.apache.kafka.common.security.plain.PlainLoginModule required"
SETTINGS = {
    "listeners": "SASL_PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controller_port}",
    "advertised.listeners": "SASL_PLAINTEXT://127.0.0.1:${port}",
    "inter.broker.listener.name": "SASL_PLAINTEXT",
    "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT",
    "sasl.enabled.mechanisms": "PLAIN",
    "sasl.mechanism.inter.broker.protocol": "PLAIN",
    "listener.name.sasl_plaintext.plain.sasl.jaas.config": (
        f'{_LOGIN} username="admin" password="a" user_admin="a" user_monitor="m";'
    ),
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    # The controller's own listener has no login.
    "super.users": "User:admin;User:ANONYMOUS",
}


_CONFIG = """
policies = ["{policy}"]
[kafka]
bootstrap_servers = "{servers}"
security_protocol = "SASL_PLAINTEXT"
sasl_mechanism = "PLAIN"
username = "monitor"
password_file = "password"
[prometheus]
port = 0
[notify.receivers.file]
kind = "file"
path = "{told}"
"""


@pytest.fixture(scope="module")
def node(kafka_jars: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaNode]:
    folder = tmp_path_factory.mktemp("access") / "node"
    with KafkaNode(folder, settings=SETTINGS) as started:
        yield started


def cluster_of(node: KafkaNode, user: str, password: str) -> Cluster:
    return Cluster((node.address,), "SASL_PLAINTEXT", "PLAIN", username=user, password=password)


def documented() -> Iterator[AclBinding]:
    """The rights that the table of docs/operations.md lists, one by one."""
    text = (ROOT / "docs" / "operations.md").read_text()
    table = text.split("| resource | names | operations |\n|---|---|---|\n")[1].split("\n\n")[0]
    for row in table.splitlines():
        kind, names, operations = (cell.strip() for cell in row.strip("|").split("|"))
        named = re.findall(r"`([\w-]+\*?)`", names.partition("(")[0])
        for name, operation in product(named, operations.split(", ")):
            yield AclBinding(
                ResourceType[kind.upper()],
                name.rstrip("*"),
                ResourcePatternType.PREFIXED if "*" in name else ResourcePatternType.LITERAL,
                "User:monitor",
                "*",
                AclOperation[re.sub(r"(?<=[a-z])(?=[A-Z])", "_", operation).upper()],
                AclPermissionType.ALLOW,
            )


def _allow(node: KafkaNode, rights: list[AclBinding]) -> None:
    login = {"sasl.mechanism": "PLAIN", "sasl.username": "admin", "sasl.password": "a"}
    admin = AdminClient(
        {"bootstrap.servers": node.address, "security.protocol": "SASL_PLAINTEXT", **login}
    )
    for done in admin.create_acls(rights).values():
        done.result(20)


async def _dead_letters(cluster: Cluster) -> int:
    places = [TopicPartition(TopicNames().dead_letters, number) for number in range(PARTITIONS)]
    async with AIOKafkaConsumer(**cluster.client_options()) as consumer:
        return sum((await consumer.end_offsets(places)).values())


@asynccontextmanager
async def _running(config: Path, log: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            Path(sys.executable).with_name("monitor"),
            *("run", "--config", config),
            stdout=output,
            stderr=output,
        )
    try:
        yield process
    finally:
        process.terminate()
        await process.wait()


async def test_what_the_guide_lists_is_enough(node: KafkaNode, tmp_path: Path) -> None:
    theirs, ours = cluster_of(node, "admin", "a"), cluster_of(node, "monitor", "m")
    names, rights = TopicNames(), list(documented())
    assert {right.name for right in rights} == {*asdict(names).values(), "seller-health-monitor"}
    await prepare_topics(theirs, names, PLAN)
    with pytest.raises(ClusterError):
        await prepare_topics(ours, names, PLAN)
    await asyncio.to_thread(_allow, node, rights)

    told, log = tmp_path / "told.jsonl", tmp_path / "worker.log"
    (tmp_path / "password").write_text("m\n")
    config = tmp_path / "monitor.toml"
    config.write_text(_CONFIG.format(servers=node.address, policy=DEMO_POLICY, told=told))
    plan = FeedPlan(theirs, names, SimulationPlan(days=0), history_days=120)
    await feed(plan, SystemClock())
    async with AIOKafkaProducer(**theirs.client_options()) as producer:
        await producer.send_and_wait(names.orders, b"{}", b"s1")
    async with _running(config, log) as process, asyncio.timeout(60):
        # Other programs' files and topics, which tell nobody that they have changed.
        while not told.exists() or not await _dead_letters(theirs):
            assert process.returncode is None, log.read_text()
            await asyncio.sleep(0.2)
    said = log.read_text()
    assert process.returncode == 0, said
    assert "uthorization" not in said, said


async def test_a_wrong_password_is_said_in_a_sentence(node: KafkaNode) -> None:
    with pytest.raises(ClusterError, match="does not answer"):
        await prepare_topics(cluster_of(node, "monitor", "wrong"), TopicNames(), PLAN)
