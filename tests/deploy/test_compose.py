"""compose.yaml as docker compose itself reads it: pinned, hardened, without a default password."""

import re
from pathlib import Path
from string import Template

import pytest

from monitor.settings import load_configuration
from tests.conftest import missing
from tests.deploy.checking import DEPLOY, Document, compose_config, run, yaml_file

ENVIRONMENT = {"GRAFANA_ADMIN_PASSWORD_FILE": "./secrets/grafana-admin-password"}
SERVICES = {"kafka", "monitor", "prometheus", "alertmanager", "grafana"}


@pytest.fixture(scope="module")
def services() -> dict[str, Document]:
    found: dict[str, Document] = compose_config("--profile", "demo", environment=ENVIRONMENT)[
        "services"
    ]
    return found


def test_the_feeder_comes_only_with_the_profile_demo(services: dict[str, Document]) -> None:
    assert set(compose_config(environment=ENVIRONMENT)["services"]) == SERVICES
    assert set(services) == SERVICES | {"feeder"}


def test_nothing_starts_without_a_password_for_grafana() -> None:
    done = run("docker-compose", "--file", "compose.yaml", "--env-file", "/dev/null", "config")
    assert done.returncode != 0
    assert "GRAFANA_ADMIN_PASSWORD_FILE" in done.stderr


def test_the_example_of_an_environment_is_enough_and_is_read() -> None:
    example = DEPLOY / ".env.example"
    done = run(
        "docker-compose", "--file", "compose.yaml", "--env-file", str(example), "config", "--quiet"
    )
    assert done.returncode == 0, done.stderr
    given = set(re.findall(r"^([A-Z_]+)=", example.read_text(), re.MULTILINE))
    asked = set(re.findall(r"\$\{([A-Z_]+)", (DEPLOY / "compose.yaml").read_text()))
    assert given == asked


def test_two_workers_share_the_work(services: dict[str, Document]) -> None:
    assert services["monitor"]["deploy"]["replicas"] == 2
    more = compose_config(environment={**ENVIRONMENT, "MONITOR_REPLICAS": "5"})
    assert more["services"]["monitor"]["deploy"]["replicas"] == 5


def test_every_image_is_pinned(services: dict[str, Document]) -> None:
    for name, service in services.items():
        tag = service["image"].partition(":")[2]
        assert "build" in service or re.fullmatch(r"v?\d+\.\d+\.\d+", tag), name


def test_every_service_is_hardened_limited_and_started_again(services: dict[str, Document]) -> None:
    for name, service in services.items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["restart"] == "unless-stopped", name
        assert int(service["mem_limit"]) > 0, name
        assert not service.get("privileged"), name
    assert {name for name, one in services.items() if not one.get("read_only")} == {"kafka"}


def test_every_service_that_serves_has_a_health_check(services: dict[str, Document]) -> None:
    # The monitor's is that of its image.
    assert "HEALTHCHECK" in (DEPLOY / "Dockerfile").read_text()
    without = {
        name for name, service in services.items() if "test" not in service.get("healthcheck", {})
    }
    assert without == {"monitor", "feeder"}


def test_ports_are_published_on_this_machine_only(services: dict[str, Document]) -> None:
    published = [port for service in services.values() for port in service.get("ports", ())]
    assert {port["published"] for port in published} == {"9094", "9090", "9093", "3000"}
    assert {port["host_ip"] for port in published} == {"127.0.0.1"}


def test_what_keeps_data_keeps_it_in_a_volume(services: dict[str, Document]) -> None:
    kept = {
        name: {volume["target"] for volume in service["volumes"] if volume["type"] == "volume"}
        for name, service in services.items()
    }
    assert kept == {
        "kafka": {"/var/lib/kafka/data"},
        "prometheus": {"/prometheus"},
        "alertmanager": {"/alertmanager"},
        "grafana": {"/var/lib/grafana"},
        "monitor": set(),
        "feeder": set(),
    }


