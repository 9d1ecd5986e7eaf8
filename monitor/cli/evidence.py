"""Commands that prove something to others: ``verify``, ``sign-head``, ``bundle``."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from monitor import __version__
from monitor.cli.options import (
    ALERT_ID,
    ARCHIVE,
    CONFIG,
    EARLIER,
    FILE,
    PREFIX,
    SERVERS,
    form_option,
)
from monitor.cli.status import DIFFERS, DONE, NOT_INTACT

if TYPE_CHECKING:
    from monitor.audit.alert_id import AlertId
    from monitor.audit.logs import Log
    from monitor.audit.watched import Watch
    from monitor.cluster import Cluster
    from monitor.core.instants import Instant
    from monitor.stream.topics import TopicNames

KEY = click.option(
    "--key",
    "key_file",
    type=FILE,
    help="File of an Ed25519 key (PEM), or of a secret of at least 32 bytes (HMAC-SHA256).",
)


@click.command()
@SERVERS
@PREFIX
@CONFIG
@ARCHIVE
@EARLIER
@click.option(
    "--head", "head_file", type=FILE, help="Compare with this head, of `monitor sign-head`."
)
@KEY
@form_option("text", "json")
def verify(
    earlier_partitions: tuple[int, ...],
    head_file: Path | None,
    key_file: Path | None,
    form: str,
    **where: Any,
) -> int:
    """Check the hash chains of the alert log: gaps, alterations, reorderings, foreign records.

    Each fault is named by topic[partition]@offset. That the end was cut off, or all was written
    anew, shows only against a signed head. Exit status: 0 intact, 1 not, 2 could not run.
    """
    from monitor.audit.heads import opened
    from monitor.audit.keys import read_verifier
    from monitor.audit.verification import FORMATS
    from monitor.audit.verification import verify as check

    if (head_file is None) != (key_file is None):
        raise click.UsageError("--head and --key go together")
    head = None
    if head_file is not None and key_file is not None:
        head = opened(head_file.read_bytes(), read_verifier(key_file))
    place = topics_of(**where)
    with place.open_log("alerts") as log:
        if head is None:
            found = check(log, earlier_partitions)
        else:
            found = check(log, earlier_partitions, head.marks, head.made_at)
    FORMATS[form](found, sys.stdout)
    return DONE if found.intact else NOT_INTACT


@click.command("sign-head")
@SERVERS
@PREFIX
@CONFIG
@ARCHIVE
@EARLIER
@KEY
@click.argument("out", type=click.Path(dir_okay=False, path_type=Path))
def sign_head(
    earlier_partitions: tuple[int, ...], key_file: Path | None, out: Path, **where: Any
) -> int:
    """Write the last record of each partition of the alert log, dated and signed, to a new file.

    Keep it where whoever can write the log cannot write: `monitor verify --head` compares with
    it. A log that is not intact is not signed: exit status 1, and its faults are named.
    """
    from monitor.audit.heads import head_of, sign
    from monitor.audit.keys import read_signer
    from monitor.audit.verification import FORMATS
    from monitor.audit.verification import verify as check
    from monitor.core.instants import instant_of, isoformat

    if key_file is None:
        raise click.UsageError("--key is required")
    check_new(out)
    signer = read_signer(key_file)
    place = topics_of(**where)
    with place.open_log("alerts") as log:
        found = check(log, earlier_partitions)
    if not found.intact:
        FORMATS["text"](found, sys.stderr)
        return NOT_INTACT
    made_at = isoformat(instant_of(datetime.now(UTC).replace(microsecond=0)))
    write_new(out, sign(head_of(found, made_at, __version__), signer))
    return DONE


@click.command()
@ALERT_ID
@click.argument("out", type=click.Path(dir_okay=False, path_type=Path))
@SERVERS
@PREFIX
@CONFIG
@ARCHIVE
@EARLIER
@click.option(
    "--pseudonymise",
    "secret_file",
    metavar="KEYFILE",
    type=FILE,
    help="Hash the ids of seller, orders and the like with the secret in this file.",
)
def bundle(
    alert_id: "AlertId",
    out: Path,
    earlier_partitions: tuple[int, ...],
    secret_file: Path | None,
    **where: Any,
) -> int:
    """Write all that one alert rests on to a new zip file, for somebody without Kafka.

    ALERT_ID is the record's `alert`, # and its `seq`. Exit status: 0 done, 1 the events and the
    policy do not give the figures of the record, 2 could not run.
    """
    from monitor.audit.bundle import bundle as packed
    from monitor.audit.dossier import gather
    from monitor.audit.keys import read_secret
    from monitor.errors import Irreproducible

    check_new(out)
    secret = None if secret_file is None else read_secret(secret_file)
    place = topics_of(**where)
    dossier = gather(place.open_log, alert_id, earlier_partitions)
    try:
        data = packed(dossier, secret)
    except Irreproducible as error:
        click.echo(f"error: {error}", err=True)
        return DIFFERS
    write_new(out, data)
    return DONE


@click.command("check-bundle")
@click.argument("file", type=FILE)
def check_bundle(file: Path) -> int:
    """Come to the figures of a bundle once more, and check what else it says.

    Exit status: 0 all is as it says, 1 something is not, 2 could not run.
    """
    from monitor.audit.bundle_check import check_bundle as check
    from monitor.audit.bundle_check import read_bundle
    from monitor.printable import printable

    findings = check(read_bundle(file))
    for checked, fault in findings:
        click.echo(f"WRONG: {checked}: {printable(fault, 2000)}" if fault else f"ok: {checked}")
    return DIFFERS if any(fault for _, fault in findings) else DONE


class Topics(NamedTuple):
    """Where the topics are, and what they are called."""

    cluster: "Cluster"
    names: "TopicNames"
    watch: "Watch"
    complete_from: "Instant | None" = None
    """From when on the settings say that history is complete."""

    @contextmanager
    def open_log(self, topic: str) -> Iterator["Log"]:
        """A topic by the name that the contract gives it, with a bar on stderr while it is read."""
        from monitor.audit.kafka_log import KafkaLog

        with KafkaLog(self.cluster, getattr(self.names, topic)) as log:
            yield self.watch.log(log)


class ArchivedTopics(NamedTuple):
    """The topics in an archive."""

    folder: Path
    watch: "Watch"
    complete_from: "Instant | None" = None

    @contextmanager
    def open_log(self, topic: str) -> Iterator["Log"]:
        """A topic by the name that the contract gives it, with a bar on stderr while it is read."""
        from monitor.audit.archive_files import folder_of, open_topic
        from monitor.audit.archive_log import ArchiveLog

        yield self.watch.log(ArchiveLog(open_topic(self.folder, folder_of(topic))))


def topics_of(
    servers: str | None, prefix: str, config: Path | None, archive: Path | None = None
) -> Topics | ArchivedTopics:
    """Where options say that the topics are; a usage error where two of them do."""
    from monitor.audit.watched import Watch

    if archive is None:
        return cluster_topics(servers, prefix, config)
    if servers is not None or config is not None:
        raise click.UsageError("of --kafka, --config and --archive only one can be given")
    if prefix:
        raise click.UsageError("--prefix goes with --kafka")
    return ArchivedTopics(archive, Watch(sys.stderr))


def cluster_topics(servers: str | None, prefix: str, config: Path | None) -> Topics:
    """What ``--kafka`` and ``--prefix``, or ``--config``, say; a usage error where both do."""
    from monitor.audit.watched import Watch
    from monitor.cluster import Cluster
    from monitor.stream.topics import TopicNames

    if servers is not None and config is None:
        cluster = Cluster(tuple(servers.split(",")))
        return Topics(cluster, TopicNames.prefixed(prefix), Watch(sys.stderr))
    if config is None or servers is not None:
        raise click.UsageError("name a cluster with --kafka, or a settings file with --config")
    if prefix:
        raise click.UsageError("--prefix goes with --kafka")
    from monitor.live import worker_settings
    from monitor.settings import load_configuration

    settings = worker_settings(load_configuration(config))
    return Topics(settings.cluster, settings.names, Watch(sys.stderr), settings.complete_from)


def check_new(path: Path) -> None:
    """Raise a usage error where a file is there already: nothing is overwritten."""
    if path.exists():
        raise click.UsageError(f"{path} is there already")


def write_new(path: Path, data: bytes) -> None:
    """Write a file that does not exist yet; a usage error where it cannot be made."""
    try:
        with path.open("xb") as file:
            file.write(data)
    except OSError as error:
        raise click.UsageError(f"{path}: cannot be written: {error.strerror}") from None
