"""What a worker still waits for before its numbers are whole."""

from collections.abc import Iterator
from itertools import groupby

from monitor.snapshot import Progress


def missing(progress: Progress) -> list[str]:
    """A sentence for each thing that is not done yet; none where the worker is ready.

    A worker that has joined its group and got no partition has nothing to wait for.
    """
    if not progress.joined:
        return ["The worker is not in its consumer group."]
    return [*_restoring(progress), *_catching_up(progress)]


def _restoring(progress: Progress) -> Iterator[str]:
    for partition, share in sorted(progress.recovering.items()):
        yield f"Partition {partition}: {share:.0%} of its ledger is restored."


def _catching_up(progress: Progress) -> Iterator[str]:
    waiting = [
        stats
        for stats in progress.partitions
        if not stats.ready and stats.partition not in progress.recovering
    ]
    for partition, found in groupby(waiting, lambda stats: stats.partition):
        behind = [f"{stats.topic} {stats.lag}" for stats in found if stats.lag]
        if behind:
            yield f"Partition {partition}: records still to read: {', '.join(behind)}."
        else:
            yield f"Partition {partition}: all is read, its levels are not decided yet."
