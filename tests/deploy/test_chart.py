"""The Helm chart: lint, schemas of Kubernetes, and what it makes of values."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from monitor import __version__
from monitor.settings import load_configuration
from tests.deploy.checking import DEPLOY, Document, documents, run, yaml_file

CHART = DEPLOY / "helm" / "seller-health-monitor"
EVERYTHING = ("--values", str(DEPLOY / "checks" / "values.yaml"))
LEAST = ("--set", "image.repository=example", "--set", "kafka.bootstrapServers=k:9092")
OLDEST, NEWEST = "1.27.0", "1.37.0"

Rendered = Callable[..., str]


def template(*arguments: str, version: str = NEWEST) -> subprocess.CompletedProcess[str]:
    return run("helm", "template", "trial", str(CHART), "--kube-version", version, *arguments)


def rendered(*arguments: str, version: str = NEWEST) -> str:
    done = template(*arguments, version=version)
    assert done.returncode == 0, done.stderr
    return done.stdout


def one(kind: str, *arguments: str) -> Document:
    (found,) = (one for one in documents(rendered(*arguments)) if one["kind"] == kind)
    return found


def pod(*arguments: str) -> Document:
    spec: Document = one("StatefulSet", *arguments)["spec"]["template"]["spec"]
    return spec


def environment(spec: Document) -> dict[str, str]:
    """The variables of the only container that have a value of their own."""
    (container,) = spec["containers"]
    return {one["name"]: one["value"] for one in container["env"] if "value" in one}


@pytest.mark.parametrize("arguments", [EVERYTHING, LEAST], ids=["everything", "least"])
def test_helm_finds_nothing_wrong(arguments: tuple[str, ...]) -> None:
    done = run("helm", "lint", "--strict", str(CHART), "--kube-version", NEWEST, *arguments)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
@pytest.mark.parametrize("arguments", [EVERYTHING, LEAST], ids=["everything", "least"])
def test_kubernetes_would_take_it(arguments: tuple[str, ...], version: str, tmp_path: Path) -> None:
    file = tmp_path / "rendered.yaml"
    file.write_text(rendered(*arguments, version=version))
    done = run("kubernetes-validate", "-k", version, "--strict", "--no-warn", str(file))
    assert done.returncode == 0, done.stdout + done.stderr
    own = [d for d in documents(file.read_text()) if "monitoring.coreos.com" not in d["apiVersion"]]
    assert done.stdout.count("passed") + done.stderr.count("passed") == len(own)


def test_the_prometheus_operator_would_take_it() -> None:
    text = rendered(*EVERYTHING)
    kinds = [document["kind"] for document in documents(text)]
    expected = kinds.count("ServiceMonitor") + kinds.count("PrometheusRule")
    checks = str(DEPLOY / "checks" / "custom_resources.py")
    done = run("python", checks, text=text)
    assert (done.returncode, done.stdout) == (0, f"{expected} right\n")
    misspelt = run("python", checks, text=text.replace("scrapeTimeout:", "scrapeTimeOut:"))
    assert misspelt.returncode == 1
    assert "a key that is not known" in misspelt.stdout


def test_the_job_is_called_as_the_rules_name_it_whatever_the_release_is_called() -> None:
    monitor = one("ServiceMonitor", *EVERYTHING, "--set", "nameOverride=other")
    (endpoint,) = monitor["spec"]["endpoints"]
    (relabeling,) = endpoint["relabelings"]
    assert relabeling == {"targetLabel": "job", "replacement": "seller-health-monitor"}


def test_a_rule_resource_holds_each_file_of_rules_as_it_is() -> None:
    made = [d["spec"] for d in documents(rendered(*EVERYTHING)) if d["kind"] == "PrometheusRule"]
    files = sorted((DEPLOY / "prometheus" / "rules").glob("*.yml"))
    assert made == [yaml_file(file) for file in files]


def test_a_config_map_holds_each_dashboard_as_it_is() -> None:
    made = {
        name: json.loads(text)
        for document in documents(rendered(*EVERYTHING))
        if document["metadata"]["labels"].get("grafana_dashboard") == "1"
        for name, text in document["data"].items()
    }
    files = (DEPLOY / "grafana" / "dashboards").glob("*.json")
    assert made == {file.name: json.loads(file.read_text()) for file in files}


def test_what_needs_other_operators_is_off_until_asked_for() -> None:
    kinds = {document["kind"] for document in documents(rendered(*LEAST))}
    assert kinds == {
        *("StatefulSet", "Service", "ConfigMap", "ServiceAccount"),
        *("PodDisruptionBudget", "NetworkPolicy"),
    }


def test_the_version_is_the_programs() -> None:
    assert yaml_file(CHART / "Chart.yaml")["appVersion"] == __version__
    (container,) = pod(*LEAST)["containers"]
    assert container["image"] == f"example:{__version__}"


def test_a_pod_is_restricted_as_the_strictest_pod_security_standard_asks() -> None:
    spec = pod(*LEAST)
    (container,) = spec["containers"]
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert spec["automountServiceAccountToken"] is False
    assert not any("hostPath" in volume for volume in spec["volumes"])


def test_the_user_is_the_images() -> None:
    said = f"USER {pod(*LEAST)['securityContext']['runAsUser']}:"
    assert said in (DEPLOY / "Dockerfile").read_text()


def test_probes_ask_the_pages_that_the_worker_serves() -> None:
    (container,) = pod(*LEAST)["containers"]
    asked = {name: container[name]["httpGet"]["path"] for name in container if "Probe" in name}
    assert asked == {
        "startupProbe": "/livez",
        "livenessProbe": "/livez",
        "readinessProbe": "/readyz",
    }
    assert container["ports"] == [{"name": "http", "containerPort": 9464}]


def test_each_worker_is_a_static_member_under_its_pods_name() -> None:
    (container,) = pod(*LEAST)["containers"]
    (instance,) = (e for e in container["env"] if e["name"] == "MONITOR_CONSUMER__INSTANCE_ID")
    assert instance["valueFrom"] == {"fieldRef": {"fieldPath": "metadata.name"}}


def test_secrets_are_only_referred_to() -> None:
    text = rendered(*EVERYTHING)
    assert not [document for document in documents(text) if document["kind"] == "Secret"]
    named = {
        source["secret"]["name"]
        for volume in pod(*EVERYTHING)["volumes"]
        for source in volume.get("projected", {}).get("sources", ())
    }
    assert named == {"kafka-login", "kafka-ca", "kafka-client", "slack"}


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (("--set", "kafka.bootstrapServers=k:9092"), "image.repository is needed"),
        (("--set", "image.repository=x"), "kafka.bootstrapServers is needed"),
        ((*LEAST, "--set", "kafka.bootstrapServer=k:9092"), "bootstrapServer"),
        ((*LEAST, "--set", "kafka.bootstrapServers=k"), "does not match pattern"),
        ((*LEAST, "--set", "replicaCount=0"), "minimum"),
        ((*LEAST, "--set", "image.digest=latest"), "does not match pattern"),
        ((*LEAST, "--set", "kafka.securityProtocol=SASL_SSL"), "kafka.username is needed"),
        (
            (*LEAST, "--set", "kafka.securityProtocol=SASL_SSL,kafka.username=u"),
            "kafka.passwordSecret.name is needed",
        ),
    ],
)
def test_values_that_cannot_work_are_refused(values: tuple[str, ...], said: str) -> None:
    done = template(*values)
    assert done.returncode != 0
    assert said in done.stderr


def test_changed_settings_start_the_pods_anew() -> None:
    def checksum(*arguments: str) -> str:
        template = one("StatefulSet", *LEAST, *arguments)["spec"]["template"]
        found: str = template["metadata"]["annotations"]["checksum/settings"]
        return found

    assert checksum() == checksum("--set", "replicaCount=5")
    assert checksum() != checksum("--set", "settings=tick_seconds = 2")


def test_the_settings_that_come_with_the_chart_are_sound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config").symlink_to(DEPLOY.parent / "config")
    settings = tmp_path / "settings"
    settings.mkdir()
    for name, text in one("ConfigMap", *LEAST)["data"].items():
        (settings / name).write_text(text)
    for name, value in environment(pod(*LEAST)).items():
        monkeypatch.setenv(name, value)
    configuration = load_configuration(settings / "monitor.toml")
    assert configuration.warnings == ()
    assert configuration.settings.kafka.bootstrap_servers == ("k:9092",)
    assert configuration.settings.consumer.session_timeout_seconds == 30


def test_every_variable_of_the_full_example_is_a_setting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    example = tmp_path / "monitor.toml"
    policy = DEPLOY.parent / "config" / "policies" / "demo.toml"
    example.write_text(f'policies = ["{policy}"]\n')
    for name, value in environment(pod(*EVERYTHING)).items():
        # The files exist only in the pod.
        if not name.endswith(("FILE", "TZ")):
            monkeypatch.setenv(name, value)
    password = tmp_path / "password"
    password.write_text("secret")
    monkeypatch.setenv("MONITOR_KAFKA__PASSWORD_FILE", str(password))
    kafka = load_configuration(example).settings.kafka
    assert (kafka.security_protocol, kafka.sasl_mechanism) == ("SASL_SSL", "SCRAM-SHA-512")


def test_a_pod_finds_its_policies_and_secret_files_where_its_settings_name_them() -> None:
    values = yaml.safe_load((DEPLOY / "checks" / "values.yaml").read_text())
    spec = pod(*EVERYTHING)
    volumes = {volume["name"]: volume for volume in spec["volumes"]}
    (container,) = spec["containers"]
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    (secret,) = volumes["secret-files"]["projected"]["sources"]
    (item,) = secret["secret"]["items"]
    assert f'"{mounts["secret-files"]}/{item["path"]}"' in values["settings"]
    paths = [item["path"] for item in volumes["settings"]["configMap"]["items"]]
    assert paths == ["monitor.toml", "policies/own.toml"]
    assert container["args"] == ["run", "--config", "settings/monitor.toml"]
