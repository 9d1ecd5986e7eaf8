"""What of the Kafka client's complaints is logged."""

import logging

import pytest
from aiokafka.errors import GroupCoordinatorNotAvailableError

from monitor.stream.retried import RetriedErrors

COORDINATOR, SENDER = "aiokafka.consumer.group_coordinator", "aiokafka.producer.sender"
FAILED = "Group Coordinator Request failed: %s"


def complaint(created: float, name: str = COORDINATOR, text: str = FAILED) -> logging.LogRecord:
    error = (GroupCoordinatorNotAvailableError(),) if "%s" in text else ()
    record = logging.LogRecord(name, logging.ERROR, "", 0, text, error, None)
    record.created = created
    return record


def logged(*complaints: logging.LogRecord) -> list[float]:
    known = RetriedErrors()
    return [one.created for one in complaints if known.filter(one)]


def test_what_is_over_within_ten_seconds_is_not_logged() -> None:
    assert logged(*(complaint(1000 + n) for n in range(10))) == []


def test_what_goes_on_is_logged_from_the_tenth_second_on() -> None:
    assert logged(*(complaint(1000 + n) for n in range(13))) == [1010, 1011, 1012]


def test_what_comes_again_much_later_has_its_own_ten_seconds() -> None:
    assert logged(complaint(1000), complaint(1031), complaint(1040)) == []


def test_one_clients_trouble_is_not_anothers() -> None:
    text = "Got error produce response on topic-partition %s"
    assert logged(complaint(1000), complaint(1012, SENDER, text), complaint(1013)) == [1013]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (COORDINATOR, "Heartbeat failed: local member_id was not recognized"),
        (SENDER, "Unexpected error in sender routine"),
        ("aiokafka.conn", FAILED),
    ],
)
def test_everything_else_is_logged_at_once(name: str, text: str) -> None:
    assert logged(complaint(1000, name, text)) == [1000]
