"""The files of deploy/ for programs on this machine: other addresses and folders, no more."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).resolve().parent

Document = dict[str, Any]
Addresses = Mapping[str, Sequence[str]]
"""``host:port`` of compose.yaml, and the addresses of what runs here instead; none: it does not."""


class UnknownHost(ValueError):
    """A file names a host that compose.yaml does not have."""


def prometheus_config(
    addresses: Addresses, interval: str | None = None, folder: Path = HERE / "prometheus"
) -> Document:
    """prometheus.yml with addresses of this machine and its rules' paths here.

    Args:
        addresses: for each host that it names.
        interval: between two scrapes and two evaluations, where it is not to be the file's.
        folder: that of the file, in a container /etc/prometheus.

    Raises:
        UnknownHost: there is no address for a host.
    """
    config = _read(folder / "prometheus.yml")
    for job in config["scrape_configs"]:
        _make_static(job, addresses)
    for manager in config.get("alerting", {}).get("alertmanagers", ()):
        _make_static(manager, addresses)
    config["rule_files"] = [_here(path, folder) for path in config.get("rule_files", ())]
    if interval is not None:
        config["global"] = {
            **config.get("global", {}),
            "scrape_interval": interval,
            "scrape_timeout": interval,
            "evaluation_interval": interval,
        }
        for job in config["scrape_configs"]:
            job.pop("scrape_interval", None)
            job.pop("scrape_timeout", None)
    return config


def alertmanager_config(folder: Path = HERE / "alertmanager") -> Document:
    """alertmanager.yml of a folder with the paths of its templates here."""
    config = _read(folder / "alertmanager.yml")
    config["templates"] = [_here(path, folder) for path in config.get("templates", ())]
    return config


def _read(path: Path) -> Document:
    config: Document = yaml.safe_load(path.read_text())
    return config


def _make_static(job: Document, addresses: Addresses) -> None:
    """Replaces what a job asks for its targets by the targets themselves."""
    wanted = [
        target for group in job.get("static_configs", ()) for target in group.get("targets", ())
    ]
    for lookup in job.pop("dns_sd_configs", ()):
        wanted += [f"{name}:{lookup['port']}" for name in lookup["names"]]
    unknown = [target for target in wanted if target not in addresses]
    if unknown:
        raise UnknownHost(f"{', '.join(unknown)}: not in {', '.join(sorted(addresses))}")
    job["static_configs"] = [
        {"targets": [address for target in wanted for address in addresses[target]]}
    ]


def _here(path: str, folder: Path) -> str:
    """A path beside the file, or below /etc/prometheus or /etc/alertmanager in a container."""
    return str(folder / path.removeprefix(f"/etc/{folder.name}/"))
