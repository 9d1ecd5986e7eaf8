"""The topics of the monitor: made before anything subscribes, and checked where they exist."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, fields
from typing import Any, Self, cast

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import IncompatibleBrokerVersion, KafkaError, for_code

from monitor.cluster import Cluster
from monitor.core.events import SOURCE_TOPICS, SourceTopic
from monitor.errors import ClusterError, LedgerError

logger = logging.getLogger(__name__)

_DAY_MILLIS = 86_400_000
_FOREVER = "-1"
_ALREADY_EXISTS = 36
_CHECKED = ("retention.ms", "retention.bytes", "cleanup.policy")

LEDGER_CONFIG = {
    "cleanup.policy": "compact",
    # What is superseded is read at each recovery until it is compacted: soon, in small pieces.
    "segment.bytes": str(64 << 20),
    "segment.ms": str(6 * 3_600_000),
    "min.cleanable.dirty.ratio": "0.3",
    "min.compaction.lag.ms": "0",
    # A parked engine that comes back reads what is new: also what was removed meanwhile.
    "delete.retention.ms": str(_DAY_MILLIS),
}
"""Settings with which the ledger topic is made."""

COMPACTED = {
    "cleanup.policy": "compact",
    "min.cleanable.dirty.ratio": "0.3",
    "delete.retention.ms": str(_DAY_MILLIS),
}
"""Settings with which the deliveries, the silences and the policies are made."""


@dataclass(frozen=True, slots=True)
class TopicNames:
    """What the topics of the contract are called on the cluster."""

    orders: str = "orders"
    feedback: str = "feedback"
    claims: str = "claims"
    messages: str = "messages"
    alerts: str = "alerts"
    evaluations: str = "evaluations"
    dead_letters: str = "dead-letters"
    ledger: str = "ledger"
    deliveries: str = "deliveries"
    silences: str = "silences"
    policies: str = "policies"

    @classmethod
    def prefixed(cls, prefix: str) -> Self:
        """The contract's names, each after a prefix."""
        return cls(**{field.name: f"{prefix}{field.default}" for field in fields(cls)})

    def source(self, topic: SourceTopic) -> str:
        """Name of a source topic."""
        name: str = getattr(self, topic)
        return name

    @property
    def sources(self) -> dict[str, SourceTopic]:
        """The four source topics by their name on the cluster."""
        return {self.source(topic): topic for topic in SOURCE_TOPICS}


@dataclass(frozen=True, slots=True)
class TopicPlan:
    """How missing topics are made, and what existing ones must hold.

    ``partitions`` counts only where none of the source topics exists yet: they and the
    alerts have equal counts. ``history_days`` is the longest that a policy looks back.
    """

    history_days: int
    partitions: int = 4
    replication: int | None = None
    """Copies of each partition; None leaves it to the broker."""
    source_days: int | None = None
    """Retention of source topics that are made; None: as long as ``history_days``."""
    alert_days: int = 1825
    dead_letter_days: int = 30
    timeout_seconds: float = 10.0


async def prepare_topics(
    cluster: Cluster, names: TopicNames, plan: TopicPlan, *, ledger: bool = True
) -> int:
    """Make what is missing, check what is there; the partition count of the source topics.

    A retention too short for ``plan.history_days`` is a warning in the log.

    Args:
        cluster: where the topics are.
        names: what they are called.
        plan: how they are made.
        ledger: whether anything is to be kept: the ledger, deliveries and silences.

    Raises:
        ClusterError: no broker answers, topics cannot be made, or their partition counts
            differ.
        LedgerError: the ledger topic cannot hold what is written to it.
    """
    try:
        async with asyncio.timeout(plan.timeout_seconds), _admin(cluster) as admin:
            return await _Preparation(admin, names, plan, ledger).run()
    except (TimeoutError, KafkaError, OSError) as error:
        raise ClusterError(_unreachable(cluster, error)) from error


