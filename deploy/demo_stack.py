"""What compose.yaml starts, without containers (`make demo-stack`): to look and click around.

A real Kafka node, two workers with deploy/monitor.toml, the simulated shops, Prometheus and
Alertmanager with their files of deploy/. All of it ends, and its data goes, with Ctrl-C.
"""

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deploy.kafka.node import KafkaNode, KafkaNodeError, fetch_jars, free_ports
from deploy.local_stack import HERE, Addresses, UnknownHost, alertmanager_config, prometheus_config

WORKERS = 2
_MONITOR = [str(Path(sys.executable).with_name("monitor"))]
_STOP_SECONDS = 20
_WHOLE_SECONDS = 180
_LOG_LINES_SHOWN = 20


class StackError(RuntimeError):
    """The stack does not come up, or a part of it has ended; the message says which."""


@dataclass
class Part:
    """A program of the stack, its log, and the page that answers once it is up."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path
    page: str | None

    def check(self) -> None:
        """Raises StackError when it has ended, with the end of its log."""
        if self.process.poll() is not None:
            tail = "\n".join(self.log.read_text(errors="replace").splitlines()[-_LOG_LINES_SHOWN:])
            raise StackError(f"{self.name} has ended:\n{tail}")

    def stop(self) -> None:
        """Ends it in order, and at once if that takes too long."""
        self.process.terminate()
        try:
            self.process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@dataclass
class Stack:
    """All parts, in a folder that is gone afterwards.

    Args:
        folder: for logs and data.
        usual_ports: whether to take the ports that people know, where they are free.
        interval: of Prometheus, where it is not to be the one of its file.
    """

    folder: Path
    usual_ports: bool = True
    interval: str | None = None
    parts: list[Part] = field(default_factory=list)
    prometheus: str = ""
    alertmanager: str = ""
    pages: list[str] = field(default_factory=list)

    def start(self, closing: ExitStack, feed: Sequence[str]) -> None:
        """Start all parts; each is stopped when the context ends.

        Raises:
            StackError, KafkaNodeError: one does not come up.
        """
        kafka = closing.enter_context(KafkaNode(self.folder / "kafka", port=self._port(9092)))
        self.alertmanager = f"http://127.0.0.1:{self._port(9093)}"
        self.prometheus = f"http://127.0.0.1:{self._port(9090)}"
        ports = [self._port(9464 + number) for number in range(WORKERS)]
        self.pages = [f"http://127.0.0.1:{port}/metrics" for port in ports]
        start = _Starter(self, closing)
        start.program("alertmanager", self._alertmanager(), f"{self.alertmanager}/-/ready")
        start.program("prometheus", self._prometheus(ports), f"{self.prometheus}/-/ready")
        common = {
            "MONITOR_KAFKA__BOOTSTRAP_SERVERS": kafka.address,
            "MONITOR_NOTIFY__RECEIVERS__ALERTMANAGER__URLS": self.alertmanager,
            "MONITOR_PROMETHEUS__HOST": "127.0.0.1",
            "MONITOR_LOG__FORMAT": "text",
        }
        config = ["--config", str(HERE / "monitor.toml")]
        for number, port in enumerate(ports):
            own = {"MONITOR_PROMETHEUS__PORT": str(port)}
            page = f"http://127.0.0.1:{port}/livez"
            start.program(f"monitor-{number}", [*_MONITOR, "run", *config], page, common | own)
        start.program("feeder", [*_MONITOR, "feed", *config, *feed], None, common)

    def check(self) -> None:
        """Raises StackError when a part has ended."""
        for part in self.parts:
            part.check()

    def until(self, what: str, holds: Callable[[], bool], seconds: float = _WHOLE_SECONDS) -> None:
        """Waits; raises StackError when a part ends or it takes too long."""
        give_up = time.monotonic() + seconds
        while not holds():
            self.check()
            if time.monotonic() > give_up:
                raise StackError(f"not within {seconds:g} s: {what} (logs: {self.folder})")
            time.sleep(0.2)

    def _alertmanager(self) -> list[str]:
        file = _written(self.folder / "alertmanager.yml", alertmanager_config())
        return [
            "prometheus-alertmanager",
            f"--config.file={file}",
            f"--storage.path={self.folder / 'alertmanager'}",
            f"--web.listen-address={_netloc(self.alertmanager)}",
            "--cluster.listen-address=",
        ]

    def _prometheus(self, ports: Sequence[int]) -> list[str]:
        addresses: Addresses = {
            "monitor:9464": [f"127.0.0.1:{port}" for port in ports],
            "prometheus:9090": [_netloc(self.prometheus)],
            "localhost:9090": [_netloc(self.prometheus)],
            "alertmanager:9093": [_netloc(self.alertmanager)],
            "grafana:3000": [],
        }
        config = prometheus_config(addresses, self.interval)
        return [
            "prometheus",
            f"--config.file={_written(self.folder / 'prometheus.yml', config)}",
            f"--storage.tsdb.path={self.folder / 'prometheus'}",
            f"--web.listen-address={_netloc(self.prometheus)}",
        ]

    def _port(self, usual: int) -> int:
        with socket.socket() as trial, suppress(OSError):
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if self.usual_ports:
                trial.bind(("127.0.0.1", usual))
                return usual
        return free_ports(1)[0]


@dataclass(frozen=True)
class _Starter:
    stack: Stack
    closing: ExitStack

    def program(
        self,
        name: str,
        command: Sequence[str],
        page: str | None,
        variables: Mapping[str, str] | None = None,
    ) -> None:
        """Start a part, and wait until its page answers."""
        log = self.stack.folder / f"{name}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                command,
                env={**os.environ, **(variables or {})},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                # An interrupt at the terminal is for us, who then stop all in order.
                start_new_session=True,
            )
        part = Part(name, process, log, page)
        self.closing.callback(part.stop)
        self.stack.parts.append(part)
        if page is not None:
            self.stack.until(f"{name} is up", lambda: _answer(page) is not None)


def until_whole(stack: Stack) -> None:
    """Wait until each part does what it is there for.

    Both workers are ready and scraped, every rule is evaluated and right, one that records has
    a value, and Alertmanager has heard of a seller.

    Raises:
        StackError: a part ends, a rule is wrong, or it takes too long.
    """
    ready = [page.replace("/metrics", "/readyz") for page in stack.pages]
    stack.until("both workers are ready", lambda: all(map(_answer, ready)))
    stack.until("every target is scraped", lambda: _all_up(stack))
    stack.until("there are sellers", lambda: _value(stack, "count(seller_health_level)") > 0)
    stack.until("every rule is evaluated", lambda: _rules_evaluated(stack))
    recorded = [rule["name"] for rule in _rules(stack) if rule["type"] == "recording"]
    stack.until(
        "a recording rule has a value",
        lambda: any(_value(stack, f"count({name})") > 0 for name in recorded),
    )
    alerts = f"{stack.alertmanager}/api/v2/alerts?active=true"
    stack.until(
        "Alertmanager has heard of a seller",
        lambda: any("seller" in alert["labels"] for alert in _json(alerts) or ()),
    )


def _all_up(stack: Stack) -> bool:
    targets = (_json(f"{stack.prometheus}/api/v1/targets") or {})["data"]["activeTargets"]
    return bool(targets) and all(target["health"] == "up" for target in targets)


def _rules_evaluated(stack: Stack) -> bool:
    rules = _rules(stack)
    wrong = [f"{rule['name']}: {rule['lastError']}" for rule in rules if rule["health"] == "err"]
    if wrong:
        raise StackError("rules that are wrong:\n" + "\n".join(wrong))
    return bool(rules) and all(rule["health"] == "ok" for rule in rules)


def _rules(stack: Stack) -> list[dict[str, Any]]:
    groups = (_json(f"{stack.prometheus}/api/v1/rules") or {})["data"]["groups"]
    return [rule for group in groups for rule in group["rules"]]


def _value(stack: Stack, expression: str) -> float:
    """The one value of a query; 0 where there is none."""
    query = urllib.parse.urlencode({"query": expression})
    answer = _json(f"{stack.prometheus}/api/v1/query?{query}") or {}
    result = answer.get("data", {}).get("result", [])
    return float(result[0]["value"][1]) if result else 0.0


def _json(url: str) -> Any:
    answer = _answer(url)
    return None if answer is None else json.loads(answer)


def _answer(url: str) -> bytes | None:
    """What a page of this machine says; None where it does not say 200."""
    try:
        with urllib.request.urlopen(url, timeout=5) as response:
            body: bytes = response.read()
            return body
    except (urllib.error.URLError, OSError):
        return None


def _netloc(url: str) -> str:
    return url.removeprefix("http://")


def _written(path: Path, config: Mapping[str, Any]) -> Path:
    # JSON is YAML too.
    path.write_text(json.dumps(config, indent=2, default=str))
    return path


def main() -> int:
    """Parses the arguments and runs; the exit status."""
    parser = argparse.ArgumentParser(prog="make demo-stack ARGS=...", description=__doc__)
    parser.add_argument(
        "--exit", action="store_true", help="end with 0 once data, rules and alerts are there"
    )
    parser.add_argument("--sellers", default="20", help="how many are simulated (default: 20)")
    parser.add_argument("--history-days", default="210", help="how much of their past (210)")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    feed = ["--sellers", options.sellers, "--history-days", options.history_days]
    try:
        fetch_jars()
        with ExitStack() as closing:
            folder = Path(closing.enter_context(tempfile.TemporaryDirectory(prefix="demo-stack-")))
            interval = "1s" if options.exit else None
            stack = Stack(folder, usual_ports=not options.exit, interval=interval)
            print("Starting Kafka, Alertmanager, Prometheus, two workers and shops")
            print(f"  logs           {folder}", flush=True)
            stack.start(closing, feed)
            _say(stack)
            if options.exit:
                until_whole(stack)
                print("Data, rules and alerts are there", flush=True)
                return 0
            while True:
                stack.check()
                time.sleep(1)
    except KeyboardInterrupt:
        print("Stopped", flush=True)
        return 0
    except (StackError, KafkaNodeError, UnknownHost) as error:
        print(error, file=sys.stderr)
        return 1


def _say(stack: Stack) -> None:
    print(f"  Prometheus     {stack.prometheus}/alerts   {stack.prometheus}/graph")
    print(f"  Alertmanager   {stack.alertmanager}")
    for page in stack.pages:
        print(f"  worker         {page}   {page.replace('/metrics', '/readyz')}")
    print("Ctrl-C stops all of it, its data goes", flush=True)


if __name__ == "__main__":
    sys.exit(main())
