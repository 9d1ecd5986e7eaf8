"""A short form of each trial of crash safety; `make test-faults` runs them at full length."""

import asyncio
from pathlib import Path

import pytest

from deploy.kafka.node import KafkaNode
from tests.faults.trials import SHORT, TRIALS, ground
from tests.faults.verdict import Verdict

SEED = 7
Verdicts = dict[str, Verdict | BaseException]


async def _tried(trial: str, node: KafkaNode, directory: Path) -> Verdict:
    async with ground(node, SHORT, SEED, directory) as where:
        return await TRIALS[trial](where)


async def _tried_at_once(node: KafkaNode, other: KafkaNode, directory: Path) -> Verdicts:
    nodes = dict.fromkeys(TRIALS, node) | {"restarting": other}
    trials = [_tried(trial, nodes[trial], directory / trial) for trial in TRIALS]
    return dict(zip(TRIALS, await asyncio.gather(*trials, return_exceptions=True), strict=True))


@pytest.fixture(scope="module")
def verdicts(kafka: KafkaNode, tmp_path_factory: pytest.TempPathFactory) -> Verdicts:
    """All trials take place at once: most of their time they wait for sessions to end."""
    directory = tmp_path_factory.mktemp("faults")
    for trial in TRIALS:
        (directory / trial).mkdir()
    with KafkaNode(directory / "node") as other:
        return asyncio.run(_tried_at_once(kafka, other, directory))


@pytest.mark.slow
@pytest.mark.parametrize("trial", TRIALS)
def test_whatever_befalls_workers_and_broker_every_number_and_alert_is_right(
    trial: str, verdicts: Verdicts
) -> None:
    verdict = verdicts[trial]
    if isinstance(verdict, BaseException):
        raise verdict
    assert verdict.faults == []
    assert verdict.figures["alert_records"] > 0
