"""What docs/operations.md says of lost topics and of a trial beside the others, on real Kafka."""

import asyncio
import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict, fields
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from deploy.kafka.node import KafkaNode
from monitor.cluster import Cluster
from monitor.core.events import SOURCE_TOPICS
from monitor.core.readings import Level
from monitor.live import worker_settings
from monitor.settings import load_configuration
from monitor.stream.topics import TopicNames
from monitor.stream.worker import Worker, WorkerSettings
from tests.conftest import ROOT
from tests.stream.live import (
    Publisher,
    cancellation,
    one_metric_rulebook,
    order,
    own_settings,
    publishing,
    until,
)

OURS = [field.name for field in fields(TopicNames) if field.name not in SOURCE_TOPICS]
Figures = dict[str, tuple[int, int | None, Level]]


@pytest.fixture
def settings(kafka: KafkaNode) -> WorkerSettings:
    return own_settings(Cluster((kafka.address,)))


async def _fill(publisher: Publisher) -> None:
    await publisher.send("orders", [order(n, f"s{n % 20}") for n in range(2000)])
    await publisher.send("orders", [cancellation(n, "s7") for n in range(7, 2000, 100)])


async def _figures(settings: WorkerSettings, publisher: Publisher) -> Figures:
    """What a worker says that is started, reads all there is, and ends."""
    async with Worker(settings, one_metric_rulebook()) as worker:
        await worker.applied(publisher.ends)
        await until(lambda: all(one.ready for one in worker.progress().partitions))
        snapshot = await worker.observe()
    return {
        reading.seller: (reading.numerator, reading.denominator, reading.level)
        for reading in snapshot.readings
    }


async def _lose(settings: WorkerSettings, names: Iterable[str]) -> None:
    lost = {asdict(settings.names)[name] for name in names}
    admin = AIOKafkaAdminClient(**settings.cluster.client_options())
    await admin.start()
    try:
        await admin.delete_topics(list(lost))
        # Kafka tells nobody that a topic is gone.
        while lost & set(await admin.list_topics()):  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    finally:
        await admin.close()


async def test_no_figure_rests_on_a_topic_that_the_monitor_writes(
    settings: WorkerSettings,
) -> None:
    async with publishing(settings) as publisher:
        await _fill(publisher)
        figures = await _figures(settings, publisher)
        assert len(figures) == 20
        assert figures["s7"] == (20, 100, Level.BREACHED)
        for names in ({*OURS} - {"alerts", "ledger"}, {"alerts"}, {"ledger"}):
            await _lose(settings, names)
            assert await _figures(settings, publisher) == figures, names


def _documented_trial() -> Iterator[tuple[str, str]]:
    """The variables of the command that docs/operations.md gives for a trial."""
    text = (ROOT / "docs" / "operations.md").read_text()
    (command,) = re.findall(r"```\n(MONITOR_CONSUMER__GROUP=.*?)```", text, re.DOTALL)
    for word in command.replace("\\\n", " ").split():
        if "=" in word:
            name, _, value = word.partition("=")
            yield name, value


@pytest.fixture
def trial(
    settings: WorkerSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> WorkerSettings:
    """The worker of that command, its file naming the same sources."""
    names = asdict(settings.names)
    sources = "\n".join(f'{topic} = "{names[topic]}"' for topic in SOURCE_TOPICS)
    file = tmp_path / "trial.toml"
    policy = ROOT / "config" / "policies" / "demo.toml"
    servers = settings.cluster.address
    file.write_text(
        f'policies = ["{policy}"]\n[kafka]\nbootstrap_servers = "{servers}"\n[topics]\n{sources}\n'
    )
    for name, value in _documented_trial():
        monkeypatch.setenv(name, value)
    return worker_settings(load_configuration(file))


async def test_a_trial_reads_the_same_sources_writes_elsewhere_and_says_the_same(
    settings: WorkerSettings, trial: WorkerSettings
) -> None:
    there, here = asdict(trial.names), asdict(settings.names)
    assert [there[topic] for topic in SOURCE_TOPICS] == [here[topic] for topic in SOURCE_TOPICS]
    assert all(there[name].startswith("trial-") for name in OURS)
    assert trial.membership.group == "trial"
    async with publishing(settings) as publisher:
        await _fill(publisher)
        figures = await _figures(settings, publisher)
        assert await _figures(trial, publisher) == figures
        assert await _figures(settings, publisher) == figures
