"""Processes that replay parts of topics."""

from pathlib import Path

import pytest

from monitor.audit.console import Remarks
from monitor.audit.kafka_source import KafkaSource
from monitor.audit.parallel import Crew, Plan
from monitor.cluster import Cluster


def test_a_process_that_dies_is_no_answer(tmp_path: Path) -> None:
    source = KafkaSource(Cluster(("127.0.0.1:1",)))
    plan = Plan((tmp_path / "nowhere.toml",), 0)
    remarks = Remarks(lambda line: None)
    with Crew(plan, 2) as crew, pytest.raises(RuntimeError, match="has died"):
        list(crew.answers({0: source}, remarks, lambda weight: None))
