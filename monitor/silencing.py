"""Silences from the command line: read from the topic, made, ended, written back."""

import secrets

from msgspec.structs import replace

from monitor.cluster import Cluster
from monitor.core.instants import DAY, Instant, isoformat
from monitor.errors import SilenceError
from monitor.live import worker_settings
from monitor.notify.silence_lines import latest_first, scope_of
from monitor.notify.silences import ANY, Silence
from monitor.printable import printable
from monitor.settings import Configuration
from monitor.settings.notify_sense import unknown_subject
from monitor.stream.silences_topic import SilencesTopic, write_silence
from monitor.stream.topics import prepare_topics

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
    cluster, topic = await _prepared(configuration)
    await write_silence(cluster, topic, silence)


async def list_silences(
    configuration: Configuration, now: Instant, *, with_past: bool = False
) -> list[Silence]:
    """The silences that are active or to come, or all; those that end last come first.

    Raises:
        ClusterError: the topic cannot be read.
    """
    found = await _read(configuration)
    return latest_first(one for one in found if with_past or one.over_at > now)


async def expire_silence(configuration: Configuration, now: Instant, name: str) -> Silence:
    """End a silence that is active or to come; ``name`` is its id.

    Raises:
        SilenceError: there is none of that id, or it is over.
        ClusterError: the topic cannot be read or written.
    """
    found = {one.id: one for one in await _read(configuration)}
    silence = found.get(name)
    if silence is None:
        raise SilenceError(f"there is no silence {printable(name)}: see `monitor silence list`")
    if silence.over_at <= now:
        raise SilenceError(f"silence {name} is over since {isoformat(silence.over_at)}")
    ended = replace(silence, expired_at=now)
    cluster, topic = await _prepared(configuration)
    await write_silence(cluster, topic, ended)
    return ended


async def _read(configuration: Configuration) -> list[Silence]:
    topic = SilencesTopic(*await _prepared(configuration))
    await topic.read()
    return list(topic.current())


async def _prepared(configuration: Configuration) -> tuple[Cluster, str]:
    """The cluster and the topic, which is made where it is missing, as a worker would."""
    settings = worker_settings(configuration)
    if settings.plan is not None:
        await prepare_topics(settings.cluster, settings.names, settings.plan)
    return settings.cluster, settings.names.silences


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
