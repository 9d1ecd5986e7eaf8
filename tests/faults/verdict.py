"""The verdict on a trial: what the workers, the topics and the brute-force recount say."""

import asyncio
import json
import tomllib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from random import Random
from typing import Any

from monitor.audit.kafka_source import KafkaSource
from monitor.audit.lines import line_of
from monitor.audit.replay import Intake, replay
from monitor.cluster import Cluster
from monitor.core.instants import SECOND, Instant, utc
from monitor.policy import load_policies
from monitor.stream.clock import SystemClock
from monitor.stream.topics import TopicNames
from tests.faults.evidence import Sources, ends_of, read_all, read_sources
from tests.faults.fleet import POLICY, Fleet, Totals
from tests.faults.outbox import ending_faults, open_outbox, rebuilding_faults
from tests.faults.points import rerun_faults
from tests.faults.told import told_by, unheard
from tests.recount import Recount, recount

_CATCH_UP_SECONDS = 90.0
_FAULTS_SHOWN = 5
_HEARD_SECONDS = 30.0
Line = dict[str, Any]


@dataclass(slots=True)
class Verdict:
    """Each check with what is wrong, in words; and what was counted."""

    checks: dict[str, list[str]] = field(default_factory=dict)
    figures: dict[str, int] = field(default_factory=dict)

    def note(self, check: str, faults: Iterable[str]) -> None:
        """Take in what a check found; several times the same check: all of it."""
        self.checks.setdefault(check, []).extend(islice(faults, _FAULTS_SHOWN))

    @property
    def faults(self) -> list[str]:
        """All that is wrong."""
        return [f"{check}: {fault}" for check, found in self.checks.items() for fault in found]