@dataclass(frozen=True, slots=True)
class _Preparation:
    admin: AIOKafkaAdminClient
    names: TopicNames
    plan: TopicPlan
    ledger: bool

    async def run(self) -> int:
        counts = await self._counts()
        self._check_ledger_count(counts)
        partitions = _common_count(counts) or self.plan.partitions
        existing = sorted(set(counts) & set(self.names.sources))
        kept = [self.names.policies]
        if self.ledger:
            kept += [self.names.ledger, self.names.deliveries]
        kept = [name for name in kept if name in counts]
        wanted = self._wanted()
        missing = {name: config for name, config in wanted.items() if name not in counts}
        if missing:
            await self._create(missing, partitions)
            counts = await self._await_all(wanted)
            partitions = _common_count(counts) or partitions
        await self._check_retention(existing)
        await self._check_compacted(kept)
        return partitions

    def _wanted(self) -> dict[str, dict[str, str]]:
        """The topics that there have to be, and the settings with which they are made."""
        source = kept_for(self.plan.source_days or self.plan.history_days)
        wanted = dict.fromkeys(self.names.sources, source)
        wanted[self.names.evaluations] = source
        wanted[self.names.alerts] = kept_for(self.plan.alert_days)
        wanted[self.names.dead_letters] = kept_for(self.plan.dead_letter_days)
        wanted[self.names.policies] = COMPACTED
        if self.ledger:
            wanted[self.names.ledger] = LEDGER_CONFIG
            wanted[self.names.deliveries] = COMPACTED
            wanted[self.names.silences] = COMPACTED
        return wanted

    async def _counts(self) -> dict[str, int]:
        """Partition counts of our topics that exist; 0 where it is of no importance."""
        equal = [*self.names.sources, self.names.alerts, self.names.evaluations]
        others = [self.names.dead_letters, self.names.policies]
        if self.ledger:
            equal += [self.names.ledger, self.names.deliveries]
            others.append(self.names.silences)
        known = set(await self.admin.list_topics())
        present = [name for name in (*equal, *others) if name in known]
        described = await self.admin.describe_topics(present) if present else []
        return {
            topic["topic"]: 0 if topic["topic"] in others else len(topic["partitions"])
            for topic in described
        }

    async def _create(self, missing: Mapping[str, Mapping[str, str]], partitions: int) -> None:
        topics = [
            NewTopic(
                name,
                1 if name in (self.names.silences, self.names.policies) else partitions,
                self.plan.replication or -1,
                replica_assignments={} if self.plan.replication is None else None,
                topic_configs=dict(config),
            )
            for name, config in missing.items()
        ]
        response = cast("Any", await self.admin.create_topics(topics))
        for name, code, *message in response.topic_errors:
            if code not in (0, _ALREADY_EXISTS):
                said = message[0] if message and message[0] else for_code(code).__name__
                raise ClusterError(
                    f"topic {name} cannot be created: {said}; create it by hand with"
                    f" {partitions} partitions, or let the monitor's user create topics"
                )
        counted = ", ".join(f"{topic.name}[{topic.num_partitions}]" for topic in topics)
        logger.info("created topics, with so many partitions: %s", counted)

    async def _await_all(self, wanted: Iterable[str]) -> dict[str, int]:
        while True:
            counts = await self._counts()
            if all(name in counts for name in wanted):
                return counts
            await asyncio.sleep(0.1)

    async def _check_retention(self, existing: Iterable[str]) -> None:
        for name, config in (await self._configs(existing)).items():
            for warning in retention_warnings(name, config, self.plan.history_days):
                logger.warning(warning)

    def _check_ledger_count(self, counts: Mapping[str, int]) -> None:
        ledger = counts.get(self.names.ledger)
        sources = {counts[name] for name in self.names.sources if name in counts}
        if ledger is not None and sources and sources != {ledger}:
            raise LedgerError(
                f"topic {self.names.ledger} has {ledger} partitions, but the source topics have"
                f" {', '.join(map(str, sorted(sources)))}: their state lies elsewhere now. Stop"
                " all workers and run `monitor repartition`"
            )

    async def _check_compacted(self, names: Iterable[str]) -> None:
        for name, config in (await self._configs(names)).items():
            if config.get("cleanup.policy", "compact") != "compact":
                raise LedgerError(
                    f"topic {name} has cleanup.policy={config['cleanup.policy']}: it would lose"
                    " state. Set cleanup.policy=compact with kafka-configs.sh --alter --topic"
                    f" {name}"
                )

    async def _configs(self, names: Iterable[str]) -> dict[str, dict[str, str]]:
        """Settings of topics by their names; without those that the broker does not tell."""
        resources = [
            ConfigResource(ConfigResourceType.TOPIC, name, dict.fromkeys(_CHECKED))
            for name in names
        ]
        if not resources:
            return {}
        try:
            responses = await self.admin.describe_configs(resources)
        except IncompatibleBrokerVersion:
            logger.debug("the broker does not tell its topics' settings")
            return {}
        found = {}
        for response in responses:
            for code, message, _, name, entries in cast("Any", response).resources:
                if code:
                    logger.warning("the settings of topic %s cannot be read: %s", name, message)
                else:
                    found[name] = {entry[0]: entry[1] for entry in entries}
        return found


