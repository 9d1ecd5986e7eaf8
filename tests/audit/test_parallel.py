"""How the partitions of a replay are shared out among processes."""

import io
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.audit.console import Remarks
from monitor.audit.files import FileSource
from monitor.audit.kafka_source import KafkaSource
from monitor.audit.parallel import Plan, Streams, groups_of, replay_in_processes, replaying
from monitor.audit.spans import Span, Where
from monitor.cluster import Cluster
from monitor.core.events import SOURCE_TOPICS

numbers = st.integers(1, 12)


@given(numbers, numbers, st.lists(numbers, max_size=2), st.integers(0, 10_000))
def test_no_seller_is_in_two_processes_and_no_partition_is_forgotten(
    workers: int, partitions: int, earlier: list[int], digest: int
) -> None:
    spans: dict[Where, Span] = {
        (topic, number): Span(0, 1 + number)
        for topic in SOURCE_TOPICS
        for number in range(partitions)
    }
    groups = groups_of(spans, workers, partitions, earlier)
    assert len(groups) <= workers
    assert Counter(where for group in groups for where in group) == Counter(list(spans))
    homes = {digest % count for count in (partitions, *earlier)}
    of_the_seller = [group for group in groups if any(number in homes for _, number in group)]
    assert len(of_the_seller) == 1


def test_processes_have_about_as_much_to_read() -> None:
    spans: dict[Where, Span] = {
        ("orders", number): Span(0, size) for number, size in enumerate([50, 10, 20, 30])
    }
    groups = groups_of(spans, 2, 4, ())
    weights = [sum(span.end for span in group.values()) for group in groups]
    assert sorted(weights) == [50, 60]


def test_a_process_that_dies_is_no_answer(tmp_path: Path) -> None:
    source = KafkaSource(Cluster(("127.0.0.1:1",)))
    plan = Plan((tmp_path / "nowhere.toml",), 0)
    remarks = Remarks(lambda line: None)
    with (
        pytest.raises(RuntimeError, match="has died"),
        replaying(plan, [source], remarks, lambda weight: None),
    ):
        pytest.fail("nobody has read anything")


def test_files_have_no_partitions_to_share_out(tmp_path: Path) -> None:
    streams = Streams(io.StringIO(), io.StringIO())
    with pytest.raises(TypeError, match="only topics"):
        replay_in_processes(FileSource([]), Plan((tmp_path,), 0), 2, "jsonl", streams)