@dataclass(frozen=True, slots=True)
class Court:
    """Where the trial took place, and by what rules."""

    cluster: Cluster
    names: TopicNames
    random: Random
    sample: int

    async def judge(self, fleet: Fleet) -> Verdict:
        """Let the workers that are left catch up, then a fresh one alone; check all there is.

        Raises:
            TimeoutError: they do not catch up.
        """
        verdict = Verdict()
        sources = await read_sources(self.cluster, self.names)
        as_of, due = await self._check_workers(verdict, fleet, sources, "survivors")
        records, _ = await read_all(self.cluster, [self.names.alerts])
        verdict.note(
            "alerts_of_survivors_end_where_the_recount_does",
            ending_faults(open_outbox(records), due, as_of),
        )
        for member in fleet.alive:
            await member.stop()
        await fleet.start()
        as_of, due = await self._check_workers(verdict, fleet, sources, "fresh")
        await asyncio.to_thread(self._check_replay, verdict, due, as_of)
        await self._check_outbox(verdict, fleet, sources, due, as_of)
        await self._check_dead_letters(verdict, sources)
        await self._check_receiver(verdict, fleet)
        for member in fleet.alive:
            await member.stop()
        return verdict

    async def _check_workers(
        self, verdict: Verdict, fleet: Fleet, sources: Sources, who: str
    ) -> tuple[Instant, Recount]:
        await self._caught_up(fleet, sources)
        # A point later all that was decided at the last one is published.
        as_of, lines = await self._readings(fleet, after=SystemClock().now() + SECOND)
        totals = self._totals(fleet)
        due = await asyncio.to_thread(self._recounted, sources, as_of)
        verdict.note(f"readings_of_{who}_equal_the_recount", differences(lines, due.lines))
        verdict.note(f"balance_of_{who}_holds", unbalanced(totals, sources.counts))
        verdict.figures |= {
            "events": sum(sources.counts.values()),
            "counted": sum(one.counted for one in totals.values()),
            "redundant": sum(one.redundant for one in totals.values()),
            "late": sum(one.late for one in totals.values()),
            "invalid": sum(one.invalid for one in totals.values()),
            "series": len(due.lines),
        }
        return as_of, due

    def _totals(self, fleet: Fleet) -> dict[tuple[str, int], Totals]:
        return {(self.names.source(one.topic), one.partition): one for one in fleet.totals()}

    async def _caught_up(self, fleet: Fleet, sources: Sources) -> None:
        counts = sources.counts
        # Topics that lost nothing: a count is an end offset.
        assert await ends_of(self.cluster, self.names) == counts

        def done() -> bool:
            totals = self._totals(fleet)
            return fleet.is_ready and all(
                at in totals and totals[at].events >= n for at, n in counts.items()
            )

        await until(done, _CATCH_UP_SECONDS, fleet)

    async def _readings(self, fleet: Fleet, after: Instant) -> tuple[Instant, list[Line]]:
        """What all workers say as of the same point."""
        found: list[Line] = []
        points: set[Instant] = set()

        def agree() -> bool:
            nonlocal found, points
            reports = fleet.reports()
            points = {report.as_of for report in reports}
            found = [line for report in reports for line in report.lines]
            return len(points) == 1 and min(points) > after and fleet.is_ready

        await until(agree, _CATCH_UP_SECONDS, fleet)
        return points.pop(), found

    def _recounted(self, sources: Sources, as_of: Instant) -> Recount:
        policy = tomllib.loads(POLICY.read_text("utf-8"))
        records = (valid.value for valid in sources.valid)
        return recount(records, utc(as_of), [policy])

    def _check_replay(self, verdict: Verdict, due: Recount, as_of: Instant) -> None:
        names = {topic: name for name, topic in self.names.sources.items()}
        source = KafkaSource(self.cluster, names)
        intake = Intake(source, as_of, lambda _, __: None, lambda _: None)
        engine, balance = replay(intake, load_policies([POLICY]))
        lines = [line_of(reading) for reading in engine.readings()]
        verdict.note("replay_of_the_topics_equals_the_recount", differences(lines, due.lines))
        read = verdict.figures["events"]
        wrong = [] if balance.read == read else [f"replay read {balance.read} of {read}"]
        verdict.note("replay_of_the_topics_equals_the_recount", wrong)

    async def _check_outbox(
        self, verdict: Verdict, fleet: Fleet, sources: Sources, due: Recount, as_of: Instant
    ) -> None:
        points, _ = await read_all(self.cluster, [self.names.evaluations])
        # A point is journaled before its alerts are published: a point later they all are.
        await self._readings(fleet, after=SystemClock().now() + SECOND)
        records, _ = await read_all(self.cluster, [self.names.alerts])
        outbox = open_outbox(records)
        policy = tomllib.loads(POLICY.read_text("utf-8"))
        verdict.note("alert_records_keep_their_laws", outbox.faults)
        verdict.note(
            "alerts_of_fresh_end_where_the_recount_does", ending_faults(outbox, due, as_of)
        )
        rebuilt = await asyncio.to_thread(
            lambda: list(rebuilding_faults(outbox, sources, policy, self.random, self.sample))
        )
        verdict.note("alert_records_follow_from_their_cuts", rebuilt)
        again = await asyncio.to_thread(lambda: list(rerun_faults(outbox, sources, points)))
        verdict.note("a_rerun_at_the_journaled_points_says_the_same_bytes", again)
        verdict.figures |= {
            "points": len({(one.partition, one.value) for one in points}),
            "alert_records": len(records) - outbox.repeated,
            "alert_records_repeated": outbox.repeated,
            "alert_records_rebuilt": min(self.sample, len(records) - outbox.repeated),
        }

    async def _check_receiver(self, verdict: Verdict, fleet: Fleet) -> None:
        """Whether the receiver has heard, or soon hears, how each alert stands."""
        records, _ = await read_all(self.cluster, [self.names.alerts])
        alerts = open_outbox(records).alerts
        loop = asyncio.get_running_loop()
        give_up = loop.time() + _HEARD_SECONDS
        while (found := list(unheard(told_by(fleet.told), alerts))) and loop.time() < give_up:  # noqa: ASYNC110 - a file
            await asyncio.sleep(0.2)
        verdict.note("the_receiver_has_heard_how_each_alert_stands", found)
        told = told_by(fleet.told)
        known = {(alert, one["seq"]) for alert, history in alerts.items() for one in history}
        # Reminders go on while this is checked.
        last = {alert: history[-1]["seq"] for alert, history in alerts.items()}
        strange = (one for one in told if one not in known and one[1] <= last.get(one[0], 0))
        verdict.note("the_receiver_heard_of_nothing_else", map(str, strange))
        verdict.figures |= {"told": len(told), "told_twice": len(told) - len(set(told))}

    async def _check_dead_letters(self, verdict: Verdict, sources: Sources) -> None:
        letters, _ = await read_all(self.cluster, [self.names.dead_letters])
        found = Counter[tuple[str, int, int]]()
        for letter in letters:
            headers = {name: value.decode() for name, value in letter.headers}
            place = (headers["topic"], int(headers["partition"]), int(headers["offset"]))
            found[place] += 1
        verdict.note(
            "dead_letters_are_the_invalid_records",
            (f"{place} is on one side only" for place in sorted(found.keys() ^ sources.invalid)),
        )
        verdict.figures |= {
            "dead_letters": len(found),
            "dead_letters_repeated": len(letters) - len(found),
        }


def differences(lines: Iterable[Line], due: Iterable[Line]) -> list[str]:
    """Lines that are on one side only."""
    said, wanted = Counter(map(_text, lines)), Counter(map(_text, due))
    return [f"said {line}" for line in said - wanted] + [f"due {line}" for line in wanted - said]


def unbalanced(
    totals: Mapping[tuple[str, int], Totals], counts: Mapping[tuple[str, int], int]
) -> Iterable[str]:
    """Partitions whose records are not all accounted for."""
    for place, count in sorted(counts.items()):
        one = totals[place]
        if not count == one.events == one.counted + one.redundant + one.late + one.invalid:
            yield f"{place} has {count} records, but {one}"


async def until(holds: Callable[[], bool], seconds: float, fleet: Fleet) -> None:
    """Wait until something holds.

    Raises:
        AssertionError: a worker ended by itself meanwhile, or the time is up.
    """
    loop = asyncio.get_running_loop()
    give_up = loop.time() + seconds
    while not holds():
        for member in fleet.members:
            status = member.process.returncode
            # Killed, or stopped in order.
            assert status in (None, 0, -9), f"{member.name} ended with {status}: {tail(member.log)}"
        assert loop.time() < give_up, f"not after {seconds:g} s: {fleet.owned()}"
        await asyncio.sleep(0.1)


def tail(log: Any) -> str:
    """The end of a worker's log."""
    return str(log.read_text()[-4000:])


def _text(line: Line) -> str:
    return json.dumps(line, sort_keys=True)