def kept_for(days: int) -> dict[str, str]:
    """The settings of a topic that keeps its records for so long."""
    return {
        "retention.ms": str(days * _DAY_MILLIS),
        "retention.bytes": _FOREVER,
        "cleanup.policy": "delete",
    }


def retention_warnings(name: str, config: Mapping[str, str], history_days: int) -> list[str]:
    """What a topic's settings lose of the history that the policies count."""
    warnings = []
    needed = history_days * _DAY_MILLIS
    kept = config.get("retention.ms", _FOREVER)
    if kept != _FOREVER and int(kept) < needed:
        warnings.append(
            f"topic {name} keeps its records for {int(kept) / _DAY_MILLIS:.3g} days, but the"
            f" policies look back {history_days} days: numbers will be too low. Set"
            f" retention.ms={needed} with kafka-configs.sh --alter --topic {name}"
        )
    if config.get("retention.bytes", _FOREVER) != _FOREVER:
        warnings.append(
            f"topic {name} drops records by size (retention.bytes={config['retention.bytes']}):"
            " the history that the policies count may be cut. Set retention.bytes=-1"
        )
    if "compact" in config.get("cleanup.policy", ""):
        warnings.append(
            f"topic {name} is compacted: of each seller only the last event would be kept."
            " Set cleanup.policy=delete"
        )
    return warnings


def _common_count(counts: Mapping[str, int]) -> int | None:
    """The one partition count of all topics that exist (0 = of no importance)."""
    given = {name: count for name, count in counts.items() if count}
    if len(set(given.values())) > 1:
        listed = ", ".join(f"{name} has {count}" for name, count in given.items())
        most = max(given.values())
        raise ClusterError(
            f"the topics must have equal partition counts, but {listed}. Raise all to {most}"
            f" (kafka-topics.sh --alter --partitions {most}); keys that lie in another partition"
            " from then on must be published again, so rather do it while they are empty"
        )
    return next(iter(given.values()), None)


@asynccontextmanager
async def _admin(cluster: Cluster) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(**cluster.client_options())
    try:
        await admin.start()
        yield admin
    finally:
        await admin.close()


def _unreachable(cluster: Cluster, error: BaseException) -> str:
    said = str(error) or type(error).__name__
    return (
        f"the Kafka cluster at {cluster.address} does not answer: {said}. Check the address"
        " (host:port of a listener that this machine can reach), that the broker runs, and"
        f" that it expects {cluster.security_protocol}"
    )
