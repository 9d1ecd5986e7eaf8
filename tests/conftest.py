"""What every test may use: Hypothesis profiles, the real events, a real Kafka node."""

import gc
import os
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from deploy.kafka.node import KafkaNode, KafkaNodeError, fetch_jars

ROOT = Path(__file__).resolve().parent.parent
IN_CI = bool(os.environ.get("CI"))

# The same examples on every run, so that a failure there is one here; no deadline, since other
# programs share the machine. `HYPOTHESIS_PROFILE=nightly` looks much longer.
_SHARED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", _SHARED, derandomize=True, max_examples=100, print_blob=True)
settings.register_profile("dev", _SHARED, max_examples=50)
settings.register_profile("nightly", _SHARED, max_examples=5000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if IN_CI else "dev"))

# Nodes live for seconds here: optimising their code takes more time than it saves.
os.environ.setdefault("JDK_JAVA_OPTIONS", "-XX:TieredStopAtLevel=1")


def missing(what: str) -> None:
    """Skips the test for want of something, or fails it in CI, where nothing may be missing."""
    if IN_CI:
        pytest.fail(what, pytrace=False)
    pytest.skip(what)


@pytest.fixture(scope="session")
def shared_data() -> Callable[[str], Path]:
    """The path of a file of real events by its name; they lie beside the project."""

    def path_of(name: str) -> Path:
        path = ROOT.parent / "shared" / "data" / name
        if not path.is_file():
            missing(f"the real events are not here: ../shared/data/{name}")
        return path

    return path_of


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaNode]:
    """A real Kafka node for the whole run: use topics and groups of your own in it.

    A test that stops or restarts a node starts its own with `KafkaNode(tmp_path)`.
    """
    require_kafka()
    with KafkaNode(tmp_path_factory.mktemp("kafka") / "node") as node:
        yield node


@pytest.fixture(scope="session")
def kafka_jars() -> None:
    """Kafka's jars are there, for a test that starts nodes itself."""
    require_kafka()


def require_kafka() -> None:
    """Fetches Kafka's jars if need be; skips the test where that is impossible."""
    try:
        fetch_jars()
    except KafkaNodeError as error:
        missing(str(error))


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item) -> None:
    """Fails a test on real Kafka for what it left open, rather than the one that comes upon it.

    But not for a connection that the client forgets where its start is cancelled
    (``AIOKafkaClient.bootstrap``): nobody else can close that.
    """
    if item.get_closest_marker("kafka") is None:
        return
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ResourceWarning)
        gc.collect()
    left = [str(warning.message) for warning in caught]
    if left and not any("Unclosed AIOKafkaConnection" in message for message in left):
        pytest.fail("\n".join(left), pytrace=False)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks what asks for a real node, so that `-m 'not kafka'` leaves it out."""
    for item in items:
        if {"kafka", "kafka_jars"} & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.kafka)
