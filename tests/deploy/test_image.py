"""deploy/Dockerfile: linted, built without a container, and run as a container would run it."""

import asyncio
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from deploy.kafka.node import KafkaNode, free_ports
from tests.conftest import missing
from tests.deploy.checking import run
from tests.deploy.image import DOCKERFILE, Image, common_python, stages

_READY_SECONDS = 60
_STOPPED_SECONDS = 20


def test_hadolint_finds_nothing_wrong() -> None:
    done = run("hadolint", str(DOCKERFILE))
    assert (done.returncode, done.stdout) == (0, "")


def test_the_user_is_a_number_that_is_not_root() -> None:
    user, _, group = stages(DOCKERFILE.read_text())[-1].last("USER").partition(":")
    assert int(user) > 0
    assert int(group) > 0


def test_everything_installed_is_locked_by_its_hash() -> None:
    build, final = stages(DOCKERFILE.read_text())
    installs = [
        part for rest in build.all_of("RUN") for part in rest.split("&&") if " install " in part
    ]
    from_index = [part for part in installs if "wheels/" not in part]
    assert len(from_index) == 2
    assert all("--require-hashes" in part and "--no-deps" in part for part in from_index)
    assert not final.all_of("RUN")


@pytest.fixture(scope="module")
def image() -> Iterator[Image]:
    """Built once; in a folder that other users can enter."""
    if os.geteuid() != 0:
        missing("only root can run the image's program as another user on a read-only root")
    folder = Path(tempfile.mkdtemp(prefix="monitor-image-"))
    folder.chmod(0o755)
    try:
        made = Image(folder, common_python())
        made.build()
        yield made
    finally:
        shutil.rmtree(folder)


def contained(image: Image, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603
        image.contained(image.command(*arguments)),
        env=image.environment(),
        cwd=image.work_folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@asynccontextmanager
async def container(
    image: Image, log: Path, **variables: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process with what the image says, until the context ends."""
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *image.contained(image.command()),
            env=image.environment(**variables),
            cwd=image.work_folder,
            stdout=output,
            stderr=output,
        )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await asyncio.wait_for(process.wait(), _STOPPED_SECONDS)


async def _until_ready(url: str, process: asyncio.subprocess.Process, log: Path) -> None:
    async with asyncio.timeout(_READY_SECONDS), aiohttp.ClientSession() as session:
        while True:
            said = await asyncio.to_thread(log.read_text)
            assert process.returncode is None, said
            try:
                async with session.get(url) as response:
                    if response.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.2)


@pytest.mark.slow
def test_the_command_is_there_and_pip_is_not(image: Image) -> None:
    done = contained(image, "--version")
    assert done.returncode == 0, done.stderr
    assert "monitor" in done.stdout
    installed = image.folder / "opt" / "monitor" / "lib" / "python3.11" / "site-packages"
    assert {"monitor", "faust", "uvloop"} <= {path.name for path in installed.iterdir()}
    assert not [path.name for path in installed.glob("pip*")]
    assert not [path.name for path in installed.glob("setuptools*")]


@pytest.mark.slow
def test_its_settings_and_policies_are_in_their_places(image: Image) -> None:
    done = contained(image, "check", "--config", "config/monitor.toml")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
async def test_a_worker_gets_ready_with_the_images_user_on_a_read_only_root(
    image: Image, kafka: KafkaNode, tmp_path: Path
) -> None:
    (port,) = free_ports(1)
    log = tmp_path / "worker.log"
    variables = {
        "MONITOR_KAFKA__BOOTSTRAP_SERVERS": kafka.address,
        "MONITOR_PROMETHEUS__PORT": str(port),
        **{
            f"MONITOR_TOPICS__{name.upper()}": f"image-{name}"
            for name in (
                *("orders", "feedback", "claims", "messages", "alerts", "evaluations"),
                *("dead_letters", "ledger", "deliveries", "silences", "policies"),
            )
        },
        "MONITOR_CONSUMER__GROUP": "image",
    }
    assert not await _healthy(image, variables)
    async with container(image, log, **variables) as process:
        await _until_ready(f"http://127.0.0.1:{port}/readyz", process, log)
        assert await _healthy(image, variables)
        assert _user_of(process.pid) == 10001
    assert process.returncode == 0, log.read_text()
    assert "Traceback" not in log.read_text()


async def _healthy(image: Image, variables: dict[str, str]) -> bool:
    """Whether the command of HEALTHCHECK passes."""
    process = await asyncio.create_subprocess_exec(
        *image.contained(image.health_check()),
        env=image.environment(**variables),
        stderr=asyncio.subprocess.DEVNULL,
    )
    return await asyncio.wait_for(process.wait(), 10) == 0


def _user_of(pid: int) -> int:
    """The effective user of a process (Linux)."""
    return Path(f"/proc/{pid}").stat().st_uid
