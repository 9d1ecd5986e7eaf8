"""Whether an event lies where its key belongs, as the live worker asks too."""

from monitor.audit.verification import partition_of
from monitor.core.events import Event, check_recorded
from monitor.core.instants import Instant
from monitor.errors import InvalidEvent, InvalidReason


def check_placed(
    event: Event,
    key: bytes | None,
    recorded_at: Instant,
    partition: int,
    counts: tuple[int, ...],
) -> None:
    """Check an event of a source topic against what carried it.

    Args:
        event: what a record's value says.
        key: the record's key.
        recorded_at: its Kafka timestamp.
        partition: where it lies.
        counts: how many partitions the topic has, then how many it once had.

    Raises:
        InvalidEvent: key, timestamp or partition do not fit the event.
    """
    check_recorded(event, key, recorded_at)
    due = [partition_of(key or b"", count) for count in counts]
    if partition not in due:
        raise InvalidEvent(
            InvalidReason.WRONG_PARTITION, f"key {key!r} belongs into partition {due[0]}"
        )
