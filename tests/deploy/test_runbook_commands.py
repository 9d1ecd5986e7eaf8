"""Every command of Kafka's that a runbook tells people to type, run on a real node."""

import asyncio
import re
import shlex

import pytest
from aiokafka import AIOKafkaConsumer

from deploy.kafka.node import KafkaNode
from monitor.cluster import Cluster
from tests.conftest import ROOT
from tests.deploy.test_rules import RUNBOOKS
from tests.deploy.test_runbooks import typed
from tests.kafka.members import make_topic, producing, send

TOOLS = "org.apache.kafka.tools."
CLASSES = {
    "kafka-broker-api-versions.sh": "BrokerApiVersionsCommand",
    "kafka-console-consumer.sh": "consumer.ConsoleConsumer",
    "kafka-consumer-groups.sh": "consumer.group.ConsumerGroupCommand",
    "kafka-get-offsets.sh": "GetOffsetShell",
    "kafka-log-dirs.sh": "LogDirsCommand",
    "kafka-topics.sh": "TopicCommand",
}
"""What Kafka's scripts start, of which only the jars are here."""

RECORDS = 3


def commands() -> set[str]:
    """Without what they are piped into; those that differ by words in capitals once."""
    found = {
        line.split(" | ")[0]
        for path in RUNBOOKS.glob("*.md")
        for line in typed(path.read_text())
        if line.startswith("kafka-")
    }
    assert len(found) >= len(CLASSES)
    return found


@pytest.mark.slow
async def test_kafkas_programs_take_what_runbooks_say(kafka: KafkaNode) -> None:
    cluster = Cluster((kafka.address,))
    topic = await make_topic(cluster)
    async with producing(cluster) as producer:
        await send(producer, topic, RECORDS)
    await _read_one(cluster, topic)
    places = {
        "KAFKA": kafka.address,
        "TOPIC": topic,
        "GROUP": topic,
        "GROUP-rekeying": topic,
        "P": "0",
        "OFFSET": "0",
        "20": str(RECORDS),
        "10000": "3000",
    }
    one_by_one = asyncio.Semaphore(2)

    async def run(command: str) -> None:
        program, *words = shlex.split(command)
        named = re.sub(r"(--topic|--topic-list) \S+", rf"\1 {topic}", shlex.join(words))
        arguments = [places.get(word, word) for word in named.split()]
        async with one_by_one:
            await _succeeds(TOOLS + CLASSES[program], arguments)

    await asyncio.gather(*map(run, commands()))


async def _read_one(cluster: Cluster, topic: str) -> None:
    """Makes a group, named like the topic, that has committed what it read."""
    async with AIOKafkaConsumer(
        topic, group_id=topic, auto_offset_reset="earliest", **cluster.client_options()
    ) as consumer:
        await consumer.getone()
        await consumer.commit()


async def _succeeds(java_class: str, arguments: list[str]) -> None:
    jars = str(ROOT / ".kafka" / "libs" / "*")
    process = await asyncio.create_subprocess_exec(
        "java", "-Xmx128m", "-cp", jars, java_class, *arguments,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    async with asyncio.timeout(60):
        said, _ = await process.communicate()
    assert process.returncode == 0, (java_class, arguments, said.decode())
