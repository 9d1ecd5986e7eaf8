"""What compose.yaml tells Kafka, Prometheus and Alertmanager, taken by the programs themselves."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient, BrokerMetadata, ConfigResource

from deploy.kafka.node import KafkaNode, free_ports
from tests.conftest import missing
from tests.deploy.checking import Document, compose_config

ENVIRONMENT = {"GRAFANA_ADMIN_PASSWORD_FILE": "./secrets/grafana-admin-password"}
# Debian's names of the programs.
PROGRAMS = {"prometheus": "prometheus", "alertmanager": "prometheus-alertmanager"}


@pytest.fixture(scope="module")
def services() -> dict[str, Document]:
    found: dict[str, Document] = compose_config(environment=ENVIRONMENT)["services"]
    return found


def properties(variables: dict[str, str], outside_port: int) -> dict[str, str]:
    """Kafka's own names of what the image is given, with places of this machine."""
    found = {
        name.removeprefix("KAFKA_").lower().replace("_", "."): value
        for name, value in variables.items()
        if name.startswith("KAFKA_") and name != "KAFKA_HEAP_OPTS"
    }
    places = {
        r"//(kafka|localhost)?:": "//127.0.0.1:",
        r"@localhost:": "@127.0.0.1:",
        r":9092": ":${port}",
        r":9093": ":${controller_port}",
        r":9094": f":{outside_port}",
        r"^/var/lib/kafka/data$": "${data_dir}",
    }
    for pattern, place in places.items():
        found = {name: re.sub(pattern, place, value) for name, value in found.items()}
    return found


@pytest.mark.slow
@pytest.mark.usefixtures("kafka_jars")
def test_kafka_serves_inside_and_outside_and_knows_every_setting(
    services: dict[str, Document], tmp_path: Path
) -> None:
    (outside_port,) = free_ports(1)
    settings = properties(services["kafka"]["environment"], outside_port)
    with KafkaNode(tmp_path / "node", settings=settings) as node:
        for address in (node.address, f"127.0.0.1:{outside_port}"):
            (broker,) = brokers(address).values()
            assert f"{broker.host}:{broker.port}" == address
        taken = broker_settings(node.address)
    assert settings.keys() <= taken.keys()
    as_they_are = {name: value for name, value in settings.items() if "$" not in value}
    assert as_they_are.items() <= taken.items()


def brokers(address: str) -> dict[int, BrokerMetadata]:
    found: dict[int, BrokerMetadata] = client(address).list_topics(timeout=20).brokers
    return found


def broker_settings(address: str) -> dict[str, str]:
    """The settings that the broker knows, and their values."""
    asking = client(address)
    (found,) = asking.describe_configs([ConfigResource("BROKER", "1")]).values()
    return {name: entry.value for name, entry in found.result(20).items()}


def client(address: str) -> AdminClient:
    return AdminClient({"bootstrap.servers": address})


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_knows_every_flag_that_it_is_given(
    services: dict[str, Document], name: str
) -> None:
    program = shutil.which(PROGRAMS[name])
    if program is None:
        missing(f"{PROGRAMS[name]} comes with `make test`")
    done = subprocess.run(  # noqa: S603 - a program of our own choice
        [str(program), "--help"], capture_output=True, text=True, check=False
    )
    flags = {word.partition("=")[0] for word in services[name]["command"]}
    known = set(re.findall(r"--[\w.-]+", done.stdout + done.stderr))
    assert len(flags) >= 3
    assert flags <= known
