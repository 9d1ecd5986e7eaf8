"""A short form of the kills of a delivery; `make test-faults` kills it longer."""

import sys
from pathlib import Path

import pytest

from deploy.kafka.node import KafkaNode
from tests.faults.delivery import SHORT, killing_delivery

SEED = 7


@pytest.mark.slow
async def test_kills_between_any_two_steps_of_delivery_lose_nothing(
    kafka: KafkaNode, tmp_path: Path
) -> None:
    verdict = await killing_delivery(kafka, SHORT, SEED, tmp_path)
    assert verdict.faults == []
    assert verdict.figures["kills"] == len(SHORT)
    sys.stdout.write(f"{verdict.figures}\n")
