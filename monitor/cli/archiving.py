"""The command that keeps topics for longer than their cluster does: ``archive``."""

import sys
from pathlib import Path
from typing import Any

import click

from monitor.cli.evidence import cluster_topics
from monitor.cli.options import CONFIG, PREFIX, SERVERS
from monitor.cli.status import DONE, SOME_MISSING


@click.command()
@SERVERS
@PREFIX
@CONFIG
@click.option(
    "--to",
    "folder",
    metavar="DIR",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the archive is; made if need be.",
)
def archive(folder: Path, **where: Any) -> int:
    """Copy what an archive of Parquet files lacks of the topics, by day and partition.

    Run it again and again: it goes on where it ended, also after a kill. Exit status: 0 all
    there is was copied, 1 some was gone before this run could copy it, 2 could not run.
    """
    from monitor.audit.archive_command import TOPICS
    from monitor.audit.archive_command import archive as copied
    from monitor.audit.console import Streams
    from monitor.audit.kafka_identity import identity_of

    place = cluster_topics(**where)
    names = {topic: getattr(place.names, topic) for topic in TOPICS}
    streams = Streams(sys.stdout, sys.stderr)
    identity = identity_of(place.cluster)
    return DONE if copied(place.open_log, identity, names, folder, streams) else SOME_MISSING
