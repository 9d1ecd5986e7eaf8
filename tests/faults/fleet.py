"""Worker processes: started, killed, halted, asked what they know."""

import asyncio
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, get_args

import msgspec

from monitor.core.events import SourceTopic
from monitor.core.instants import HOUR, SECOND, Instant
from monitor.core.rules import AlertRule, DeadlineRule, ItemKind, MarketplaceRules, Rulebook
from monitor.policy import load_policies
from monitor.stream.topics import TopicPlan

ROOT = Path(__file__).resolve().parent.parent.parent
POLICY = ROOT / "config" / "policies" / "demo.toml"
REMEMBERED = frozenset({"perfect_order_rate"})
REMEMBERING = AlertRule(hold=3 * SECOND, recovery_hold=4 * SECOND, repeat_every=20 * SECOND)
DEADLINES: dict[ItemKind, DeadlineRule] = {
    kind: DeadlineRule(warn_before=6 * HOUR, repeat_every=20 * SECOND)
    for kind in get_args(ItemKind)
}
PARTITIONS = 4
PLAN = TopicPlan(history_days=400, partitions=PARTITIONS, timeout_seconds=30.0)
_STOP_SECONDS = 20.0


class Ambush(msgspec.Struct, frozen=True):
    """Where in its work a process is killed or halts itself.

    ``passages`` counts down to it; ``sprung`` is a file that exists from then on.
    """

    place: str
    passages: int
    signal: Literal["SIGKILL", "SIGSTOP"]
    sprung: str


class Orders(msgspec.Struct, frozen=True):
    """What a worker process is told."""

    address: str
    prefix: str
    report: str
    told: str
    session_timeout_seconds: float
    instance_id: str | None = None
    ambush: Ambush | None = None


class Totals(msgspec.Struct, frozen=True):
    """What became of the records of one partition of one topic."""

    topic: SourceTopic
    partition: int
    events: int
    counted: int
    redundant: int
    late: int
    invalid: int
    ready: bool


class Report(msgspec.Struct, frozen=True):
    """What a worker knows as of a point; its readings as replay prints them."""

    as_of: Instant
    partitions: list[Totals]
    lines: list[dict[str, Any]]


@dataclass(slots=True)
class Member:
    """A worker process."""

    name: str
    orders: Orders
    process: asyncio.subprocess.Process
    log: Path

    @property
    def runs(self) -> bool:
        """Whether it has not ended."""
        return self.process.returncode is None

    @property
    def has_fallen(self) -> bool:
        """Whether its ambush has sprung."""
        return self.orders.ambush is not None and Path(self.orders.ambush.sprung).exists()

    def report(self) -> Report | None:
        """What it said last."""
        with suppress(FileNotFoundError):
            return msgspec.json.decode(Path(self.orders.report).read_bytes(), type=Report)
        return None

    async def kill(self) -> None:
        """End it at once, as a crash would."""
        with suppress(ProcessLookupError):
            self.process.kill()
        await self.process.wait()

    def halt(self) -> None:
        """Let it do nothing until it is continued."""
        os.kill(self.process.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        """Continue it."""
        os.kill(self.process.pid, signal.SIGCONT)

    async def stop(self) -> None:
        """Stop it in order.

        Raises:
            AssertionError: it did not end by itself with status 0.
        """
        with suppress(ProcessLookupError):
            self.process.terminate()
        async with asyncio.timeout(_STOP_SECONDS):
            status = await self.process.wait()
        assert status == 0, f"{self.name} ended with {status}:\n{self.log.read_text()[-4000:]}"


@dataclass(slots=True)
class Fleet:
    """The worker processes of one trial; those that are left are killed on leaving."""

    address: str
    prefix: str
    directory: Path
    session_timeout_seconds: float = 6.0
    members: list[Member] = field(default_factory=list)
    _started: int = 0

    @property
    def told(self) -> Path:
        """What the receiver of all workers was told."""
        return self.directory / "told"

    async def __aenter__(self) -> "Fleet":
        return self

    async def __aexit__(self, *_: object) -> None:
        for member in self.members:
            if member.runs:
                await member.kill()

    async def start(
        self,
        *,
        instance_id: str | None = None,
        place: str | None = None,
        passages: int = 1,
        signal_name: Literal["SIGKILL", "SIGSTOP"] = "SIGKILL",
    ) -> Member:
        """Start a worker, which falls into an ambush where a place is named."""
        self._started += 1
        name = f"worker-{self._started}"
        path = self.directory / name
        ambush = None
        if place is not None:
            ambush = Ambush(place, passages, signal_name, str(path.with_suffix(".sprung")))
        orders = Orders(
            self.address,
            self.prefix,
            str(path.with_suffix(".json")),
            str(self.told),
            self.session_timeout_seconds,
            instance_id,
            ambush,
        )
        log = path.with_suffix(".log")
        with log.open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "tests.faults.program", msgspec.json.encode(orders).decode(),
                cwd=ROOT, stdin=asyncio.subprocess.DEVNULL, stdout=output, stderr=output,
            )  # fmt: skip
        member = Member(name, orders, process, log)
        self.members.append(member)
        return member

    @property
    def alive(self) -> list[Member]:
        """The workers whose processes run."""
        return [member for member in self.members if member.runs]

    def reports(self) -> list[Report]:
        """What the workers that run said last."""
        return [report for member in self.alive if (report := member.report()) is not None]

    def totals(self) -> Iterator[Totals]:
        """Those of all partitions that the workers say they own."""
        for report in self.reports():
            yield from report.partitions

    def owned(self) -> list[int]:
        """Partition numbers by owner, sorted; one that two claim to own is there twice."""
        return sorted(
            number
            for report in self.reports()
            for number in {t.partition for t in report.partitions}
        )

    @property
    def is_ready(self) -> bool:
        """Whether each partition has one owner, which has caught up."""
        return self.owned() == list(range(PARTITIONS)) and all(t.ready for t in self.totals())


def rulebook() -> Rulebook:
    """The demo's policy, but its alerts remember nothing: then a recount can tell their levels.

    Those of one metric do: only a rerun at the journaled points can tell theirs.
    """
    eras = {
        name: tuple(replace(era, rules=_memoryless(era.rules)) for era in of_marketplace)
        for name, of_marketplace in load_policies([POLICY]).eras.items()
    }
    return Rulebook(eras)


def _memoryless(rules: MarketplaceRules) -> MarketplaceRules:
    plain = AlertRule(clear_margin=0)
    metrics = tuple(
        replace(rule, alert=REMEMBERING if rule.metric in REMEMBERED else plain)
        for rule in rules.metrics
    )
    return replace(rules, metrics=metrics, deadlines=DEADLINES)
