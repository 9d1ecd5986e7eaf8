"""When a worker is ready, and what it says until then."""

from monitor.exporter.readiness import missing
from monitor.snapshot import PartitionStats, Progress
from tests.exporter.test_exporter import READY, Shown, fetched, snapshot


def stats(topic: str, partition: int, lag: int, *, ready: bool) -> PartitionStats:
    return PartitionStats(topic, partition, 9, 9, 0, 0, 0, None, lag, ready)


def test_a_worker_that_has_not_joined_is_not_ready() -> None:
    progress = Progress(joined=False, recovering={}, partitions=())
    assert missing(progress) == ["The worker is not in its consumer group."]


def test_a_worker_that_has_joined_without_partitions_is_ready() -> None:
    assert missing(READY) == []


def test_a_partition_that_is_being_restored_says_how_far_it_is() -> None:
    progress = Progress(joined=True, recovering={3: 0.256, 1: 0.0}, partitions=())
    assert missing(progress) == [
        "Partition 1: 0% of its ledger is restored.",
        "Partition 3: 26% of its ledger is restored.",
    ]


def test_a_partition_that_is_catching_up_says_how_much_is_to_be_read() -> None:
    found = (
        stats("orders", 0, 0, ready=True),
        stats("orders", 2, 1200, ready=False),
        stats("feedback", 2, 0, ready=False),
        stats("claims", 2, 7, ready=False),
    )
    progress = Progress(joined=True, recovering={}, partitions=found)
    assert missing(progress) == ["Partition 2: records still to read: orders 1200, claims 7."]


def test_a_partition_that_is_read_is_ready_once_its_levels_are_decided() -> None:
    found = (stats("orders", 2, 0, ready=False),)
    assert missing(Progress(joined=True, recovering={}, partitions=found)) == [
        "Partition 2: all is read, its levels are not decided yet."
    ]


def test_records_that_came_later_do_not_take_readiness_away() -> None:
    found = (stats("orders", 2, 500, ready=True),)
    assert missing(Progress(joined=True, recovering={}, partitions=found)) == []


async def test_readyz_is_503_with_what_is_missing_and_200_without() -> None:
    recovering = Progress(joined=True, recovering={2: 0.5}, partitions=())
    said = await fetched(Shown(snapshot(), recovering), "/readyz")
    assert said == (503, "Partition 2: 50% of its ledger is restored.\n")
    assert await fetched(Shown(snapshot(), READY), "/readyz") == (200, "ready\n")


async def test_livez_is_200_even_where_the_worker_is_not_ready() -> None:
    joining = Progress(joined=False, recovering={}, partitions=())
    assert await fetched(Shown(snapshot(), joining), "/livez") == (200, "alive\n")
