"""The real node that other tests stand on."""

import uuid
from pathlib import Path

import pytest
from confluent_kafka import Consumer, KafkaException, Producer
from confluent_kafka.admin import AdminClient, NewTopic

from deploy.kafka.node import KafkaNode, KafkaNodeError


def _create_topic(node: KafkaNode) -> str:
    topic = f"test-{uuid.uuid4().hex}"
    admin = AdminClient({"bootstrap.servers": node.address})
    admin.create_topics([NewTopic(topic, num_partitions=3)])[topic].result(30)
    return topic


def _produce(node: KafkaNode, topic: str, value: bytes) -> None:
    failures: list[object] = []
    producer = Producer({"bootstrap.servers": node.address})
    producer.produce(topic, value, key=b"S1", on_delivery=lambda error, _: failures.append(error))
    assert producer.flush(30) == 0
    assert failures == [None]


def _consume(node: KafkaNode, topic: str) -> bytes | None:
    consumer = Consumer(
        {
            "bootstrap.servers": node.address,
            "group.id": topic,
            "auto.offset.reset": "earliest",
            "session.timeout.ms": 1000,
            "heartbeat.interval.ms": 300,
        }
    )
    try:
        consumer.subscribe([topic])
        message = consumer.poll(30)
        assert message is not None
        assert message.error() is None
        return message.value()
    finally:
        consumer.close()


def test_a_record_comes_back_from_a_topic_that_was_created(kafka: KafkaNode) -> None:
    topic = _create_topic(kafka)
    _produce(kafka, topic, b"hello")
    assert _consume(kafka, topic) == b"hello"


def test_a_topic_is_not_made_by_using_it(kafka: KafkaNode) -> None:
    admin = AdminClient({"bootstrap.servers": kafka.address})
    admin.list_topics("nobody-made-me", timeout=30)
    assert "nobody-made-me" not in admin.list_topics(timeout=30).topics


def test_records_and_address_survive_a_crash_and_a_restart(
    kafka_jars: None, tmp_path: Path
) -> None:
    with KafkaNode(tmp_path) as node:
        address, topic = node.address, _create_topic(node)
        _produce(node, topic, b"kept")
        node.kill()
        node.start()
        node.restart()
        assert node.address == address
        assert _consume(node, topic) == b"kept"


def test_a_stopped_node_answers_nobody(kafka_jars: None, tmp_path: Path) -> None:
    with KafkaNode(tmp_path) as node:
        pid = node.pid
        assert pid is not None
        node.stop()
        assert node.pid is None
        admin = AdminClient({"bootstrap.servers": node.address, "log_level": 0})
        with pytest.raises(KafkaException):
            admin.list_topics(timeout=1)


def test_a_node_that_cannot_start_shows_the_end_of_its_log(
    kafka_jars: None, tmp_path: Path
) -> None:
    node = KafkaNode(tmp_path, settings={"broker.rack": "r1", "num.partitions": "none"})
    with pytest.raises(KafkaNodeError, match=r"num\.partitions"):
        node.start()
