"""A topic in which nothing comes is told of by the broker all the same."""

import asyncio

from deploy.kafka.node import KafkaNode
from monitor.cluster import Cluster
from monitor.core.events import SOURCE_TOPICS
from monitor.stream.clock import EventClock
from monitor.stream.topics import prepare_topics
from monitor.stream.worker import Worker
from tests.stream.delivery.fakes import NOON
from tests.stream.live import PLAN, one_metric_rulebook, order, own_settings, publishing, until


async def test_the_broker_answers_of_each_topic_though_nothing_comes(kafka: KafkaNode) -> None:
    settings = own_settings(Cluster((kafka.address,)))
    await prepare_topics(settings.cluster, settings.names, PLAN)
    async with publishing(settings) as publisher:
        await publisher.send("orders", [order(1, "s1")])
    async with Worker(settings, one_metric_rulebook(), EventClock(NOON)) as worker:
        await worker.applied(publisher.ends)
        answers = worker._ownership.answers
        await until(
            lambda: set(answers(0)) == set(SOURCE_TOPICS) and None not in answers(0).values()
        )
        before = answers(0)
        await asyncio.sleep(2)
        assert all((answers(0)[topic] or 0) > (before[topic] or 0) for topic in SOURCE_TOPICS)
