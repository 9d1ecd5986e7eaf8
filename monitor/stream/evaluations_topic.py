"""The ``evaluations`` topic: the points at which levels were decided (contract, alerts.md)."""

from collections.abc import Mapping

import msgspec

from monitor.core.position import Point
from monitor.stream.deadletters import Producer
from monitor.stream.publication import Message, publish

CAUGHT_UP = ("caught_up", b"true")
"""Header of the first point after a partition was read to its end: then all is looked at."""
POLICIES = "policies"
"""Header beside it: the digests of the policies that the worker had loaded, with commas between."""
PARTITIONS = "partitions"
"""Header beside it: how many each source topic had, so that an audit follows sellers that move."""
RULED_ANEW = "ruled_anew"
"""Header beside it: JSON list of the marketplaces under another policy than at the point before."""


class EvaluationsTopic:
    """Journals points, so that a replay can decide at the same ones.

    A point may be there twice, after a crash between the ledger and here: with the same bytes.

    Args:
        producer: sends to the partition that it is told.
        topic: its name.
    """

    def __init__(self, producer: Producer, topic: str) -> None:
        self._producer = producer
        self._topic = topic

    async def write(self, points: Mapping[int, Point]) -> None:
        """Journal points, by partition number; they are acknowledged afterwards."""
        messages = [message_of(number, point) for number, point in points.items()]
        await publish(self._producer, self._topic, messages)


def message_of(number: int, point: Point) -> Message:
    """The record of a point: JSON, keys sorted, no spaces."""
    headers: tuple[tuple[str, bytes], ...] = ()
    if point.caught_up:
        policies, partitions = ",".join(point.policies), str(point.partitions)
        headers = (CAUGHT_UP, (POLICIES, policies.encode()), (PARTITIONS, partitions.encode()))
    if point.ruled_anew:
        headers += ((RULED_ANEW, msgspec.json.encode(point.ruled_anew)),)
    key = str(number).encode()
    return Message(f"point of partition {number}", key, point.entry(number), number, headers)
