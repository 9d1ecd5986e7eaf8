"""The ``evaluations`` topic: the points at which levels were decided (contract, alerts.md)."""

from collections.abc import Mapping

from monitor.core.position import Point
from monitor.stream.deadletters import Producer
from monitor.stream.publication import Message, publish


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
    key = str(number).encode()
    about = f"point of partition {number}"
    return Message(about, key, point.entry(number), number, point.headers())