def test_everything_that_is_mounted_is_here_and_read_only(services: dict[str, Document]) -> None:
    for name, service in services.items():
        for volume in service["volumes"]:
            if volume["type"] == "bind":
                assert Path(volume["source"]).exists(), (name, volume["source"])
                assert volume["read_only"], (name, volume["target"])


def test_secrets_are_files_and_no_variable_holds_one(services: dict[str, Document]) -> None:
    for name, service in services.items():
        for variable in service.get("environment", {}):
            secret = re.search(r"PASSWORD|SECRET|TOKEN|_KEY", variable)
            assert not secret or variable.endswith(("_FILE", "__FILE")), (name, variable)


def test_the_workers_settings_are_sound_inside_the_container(
    services: dict[str, Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in services["monitor"]["environment"].items():
        monkeypatch.setenv(name, value)
    configuration = load_configuration(DEPLOY / "monitor.toml")
    assert configuration.warnings == ()
    settings = configuration.settings
    assert settings.kafka.bootstrap_servers == ("kafka:9092",)
    assert settings.topics.replication_factor == 1
    (mounted,) = (one["target"] for one in services["monitor"]["volumes"])
    # Relative paths of policies lead to those of the image, which has the tree's own places.
    assert mounted == "/srv/monitor/deploy/monitor.toml"
    assert services["monitor"]["command"] == ["run", "--config", "deploy/monitor.toml"]


def test_kafka_is_the_release_that_the_tests_run_on(services: dict[str, Document]) -> None:
    version = services["kafka"]["image"].partition(":")[2]
    assert f"<kafka.version>{version}</kafka.version>" in (DEPLOY / "kafka/pom.xml").read_text()


def test_kafka_advertises_only_what_is_listened_on(services: dict[str, Document]) -> None:
    settings = services["kafka"]["environment"]
    listening = dict(re.findall(r"(\w+)://[^:,]*:(\d+)", settings["KAFKA_LISTENERS"]))
    advertised = dict(re.findall(r"(\w+)://[^:,]*:(\d+)", settings["KAFKA_ADVERTISED_LISTENERS"]))
    assert advertised.items() <= listening.items()
    assert yaml_file(DEPLOY / "compose.yaml")["name"] == "seller-health"


@pytest.mark.parametrize("name", ["prometheus", "alertmanager"])
def test_a_program_finds_the_file_that_it_is_told_to_read(
    services: dict[str, Document], name: str
) -> None:
    (file,) = (
        Path(word.removeprefix("--config.file="))
        for word in services[name]["command"]
        if word.startswith("--config.file=")
    )
    (mount,) = (one for one in services[name]["volumes"] if one["target"] == str(file.parent))
    _require(Path(mount["source"]) / file.name)


def test_prometheus_asks_only_services_that_are_there(services: dict[str, Document]) -> None:
    file = DEPLOY / "prometheus" / "prometheus.yml"
    _require(file)
    hosts = set(re.findall(r"([a-z]+):\d{4}", file.read_text())) - {"localhost"}
    assert "monitor" in file.read_text()
    assert hosts <= services.keys()


def _require(path: Path) -> None:
    if not path.exists():
        missing(f"{path.relative_to(DEPLOY)} is not there")


def test_grafana_looks_for_dashboards_and_data_where_they_are(
    services: dict[str, Document],
) -> None:
    provisioning = DEPLOY / "grafana" / "provisioning"
    providers = [
        provider["options"]["path"]
        for file in provisioning.glob("dashboards/*.y*ml")
        for provider in yaml_file(file)["providers"]
    ]
    variables = services["grafana"]["environment"]
    sources = [
        Template(source["url"]).substitute(variables)
        for file in provisioning.glob("datasources/*.y*ml")
        for source in yaml_file(file)["datasources"]
    ]
    if not providers and not sources:
        pytest.skip("Grafana is not provisioned")
    mounts = {one["target"]: Path(one["source"]) for one in services["grafana"]["volumes"]}
    for path in providers:
        assert list(mounts[path].rglob("*.json")), path
    assert providers
    assert "http://prometheus:9090" in sources
