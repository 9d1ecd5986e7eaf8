"""One replay of some partitions of the source topics, in a process of its own.

Prints how many events it read, and when it began and had the readings, in seconds since 1970.
"""

import argparse
import json
import time
from pathlib import Path

from bench.events import PARTITIONS
from monitor.audit.kafka_source import KafkaSource, Until
from monitor.audit.replay import Intake, replay
from monitor.cluster import Cluster
from monitor.core.events import SOURCE_TOPICS
from monitor.garbage import collect_garbage_seldom
from monitor.policy import load_policies
from monitor.stream.topics import TopicNames


def main() -> None:
    """Replay the partitions that the arguments name."""
    parser = argparse.ArgumentParser()
    parser.add_argument("address")
    parser.add_argument("prefix")
    parser.add_argument("--ends", required=True, help="end offsets as JSON, by topic and partition")
    parser.add_argument("--policy", type=Path, nargs="+", required=True)
    asked = parser.parse_args()
    collect_garbage_seldom()
    names = TopicNames.prefixed(asked.prefix)
    ends = json.loads(asked.ends)
    until = Until(
        offsets={
            (topic, number): ends[topic][str(number)]
            for topic in SOURCE_TOPICS
            for number in range(PARTITIONS)
            if str(number) in ends[topic]
        }
    )
    rulebook = load_policies(asked.policy)
    source = KafkaSource(
        Cluster((asked.address,)), {topic: names.source(topic) for topic in SOURCE_TOPICS}, until
    )
    began_at = time.time()
    as_of = time.time_ns() // 1000
    engine, balance = replay(Intake(source, as_of, _no_error, _no_progress), rulebook)
    readings = len(engine.readings())
    told = {"events": balance.read, "began_at": began_at, "ended_at": time.time()}
    print(json.dumps(told | {"readings": readings}))


def _no_error(origin: str, error: Exception) -> None:
    raise AssertionError(origin) from error


def _no_progress(weight: int) -> None:
    """Nobody watches."""


if __name__ == "__main__":
    main()
