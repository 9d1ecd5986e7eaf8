"""The sections of config/monitor.toml: every key, its type, its default."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from monitor.cluster import Cluster, SaslMechanism, SecurityProtocol
from monitor.core.events import SOURCE_TOPICS, SourceTopic
from monitor.settings.notify_sections import NotifySection
from monitor.settings.values import (
    Days,
    Moment,
    Paths,
    Seconds,
    Section,
    Sellers,
    Servers,
    Text,
    Topic,
    Topics,
    Whole,
)

ENVIRONMENT_PREFIX = "MONITOR_"
NESTED_DELIMITER = "__"


class KafkaSection(Section):
    """``[kafka]``: the cluster and how to log in."""

    bootstrap_servers: Servers = ("localhost:9092",)
    security_protocol: SecurityProtocol = "PLAINTEXT"
    sasl_mechanism: SaslMechanism = "PLAIN"
    username: Text | None = None
    password: SecretStr | None = None
    password_file: Path | None = None
    ssl_cafile: Path | None = None
    ssl_certfile: Path | None = None
    ssl_keyfile: Path | None = None

    def cluster(self) -> Cluster:
        """The cluster as the Kafka clients need it, the password in clear."""
        return Cluster(
            servers=self.bootstrap_servers,
            security_protocol=self.security_protocol,
            sasl_mechanism=self.sasl_mechanism,
            username=self.username,
            password=self.password.get_secret_value() if self.password else None,
            ca_file=_text(self.ssl_cafile),
            certificate_file=_text(self.ssl_certfile),
            key_file=_text(self.ssl_keyfile),
        )


class ConsumerSection(Section):
    """``[consumer]``: the worker's place in its consumer group.

    ``instance_id`` is unique per worker and kept over restarts: static group membership.
    """

    group: Text = "seller-health-monitor"
    instance_id: Text | None = None
    session_timeout_seconds: Annotated[Seconds, Field(ge=1, le=300)] = 8.0


class TopicsSection(Section):
    """``[topics]``: their names on the cluster, and how missing ones are made.

    ``retention_days`` is that of the four sources; once loaded it is never None, by default
    the policies' longest retention and a margin. Without ``replication_factor`` the broker
    decides. ``raw_inputs`` exist already, with any number of partitions; their events are
    published again on the sources, keyed by seller. ``complete_from`` is the instant from
    which on they hold all that happened.
    """

    orders: Topic = "orders"
    feedback: Topic = "feedback"
    claims: Topic = "claims"
    messages: Topic = "messages"
    alerts: Topic = "alerts"
    evaluations: Topic = "evaluations"
    dead_letters: Topic = "dead-letters"
    ledger: Topic = "ledger"
    deliveries: Topic = "deliveries"
    silences: Topic = "silences"
    policies: Topic = "policies"
    raw_inputs: Topics = ()
    partitions: Annotated[Whole, Field(ge=1, le=100_000)] = 4
    replication_factor: Annotated[Whole, Field(ge=1, le=32_767)] | None = None
    complete_from: Moment | None = None
    retention_days: Days | None = None
    alerts_retention_days: Days = 1825
    dead_letters_retention_days: Days = 30

    def source(self, topic: SourceTopic) -> str:
        """Name of a source topic on the cluster."""
        name: str = getattr(self, topic)
        return name

    @property
    def sources(self) -> dict[str, SourceTopic]:
        """The four source topics by their name on the cluster."""
        return {self.source(topic): topic for topic in SOURCE_TOPICS}


class PrometheusSection(Section):
    """``[prometheus]``: where the pages are served; which sellers ``/metrics`` shows singly.

    Those of ``sellers``, and the ``worst_sellers`` of the others, as far as ``series_max``
    allows; the rest are summed. Without either setting all are shown.
    """

    host: Text = "127.0.0.1"
    port: Annotated[Whole, Field(ge=0, le=65_535)] = 9464
    series_max: Annotated[Whole, Field(ge=1)] = 50_000
    sellers: Sellers = ()
    worst_sellers: Annotated[Whole, Field(ge=0)] | None = None


class LogSection(Section):
    """``[log]``: how the program talks about itself."""

    format: Literal["text", "json"] = "text"
    level: Literal["debug", "info", "warning", "error"] = "info"


class PolicyPaths(BaseSettings):
    """The setting that can be read where others are wrong: which policy files there are."""

    model_config = SettingsConfigDict(
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
        env_prefix=ENVIRONMENT_PREFIX,
        env_nested_delimiter=NESTED_DELIMITER,
    )

    policies: Paths

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment before the file, nothing else."""
        return env_settings, init_settings


class Settings(PolicyPaths):
    """config/monitor.toml, overlaid by the environment (``MONITOR_KAFKA__USERNAME`` …).

    Once loaded, paths are absolute, ``policies`` are files and secrets are read from their
    files. Secrets are ``SecretStr``: neither ``repr`` nor ``str`` shows them.
    """

    model_config = SettingsConfigDict(extra="forbid")

    tick_seconds: Annotated[Whole, Field(ge=1, le=3600)] = 1
    kafka: KafkaSection = KafkaSection()
    consumer: ConsumerSection = ConsumerSection()
    topics: TopicsSection = TopicsSection()
    prometheus: PrometheusSection = PrometheusSection()
    notify: NotifySection = NotifySection()
    log: LogSection = LogSection()


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)
