"""Commands that prove something to others: ``verify`` and ``sign-head``."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from monitor import __version__
from monitor.cli.options import CONFIG, EARLIER, FILE, PREFIX, SERVERS, form_option
from monitor.cli.status import DONE, NOT_INTACT

if TYPE_CHECKING:
    from monitor.cluster import Cluster
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
    from monitor.audit.kafka_log import KafkaLog
    from monitor.audit.keys import read_verifier
    from monitor.audit.verification import FORMATS
    from monitor.audit.verification import verify as check

    if (head_file is None) != (key_file is None):
        raise click.UsageError("--head and --key go together")
    head = None
    if head_file is not None and key_file is not None:
        head = opened(head_file.read_bytes(), read_verifier(key_file))
    place = topics_of(**where)
    with KafkaLog(place.cluster, place.names.alerts) as log:
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
    from monitor.audit.kafka_log import KafkaLog
    from monitor.audit.keys import read_signer
    from monitor.audit.verification import FORMATS
    from monitor.audit.verification import verify as check
    from monitor.core.instants import instant_of, isoformat

    if key_file is None:
        raise click.UsageError("--key is required")
    signer = read_signer(key_file)
    place = topics_of(**where)
    with KafkaLog(place.cluster, place.names.alerts) as log:
        found = check(log, earlier_partitions)
    if not found.intact:
        FORMATS["text"](found, sys.stderr)
        return NOT_INTACT
    made_at = isoformat(instant_of(datetime.now(UTC).replace(microsecond=0)))
    write_new(out, sign(head_of(found, made_at, __version__), signer))
    return DONE


class Topics(NamedTuple):
    """Where the topics are, and what they are called."""

    cluster: "Cluster"
    names: "TopicNames"


def topics_of(servers: str | None, prefix: str, config: Path | None) -> Topics:
    """What ``--kafka`` and ``--prefix``, or ``--config``, say; a usage error where both do."""
    from monitor.cluster import Cluster
    from monitor.stream.topics import TopicNames

    if servers is not None and config is None:
        return Topics(Cluster(tuple(servers.split(","))), TopicNames.prefixed(prefix))
    if config is None or servers is not None:
        raise click.UsageError("name a cluster with --kafka, or a settings file with --config")
    if prefix:
        raise click.UsageError("--prefix goes with --kafka")
    from monitor.live import worker_settings
    from monitor.settings import load_configuration

    settings = worker_settings(load_configuration(config))
    return Topics(settings.cluster, settings.names)


def write_new(path: Path, data: bytes) -> None:
    """Write a file that does not exist yet; a usage error where it cannot be made."""
    try:
        with path.open("xb") as file:
            file.write(data)
    except OSError as error:
        raise click.UsageError(f"{path}: cannot be written: {error.strerror}") from None
