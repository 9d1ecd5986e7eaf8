"""One real Apache Kafka node on this machine, without Docker, for trials, tests and benchmarks.

As a program (`make kafka`) it runs a node until it is interrupted, or in the background; tests
and benchmarks use `KafkaNode`. It needs Java 17 and, once, Maven to fetch the jars.
"""

import argparse
import base64
import hashlib
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from string import Template
from types import TracebackType
from typing import Self

HERE = Path(__file__).resolve().parent
CACHE = HERE.parent.parent / ".kafka"
JARS = CACHE / "libs"
NODES = CACHE / "nodes"

_UP = "Kafka Server started"
_START_SECONDS = 90
_STOP_SECONDS = 30
_LOG_LINES_SHOWN = 30
# Below the range from which Linux takes the ports of outgoing connections: a client that dials a
# stopped node's port could otherwise be connected to itself, and would keep the port.
_PORTS = range(20_000, 32_000)


class KafkaNodeError(RuntimeError):
    """The node or its jars are not to be had; the message says why."""


class KafkaNode:
    """A node with its data and its log in `directory`; as a context manager, started and stopped.

    ``settings`` are lines of Kafka's own configuration that overrule ``server.properties``;
    ``${port}``, ``${controller_port}`` and ``${data_dir}`` in them are filled in.
    Topics are not made on first use. The port stays the same over `restart`.
    """

    def __init__(
        self,
        directory: Path,
        *,
        port: int | None = None,
        heap_mb: int = 512,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self.port, self._controller_port = free_ports(2)
        if port is not None:
            self.port = port
        self.log = directory / "node.log"
        self._directory = directory
        self._heap_mb = heap_mb
        self._settings = settings or {}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """``host:port`` for clients."""
        return f"127.0.0.1:{self.port}"

    @property
    def pid(self) -> int | None:
        """The process of the running node, None when it does not run."""
        running = self._process is not None and self._process.poll() is None
        return self._process.pid if running and self._process else None

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            # An interrupt, say: it would outlive us, in a session of its own.
            self.kill()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Starts the node, with the data it had, and returns when it serves clients.

        Raises KafkaNodeError with the end of the node's log when it does not come up.
        """
        if self.pid is not None:
            return
        config = self._directory / "server.properties"
        if not config.exists():
            self._format(config)
        begin = self.log.stat().st_size
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*self._java(), "kafka.Kafka", str(config)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # An interrupt at the terminal is for us, who then stop the node in order.
                start_new_session=True,
            )
        self._wait_until_up(begin)

    def stop(self) -> None:
        """Stops the node in order; its data stays."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
        self._process = None

    def kill(self) -> None:
        """Ends the node at once, as a crash would; its data stays."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def restart(self) -> None:
        """Stops the node in order and starts it at the same address with the same data."""
        self.stop()
        self.start()

    def wait(self) -> int:
        """Waits for the node's process to end; its exit status."""
        return self._process.wait() if self._process else 0

    def log_tail(self) -> str:
        """The last lines of the node's log."""
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return "\n".join(lines[-_LOG_LINES_SHOWN:])

    def _java(self) -> list[str]:
        if not (JARS / ".complete").exists():
            raise KafkaNodeError("Kafka's jars are not there: `make kafka` fetches them")
        return [
            _program("java"),
            f"-Xmx{self._heap_mb}m",
            "-XX:+ExitOnOutOfMemoryError",
            f"-Dlog4j2.configurationFile={HERE / 'log4j2.properties'}",
            "-cp",
            f"{JARS}/*",
        ]

    def _format(self, config: Path) -> None:
        self._directory.mkdir(parents=True, exist_ok=True)
        lines = [f"{key}={value}" for key, value in self._settings.items()]
        template = (HERE / "server.properties").read_text() + "\n".join(lines) + "\n"
        config.write_text(
            Template(template).substitute(
                port=self.port,
                controller_port=self._controller_port,
                data_dir=self._directory / "data",
            )
        )
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        formatter = [*self._java(), "kafka.tools.StorageTool", "format"]
        with self.log.open("wb") as log:
            format_process = subprocess.Popen(
                [*formatter, f"--cluster-id={cluster}", "--config", str(config)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
            try:
                status = format_process.wait()
            except BaseException:
                # `subprocess.run` would not wait, after an interrupt, for what it kills.
                format_process.kill()
                format_process.wait()
                raise
        if status != 0:
            config.unlink()
            raise KafkaNodeError(f"Kafka cannot format its data folder:\n{self.log_tail()}")

    def _wait_until_up(self, begin: int) -> None:
        give_up = time.monotonic() + _START_SECONDS
        while time.monotonic() < give_up:
            with self.log.open("rb") as log:
                log.seek(begin)
                if _UP.encode() in log.read():
                    return
            if self.pid is None:
                raise KafkaNodeError(f"Kafka ended while starting:\n{self.log_tail()}")
            time.sleep(0.05)
        self.kill()
        raise KafkaNodeError(f"Kafka is not up after {_START_SECONDS} s:\n{self.log_tail()}")


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that nothing listens on at this moment."""
    ports: list[int] = []
    with ExitStack() as held:
        for port in random.SystemRandom().sample(_PORTS, 200):
            server = held.enter_context(socket.socket())
            with suppress(OSError):
                server.bind(("127.0.0.1", port))
                ports.append(port)
            if len(ports) == count:
                return ports
    raise KafkaNodeError(f"no free port between {_PORTS.start} and {_PORTS.stop}")


def fetch_jars() -> None:
    """Fetches the jars named in pom.xml into `JARS`, unless they are there.

    Raises KafkaNodeError where Java or Maven is missing or Maven fails.
    """
    pom = HERE / "pom.xml"
    wanted = hashlib.sha256(pom.read_bytes()).hexdigest()
    stamp = JARS / ".complete"
    if stamp.exists() and stamp.read_text() == wanted:
        stamp.touch()
        return
    _program("java")
    maven = _program("mvn")
    print("Fetching Apache Kafka's jars with Maven (54 MB, once)", flush=True)
    CACHE.mkdir(exist_ok=True)
    # Under another name until all are there: an interrupted fetch must not look complete.
    partial = Path(tempfile.mkdtemp(prefix="partial-", dir=CACHE))
    command = [maven, "-B", "-q", "-f", str(pom), "dependency:copy-dependencies"]
    done = subprocess.run(
        [*command, "-DincludeScope=runtime", f"-DoutputDirectory={partial}"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        shutil.rmtree(partial)
        raise KafkaNodeError(f"Maven could not fetch Kafka's jars:\n{done.stdout}")
    (partial / ".complete").write_text(wanted)
    partial.chmod(0o755)
    shutil.rmtree(JARS, ignore_errors=True)
    partial.rename(JARS)


def _program(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        package = {"java": "default-jre-headless", "mvn": "maven"}[name]
        raise KafkaNodeError(f"`{name}` is not installed (Debian: apt-get install {package})")
    return path


def _run(options: argparse.Namespace) -> int:
    port = options.port or free_ports(1)[0]
    directory = NODES / str(port)
    if directory.exists():
        raise KafkaNodeError(f"{directory} is in use by a node, or left by one: remove it")
    node = KafkaNode(directory, port=port, heap_mb=options.heap_mb)
    start = _start_in_background if options.background else _run_in_foreground
    return start(node, directory)


def _run_in_foreground(node: KafkaNode, directory: Path) -> int:
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with node:
            print(f"Kafka is up at {node.address} (Ctrl-C stops it, its data goes)", flush=True)
            status = node.wait()
            print(f"Kafka ended by itself:\n{node.log_tail()}", file=sys.stderr)
            return status or 1
    except KeyboardInterrupt:
        return 0
    finally:
        shutil.rmtree(directory)


def _start_in_background(node: KafkaNode, directory: Path) -> int:
    try:
        node.start()
    except BaseException:
        node.kill()
        shutil.rmtree(directory)
        raise
    (directory / "pid").write_text(str(node.pid))
    print(f"Kafka is up at {node.address} (`make kafka ARGS=--stop` stops it, its data goes)")
    return 0


def _stop_background_nodes() -> int:
    for pid_file in NODES.glob("*/pid"):
        directory, pid = pid_file.parent, int(pid_file.read_text())
        with suppress(ProcessLookupError):
            while _is_node_of(directory, pid):
                os.kill(pid, signal.SIGTERM)
                time.sleep(0.2)
        shutil.rmtree(directory)
        print(f"Stopped the node of port {directory.name}")
    return 0


def _is_node_of(directory: Path, pid: int) -> bool:
    """Whether that process is still our node and not a later one with its number (Linux)."""
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
    return str(directory / "server.properties").encode() in command


def main() -> int:
    """Parses the arguments and runs; the exit status."""
    parser = argparse.ArgumentParser(prog="make kafka ARGS=...", description=__doc__)
    parser.add_argument("--port", type=int, help="the port to serve at (default: a free one)")
    parser.add_argument("--heap-mb", type=int, default=512, help="Java's heap (default: 512)")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--background", action="store_true", help="return when the node is up")
    what.add_argument("--stop", action="store_true", help="stop all background nodes")
    what.add_argument("--fetch-only", action="store_true", help="only fetch the jars")
    options = parser.parse_args()
    if options.stop:
        return _stop_background_nodes()
    try:
        fetch_jars()
        return 0 if options.fetch_only else _run(options)
    except KafkaNodeError as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
