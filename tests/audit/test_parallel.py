"""Processes that replay parts of topics."""

from pathlib import Path

import pytest

from monitor.audit.console import Remarks
from monitor.audit.kafka_source import KafkaSource
from monitor.audit.parallel import Plan, answers_of
from monitor.cluster import Cluster


def test_a_process_that_dies_is_no_answer(tmp_path: Path) -> None:
    source = KafkaSource(Cluster(("127.0.0.1:1",)))
    plan = Plan((tmp_path / "nowhere.toml",), 0)
    remarks = Remarks(lambda line: None)
    with pytest.raises(RuntimeError, match="has died"):
        list(answers_of(plan, [source], [0], 2, remarks, lambda weight: None))
