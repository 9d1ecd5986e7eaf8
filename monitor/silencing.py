"""Silences from the command line: read from the topic, made, ended, written back."""

import secrets
from typing import NamedTuple

from msgspec.structs import replace

from monitor.cluster import Cluster
from monitor.core.instants import DAY, Instant, isoformat
from monitor.errors import SilenceError
from monitor.live import worker_settings
from monitor.notify.silence_lines import Listed, listed, scope_of
from monitor.notify.silences import ANY, Silence
from monitor.printable import printable
from monitor.settings import Configuration
from monitor.settings.notify_sense import unknown_subject
from monitor.stream.delivery.hidden import silenced_records
from monitor.stream.silences_topic import SilencesTopic, write_silence
from monitor.stream.topics import TopicNames, TopicPlan, prepare_topics
from monitor.stream.worker import longest_history_days

LASTING_DAYS_MAX = 366
WORDS_MAX = 200

_ID_BYTES = 5


def new_id() -> str:
    """A random id."""
    return secrets.token_hex(_ID_BYTES)


async def add_silence(configuration: Configuration, now: Instant, silence: Silence) -> None:
    """Write a new silence.

    Raises:
        SilenceError: it would silence nothing, or far too much.
        ClusterError: the topic cannot be written.
    """
    _check(silence, now)
    prepared = await _prepared(configuration)
    await write_silence(prepared.cluster, prepared.names.silences, silence)


async def list_silences(
    configuration: Configuration, now: Instant, *, with_past: bool = False
) -> list[Listed]:
    """The silences that are active or to come, or all, with what they hide.

    Raises:
        ClusterError: the topics cannot be read.
    """
    prepared = await _prepared(configuration)
    silences = [one for one in await _read(prepared) if with_past or one.over_at > now]
    topic = prepared.names.deliveries
    hidden = await silenced_records(prepared.cluster, topic, prepared.partitions)
    return listed(silences, hidden, now)


async def expire_silence(configuration: Configuration, now: Instant, name: str) -> Silence:
    """End a silence that is active or to come; ``name`` is its id.

    Raises:
        SilenceError: there is none of that id, or it is over.
        ClusterError: the topic cannot be read or written.
    """
    prepared = await _prepared(configuration)
    found = {one.id: one for one in await _read(prepared)}
    silence = found.get(name)
    if silence is None:
        raise SilenceError(f"there is no silence {printable(name)}: see `monitor silence list`")
    if silence.over_at <= now:
        raise SilenceError(f"silence {name} is over since {isoformat(silence.over_at)}")
    ended = replace(silence, expired_at=now)
    await write_silence(prepared.cluster, prepared.names.silences, ended)
    return ended


class _Prepared(NamedTuple):
    """The topics, those that were missing made as a worker would make them."""

    cluster: Cluster
    names: TopicNames
    partitions: int


async def _prepared(configuration: Configuration) -> _Prepared:
    settings = worker_settings(configuration)
    plan = settings.plan or TopicPlan(longest_history_days(configuration.rulebook))
    partitions = await prepare_topics(settings.cluster, settings.names, plan)
    return _Prepared(settings.cluster, settings.names, partitions)


async def _read(prepared: _Prepared) -> list[Silence]:
    topic = SilencesTopic(prepared.cluster, prepared.names.silences)
    await topic.read()
    return list(topic.current())


def _check(silence: Silence, now: Instant) -> None:
    if scope_of(silence) == "everything":
        raise SilenceError(
            "name a seller, a marketplace or a metric: this would silence everything"
        )
    if silence.ends_at <= max(silence.begins_at, now):
        raise SilenceError(f"it would be over by {isoformat(silence.ends_at)}: nothing is silenced")
    if silence.ends_at - silence.begins_at > LASTING_DAYS_MAX * DAY:
        raise SilenceError(
            f"a silence lasts {LASTING_DAYS_MAX} days at most: forgotten ones hide much"
        )
    if silence.metric != ANY and (fault := unknown_subject(silence.metric)):
        raise SilenceError(fault)
    for name, text in (("author", silence.author), ("reason", silence.reason)):
        if not 0 < len(text.strip()) <= WORDS_MAX:
            raise SilenceError(f"{name} must have 1 to {WORDS_MAX} characters")
