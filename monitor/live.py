"""``monitor run``: settings become a worker with its metrics page, console and receivers."""

import logging
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from monitor.core.alert_records import AlertRecord
from monitor.exporter import Bounds, metrics_server
from monitor.notify.configured import routing_of, styles_of
from monitor.notify.desk import desk_of
from monitor.notify.grouping import Grouping
from monitor.notify.plan import Addressee, DeliveryPlan
from monitor.notify.receivers import receiver_of
from monitor.notify.text import sentence_of
from monitor.settings import Configuration
from monitor.settings.sections import LogSection
from monitor.stream.app import Membership
from monitor.stream.clock import Clock, SystemClock
from monitor.stream.retried import keep_retried_errors_out
from monitor.stream.silences_topic import SilencesTopic
from monitor.stream.topics import TopicNames, TopicPlan
from monitor.stream.worker import Worker, WorkerSettings, longest_history_days, run

logger = logging.getLogger(__name__)


def run_live(configuration: Configuration) -> int:
    """Run a worker until SIGTERM or SIGINT; exit status 0.

    Raises:
        ClusterError: Kafka cannot be reached, or is not as the worker needs it.
        ConfigError: the metrics port is taken.
    """
    begin_logging(configuration.settings.log)
    for warning in configuration.warnings:
        logger.warning("%s", warning)
    settings, rulebook = configuration.settings, configuration.rulebook

    @asynccontextmanager
    async def metrics(worker: Worker) -> AsyncIterator[None]:
        page = settings.prometheus
        async with metrics_server(
            worker,
            rulebook,
            host=page.host,
            port=page.port,
            bounds=Bounds(page.series_max, frozenset(page.sellers), page.worst_sellers),
        ) as url:
            logger.info("metrics are at %s", url)
            yield

    clock = SystemClock()
    return run(
        worker_settings(configuration),
        rulebook,
        clock=clock,
        on_record=_print_alert,
        delivery=delivery_plan(configuration, clock),
        beside=metrics,
    )


def worker_settings(configuration: Configuration) -> WorkerSettings:
    """What a worker needs to know of the settings."""
    settings = configuration.settings
    topics, consumer = settings.topics, settings.consumer
    return WorkerSettings(
        cluster=settings.kafka.cluster(),
        names=TopicNames(
            orders=topics.orders,
            feedback=topics.feedback,
            claims=topics.claims,
            messages=topics.messages,
            alerts=topics.alerts,
            evaluations=topics.evaluations,
            dead_letters=topics.dead_letters,
            ledger=topics.ledger,
            deliveries=topics.deliveries,
            silences=topics.silences,
            policies=topics.policies,
        ),
        membership=Membership(
            consumer.group, consumer.instance_id, consumer.session_timeout_seconds
        ),
        plan=TopicPlan(
            history_days=longest_history_days(configuration.rulebook),
            partitions=topics.partitions,
            replication=topics.replication_factor,
            source_days=topics.retention_days,
            alert_days=topics.alerts_retention_days,
            dead_letter_days=topics.dead_letters_retention_days,
        ),
        raw_inputs=topics.raw_inputs,
        complete_from=topics.complete_from,
    )


def delivery_plan(configuration: Configuration, clock: Clock) -> DeliveryPlan:
    """Who is told of alerts, in which words, and how they are grouped."""
    notify = configuration.settings.notify
    addressees = tuple(
        Addressee(receiver_of(name, section, clock.now), section.rate_per_minute)
        for name, section in notify.receivers.items()
    )
    settings = worker_settings(configuration)
    silences = SilencesTopic(settings.cluster, settings.names.silences)
    styles = styles_of(notify, _explain(configuration))
    return DeliveryPlan(
        addressees,
        desk_of(configuration.rulebook, styles, routing_of(notify), silences.current),
        Grouping(notify.group_wait_seconds, notify.late_hours),
        notify.failing_after_seconds,
        (silences,) if addressees else (),
    )


def _explain(configuration: Configuration) -> list[str]:
    """The beginning of the command that lists orders; nothing where it does not get at them.

    It knows no login, and the source topics only by their own names.
    """
    settings = configuration.settings
    is_plain = settings.kafka.security_protocol == "PLAINTEXT"
    if not is_plain or any(name != topic for name, topic in settings.topics.sources.items()):
        return []
    policies = [word for path in settings.policies for word in ("--policy", str(path))]
    return ["monitor", "explain", "--kafka", ",".join(settings.kafka.bootstrap_servers), *policies]


def begin_logging(section: LogSection) -> None:
    """Log to standard error, as text or JSON lines."""
    stamped = structlog.processors.TimeStamper(fmt="iso", utc=True)
    renderer: structlog.types.Processor = structlog.processors.JSONRenderer()
    if section.format == "text":
        renderer = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_log_level, stamped],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    logging.basicConfig(handlers=[handler], level=section.level.upper(), force=True)
    keep_retried_errors_out()


def _print_alert(record: AlertRecord) -> None:
    sys.stdout.write(f"{record.as_of}  {sentence_of(record)}\n")
    sys.stdout.flush()
