"""deploy/Dockerfile without a container engine: read, built in a folder, and run like a container.

Only the instructions that that file has are understood.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from tests.conftest import ROOT, missing

DOCKERFILE = ROOT / "deploy" / "Dockerfile"

_KNOWN = {
    *("FROM", "ARG", "ENV", "SHELL", "WORKDIR", "COPY", "RUN", "USER", "EXPOSE", "LABEL"),
    *("HEALTHCHECK", "ENTRYPOINT", "CMD"),
}


@dataclass(frozen=True)
class Step:
    """One instruction: its name, and the rest of its line or lines as one."""

    name: str
    rest: str


@dataclass
class Stage:
    """What follows a FROM."""

    steps: list[Step] = field(default_factory=list)

    def all_of(self, name: str) -> list[str]:
        """What follows each instruction of that name."""
        return [step.rest for step in self.steps if step.name == name]

    def last(self, name: str) -> str:
        """What follows the only or last instruction of that name."""
        return self.all_of(name)[-1]

    @property
    def environment(self) -> dict[str, str]:
        """The variables that ENV sets, without PATH."""
        pairs = (pair.partition("=") for rest in self.all_of("ENV") for pair in shlex.split(rest))
        return {name: value for name, _, value in pairs if name != "PATH"}


def stages(text: str) -> list[Stage]:
    """The stages of a Dockerfile, in their order."""
    found: list[Stage] = []
    joined = re.sub(r"\\\n", " ", re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE))
    for line in filter(str.strip, joined.splitlines()):
        name, _, rest = line.partition(" ")
        assert name in _KNOWN, f"{name} is not understood: {line}"
        if name == "FROM":
            found.append(Stage())
        if found:
            found[-1].steps.append(Step(name, rest.strip()))
    return found


class Image:
    """The image, its files in a folder instead of a root of its own.

    Args:
        folder: where `/opt/monitor`, `/build` and `/srv/monitor` are made; as long as the image is
            used, since the programs in it name it.
        python: the interpreter of the base image.
    """

    def __init__(self, folder: Path, python: str) -> None:
        self.folder = folder
        self.build_stage, self.final = stages(DOCKERFILE.read_text())
        self._base = folder / "base"
        subprocess.run([python, "-m", "venv", self._base], check=True)  # noqa: S603

    def build(self) -> None:
        """Follow all COPY and RUN instructions."""
        self._follow(self.build_stage)
        self._follow(self.final)

    def command(self, *arguments: str) -> list[str]:
        """ENTRYPOINT with these arguments, or with CMD's, by its path."""
        program, *first = json.loads(self.final.last("ENTRYPOINT"))
        return [self._in_image(program), *first, *(arguments or json.loads(self.final.last("CMD")))]

    def health_check(self) -> list[str]:
        """The command of HEALTHCHECK, by its path."""
        program, *rest = json.loads(self.final.last("HEALTHCHECK").partition("CMD")[2])
        return [self._in_image(program), *rest]

    def environment(self, **more: str) -> dict[str, str]:
        """What a process in a container sees."""
        path = f"{self.folder}/opt/monitor/bin:{os.defpath}"
        return {"PATH": path, **self.final.environment, **more}

    def contained(self, command: list[str]) -> list[str]:
        """The command as a container would run it: root read-only, the image's user, no rights."""
        user, _, group = self.final.last("USER").partition(":")
        inside = [
            *("setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups"),
            *("--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"),
            *command,
        ]
        read_only = f"mount -o remount,bind,ro / && exec {shlex.join(inside)}"
        return ["unshare", "--mount", "--propagation", "private", "sh", "-c", read_only]

    @property
    def work_folder(self) -> Path:
        """WORKDIR of the image."""
        return self._place(self.final.last("WORKDIR"))

    def _follow(self, stage: Stage) -> None:
        where = self.folder
        for step in stage.steps:
            if step.name == "WORKDIR":
                where = self._place(step.rest)
                where.mkdir(parents=True, exist_ok=True)
            elif step.name == "COPY" and not step.rest.startswith("--from"):
                *sources, target = step.rest.split()
                for source in sources:
                    _copy(source, where / target)
            elif step.name == "RUN":
                self._run(step.rest, where, stage.environment)

    def _run(self, command: str, where: Path, environment: dict[str, str]) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("MONITOR")}
        done = subprocess.run(  # noqa: S603
            [
                "/bin/bash",
                "-euo",
                "pipefail",
                "-c",
                command.replace("/opt/", f"{self.folder}/opt/"),
            ],
            env={**kept, **environment, "PATH": f"{self._base}/bin:{os.environ['PATH']}"},
            cwd=where,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"RUN {command}\n{done.stdout}{done.stderr}"

    def _place(self, path: str) -> Path:
        return self.folder / path.lstrip("/")

    def _in_image(self, program: str) -> str:
        return str(self.folder / "opt" / "monitor" / "bin" / program)


def sent_to_the_engine() -> set[str]:
    """The names at the root of the tree that .dockerignore leaves in."""
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    return {line.removeprefix("!") for line in lines if line.startswith("!")}


def common_python() -> str:
    """A Python 3.11 that every user may run; skips the test where there is none (in CI: fails)."""
    for path in filter(None, (shutil.which("python3.11"), "/usr/bin/python3.11")):
        real = Path(path).resolve()
        if all(parent.stat().st_mode & 0o001 for parent in real.parents):
            return path
    missing("a Python 3.11 that every user may run: apt-get install python3.11-venv")
    raise AssertionError


def _copy(source: str, target: Path) -> None:
    assert source.split("/")[0] in sent_to_the_engine(), f"{source} is not sent: .dockerignore"
    from_ = ROOT / source
    if from_.is_dir():
        shutil.copytree(from_, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(from_, target / from_.name if target.is_dir() else target)
