"""Which records a command reads, and at which instant: what its options say together."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from monitor.cli.evidence import ArchivedTopics, Topics, topics_of

if TYPE_CHECKING:
    from monitor.audit.alert_id import AlertId
    from monitor.audit.kafka_source import KafkaSource
    from monitor.audit.sources import PartitionedSource, Source
    from monitor.audit.spans import Since, Until
    from monitor.core.instants import Instant


class Scope(NamedTuple):
    """The records to read, and the instant to report on."""

    source: "Source"
    as_of: "Instant"
    topics: "PartitionedSource | None" = None
    """The source where it is of topics."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The options, as they are named on the command line."""

    files: tuple[Path, ...]
    as_of: "Instant | None"
    kafka: str | None
    prefix: str
    config: Path | None
    raw_inputs: tuple[str, ...]
    with_sources: bool
    since: str | None
    to: str | None
    known_at: "Instant | None"
    cut: "AlertId | None"
    earlier_partitions: tuple[int, ...]
    archive: Path | None = None


def find_scope(asked: Asked) -> Scope:
    """The records and the instant that options ask for.

    Raises:
        click.UsageError: they contradict each other.
        UnreadableSource: one makes no sense, or the alert log cannot be read.
        NothingToExplain: there is no such alert record.
    """
    if bool(asked.files) == bool(asked.kafka or asked.config or asked.archive):
        raise click.UsageError("name the files to read, or a cluster with --kafka, or an --archive")
    if asked.files:
        return _of_files(asked)
    _check_topics(asked)
    place = topics_of(asked.kafka, asked.prefix, asked.config, asked.archive)
    until, as_of = _end(asked, place)
    if as_of is None:
        raise click.UsageError("say --as-of, --known-at or --cut")
    source = _topics(asked, place, until)
    return Scope(source, as_of, source)


def _check_topics(asked: Asked) -> None:
    if len([end for end in (asked.to, asked.known_at, asked.cut) if end is not None]) > 1:
        raise click.UsageError("of --to, --known-at and --cut only one can be given")
    if asked.with_sources and not asked.raw_inputs:
        raise click.UsageError("--with-sources goes with --raw")
    if asked.cut is not None and asked.raw_inputs:
        raise click.UsageError("--cut is of the four topics: it does not go with --raw")
    if asked.cut is not None and asked.earlier_partitions:
        raise click.UsageError("--cut names one partition: with --earlier-partitions say --to")
    if asked.archive is not None and asked.raw_inputs:
        raise click.UsageError("raw inputs are not archived: --raw goes with --kafka")


def _of_files(asked: Asked) -> Scope:
    from monitor.audit.files import FileSource

    of_topics = {
        "--to": asked.to,
        "--from": asked.since,
        "--known-at": asked.known_at,
        "--cut": asked.cut,
        "--raw": asked.raw_inputs,
        "--earlier-partitions": asked.earlier_partitions,
        "--prefix": asked.prefix,
    }
    for option, value in of_topics.items():
        if value not in (None, (), ""):
            raise click.UsageError(f"{option} goes with --kafka")
    if asked.as_of is None:
        raise click.UsageError("say --as-of")
    return Scope(FileSource(asked.files), asked.as_of)


def _end(asked: Asked, place: Topics | ArchivedTopics) -> "tuple[Until | None, Instant | None]":
    """Where to stop reading, and the instant to report on."""
    from monitor.audit.spans import Until, arrived_by, parse_until

    if asked.cut is not None:
        from monitor.audit.search import find_record
        from monitor.audit.spans import offsets_of
        from monitor.core.instants import parse_instant

        with place.open_log("alerts") as log:
            record = find_record(log, asked.cut, ()).record
        decided_at = parse_instant(record.as_of)
        until = Until(offsets=offsets_of(record.cut))
        return until, decided_at if asked.as_of is None else asked.as_of
    if asked.known_at is not None:
        return arrived_by(asked.known_at), asked.known_at if asked.as_of is None else asked.as_of
    return None if asked.to is None else parse_until(asked.to, asked.raw_inputs), asked.as_of


def _topics(
    asked: Asked, place: Topics | ArchivedTopics, until: "Until | None"
) -> "PartitionedSource":
    from monitor.audit.spans import parse_since

    since = None if asked.since is None else parse_since(asked.since, asked.raw_inputs)
    if isinstance(place, ArchivedTopics):
        from monitor.audit.archive_source import ArchiveSource

        return ArchiveSource(place.folder, until, asked.earlier_partitions, since)
    return _of_cluster(asked, place, until, since)


def _of_cluster(
    asked: Asked, place: Topics, until: "Until | None", since: "Since | None"
) -> "KafkaSource":
    from monitor.audit.kafka_source import KafkaSource
    from monitor.core.events import SOURCE_TOPICS

    is_with_sources = asked.with_sources or not asked.raw_inputs
    names = {topic: place.names.source(topic) for topic in SOURCE_TOPICS if is_with_sources}
    if set(names.values()) & set(asked.raw_inputs):
        raise click.UsageError("a topic cannot be a source and a raw input")
    return KafkaSource(
        place.cluster, names, until, asked.raw_inputs, asked.earlier_partitions, since
    )
