"""Who is told of which alert, and what hushes what, as a real Alertmanager decides."""

import re
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from tests.deploy.checking import DEPLOY, yaml_file
from tests.programs import free_port, need, running, until

CONFIG = DEPLOY / "alertmanager" / "alertmanager.yml"
PROGRAM = "prometheus-alertmanager"

Labels = dict[str, str]

SHOP = {"seller": "shop", "marketplace": "de"}
LATE = SHOP | {"metric": "late_shipment_rate"}
REPLY = SHOP | {"kind": "reply"}


def alert(name: str, severity: str, labels: Labels | None = None) -> Labels:
    return {"alertname": name, "severity": severity} | (labels or {})


def amtool(*arguments: str) -> str:
    need("amtool")
    done = subprocess.run(  # noqa: S603 - a program of our own choice
        ["amtool", *arguments],  # noqa: S607 - Debian's
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("labels", "receiver"),
    [
        (alert("MonitorAbsent", "critical"), "operators-on-call"),
        (alert("MonitorReceiverFailing", "critical", {"receiver": "x"}), "operators-on-call"),
        (alert("MonitorLagGrowing", "warning", {"topic": "orders"}), "operators"),
        (alert("MonitorPolicyEnding", "info", {"marketplace": "de"}), "operators"),
        (alert("SellerMetricBreached", "critical", LATE), "on-call"),
        (alert("SellerAccountHealth", "critical", LATE), "on-call"),
        (alert("SellerAccountHealth", "warning", LATE), "account-teams"),
        (alert("SellerDeadline", "info", REPLY), "account-teams"),
        ({"alertname": "SomebodyElses"}, "page-only"),
    ],
    ids=lambda value: " ".join(value.values()) if isinstance(value, dict) else value,
)
def test_an_alert_goes_to_those_whom_it_concerns(labels: Labels, receiver: str) -> None:
    told = [f"{name}={value}" for name, value in labels.items()]
    assert amtool("config", "routes", "test", f"--config.file={CONFIG}", *told).strip() == receiver


def test_the_receivers_that_wait_for_their_secrets_are_taken_once_they_are_uncommented(
    tmp_path: Path,
) -> None:
    head, receivers = CONFIG.read_text().split("\nreceivers:\n")
    secrets = tmp_path / "secrets"
    receivers = receivers.replace("/etc/alertmanager/secrets", str(secrets))
    file = tmp_path / "alertmanager.yml"
    file.write_text(f"{head}\nreceivers:\n" + re.sub(r"(?m)^    # ", "    ", receivers))
    assert "5 receivers" in amtool("check-config", str(file))
    for receiver in yaml_file(file)["receivers"]:
        for kind in receiver.keys() - {"name"}:
            (section,) = receiver[kind]
            (secret,) = (value for key, value in section.items() if key.endswith("_file"))
            assert Path(secret).parent == secrets


@pytest.fixture
async def alertmanager(tmp_path: Path) -> AsyncIterator[str]:
    """Its URL; it runs with the file of deploy/."""
    need(PROGRAM)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [
        PROGRAM,
        f"--config.file={CONFIG}",
        f"--storage.path={tmp_path}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
    ]
    async with running(command, f"{url}/-/ready", tmp_path / "log"):
        yield url


@pytest.mark.parametrize(
    ("cause", "hushed", "heard"),
    [
        (
            alert("MonitorAbsent", "critical"),
            [alert("MonitorNotReady", "warning", {"topic": "orders"})],
            [
                alert("SellerAccountHealth", "critical", LATE),
                alert("SellerDeadline", "info", REPLY),
            ],
        ),
        (
            alert("SellerAccountHealth", "critical", LATE | {"window_days": "30"}),
            [
                alert("SellerMetricBreached", "critical", LATE | {"window": "30"}),
                alert("SellerMetricApproaching", "warning", LATE | {"window": "7"}),
                alert("SellerHeadroomGone", "critical", LATE | {"window": "30"}),
            ],
            [alert("SellerMetricBreached", "critical", LATE | {"seller": "another"})],
        ),
        (
            alert("SellerAccountHealth", "warning", LATE | {"window_days": "30"}),
            [alert("SellerMetricApproaching", "warning", LATE | {"window": "30"})],
            [alert("SellerHeadroomGone", "critical", LATE | {"window": "30"})],
        ),
        (
            alert("SellerAccountHealth", "warning", LATE | {"window_days": "30"}),
            [alert("SellerMetricApproaching", "warning", LATE | {"window": "30"})],
            [alert("SellerMetricBreached", "critical", LATE | {"window": "30"})],
        ),
        (
            alert("SellerDeadline", "critical", REPLY),
            [
                alert("SellerItemsOverdue", "critical", REPLY),
                alert("SellerItemsDueSoon", "warning", REPLY),
            ],
            [alert("SellerItemsOverdue", "critical", REPLY | {"kind": "shipment"})],
        ),
        (
            alert("SellerDeadline", "warning", REPLY),
            [alert("SellerItemsDueSoon", "warning", REPLY)],
            [alert("SellerItemsOverdue", "critical", REPLY)],
        ),
        (
            alert("SellerMetricBreached", "critical", LATE | {"window": "30"}),
            [alert("SellerMetricApproaching", "warning", LATE | {"window": "7"})],
            [alert("SellerMetricApproaching", "warning", LATE | {"metric": "refund_rate"})],
        ),
        (
            alert("SellerItemsOverdue", "critical", REPLY),
            [alert("SellerItemsDueSoon", "warning", REPLY)],
            [alert("SellerItemsDueSoon", "warning", REPLY | {"marketplace": "us"})],
        ),
        (
            alert("MonitorHeartbeatMissing", "critical", {"marketplace": "de"}),
            [alert("SellerDataUnknown", "warning", SHOP)],
            [alert("SellerDataUnknown", "warning", SHOP | {"marketplace": "us"})],
        ),
        (
            alert("MonitorDeliveryFailing", "critical", {"receiver": "chat"}),
            [alert("MonitorReceiverFailing", "critical", {"receiver": "chat"})],
            [alert("MonitorReceiverFailing", "critical", {"receiver": "pager"})],
        ),
    ],
    ids=lambda value: f"{value['alertname']} {value['severity']}" if "severity" in value else "",
)
async def test_an_alert_hushes_what_follows_from_it_and_nothing_else(
    alertmanager: str, cause: Labels, hushed: list[Labels], heard: list[Labels]
) -> None:
    await post(alertmanager, [cause, *hushed, *heard])

    async def are_hushed() -> bool:
        found = await states(alertmanager)
        return all(found[key(one)] for one in hushed)

    await until(are_hushed, 10)
    found = await states(alertmanager)
    assert not any(found[key(one)] for one in [cause, *heard])


def key(labels: Labels) -> frozenset[tuple[str, str]]:
    return frozenset(labels.items())


async def post(url: str, alerts: list[Labels]) -> None:
    body = [{"labels": labels} for labels in alerts]
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{url}/api/v2/alerts", json=body) as response,
    ):
        assert response.status == 200, await response.text()


async def states(url: str) -> dict[frozenset[tuple[str, str]], bool]:
    """The alerts that are open, and whether something hushes each."""
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{url}/api/v2/alerts") as response,
    ):
        found = await response.json()
    return {key(one["labels"]): bool(one["status"]["inhibitedBy"]) for one in found}
