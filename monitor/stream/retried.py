"""Keeps out of the log, for a while, what the Kafka client calls an error and then tries again.

A cluster that has just made a topic, or met its first group, answers so for a second or two.
"""

import logging

_GRACE_SECONDS = 10.0
_APART_SECONDS = 30.0
_RETRIED = {
    "aiokafka.consumer.group_coordinator": "Group Coordinator Request failed: ",
    "aiokafka.producer.sender": "Got error produce response on topic-partition",
}


class RetriedErrors(logging.Filter):
    """Passes a retried error once it has come for ten seconds; everything else at once.

    What has not come for half a minute begins anew.
    """

    def __init__(self) -> None:
        super().__init__()
        self._spans: dict[str, tuple[float, float]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a record is for the log."""
        begin = _RETRIED.get(record.name)
        if begin is None or not record.getMessage().startswith(begin):
            return True
        first, last = self._spans.get(record.name, (record.created, record.created))
        if record.created - last > _APART_SECONDS:
            first = record.created
        self._spans[record.name] = first, record.created
        return record.created - first >= _GRACE_SECONDS


def keep_retried_errors_out() -> None:
    """Let the Kafka client's loggers pass by the filter; again without effect."""
    for name in _RETRIED:
        logging.getLogger(name).addFilter(_FILTER)


_FILTER = RetriedErrors()
