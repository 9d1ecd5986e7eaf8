"""``monitor archive`` end to end, on given streams."""

import fcntl
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from monitor.audit.archive_copy import Copied, Copy, gaps_of
from monitor.audit.archive_files import Gap, folder_of
from monitor.audit.console import Streams
from monitor.audit.kafka_identity import Identity
from monitor.audit.logs import OpenLog
from monitor.errors import UnreadableSource

TOPICS = (
    *("alerts", "evaluations", "policies", "dead_letters"),
    *("orders", "feedback", "claims", "messages"),
)
"""What is archived, as the contract names it; the end of the alerts is found first.

So whatever an archived alert rests on is archived with it.
"""


def archive(
    open_log: OpenLog, identity: Identity, names: Mapping[str, str], folder: Path, out: Streams
) -> bool:
    """Copy what an archive lacks, and say what was copied and what is missing.

    All topics are checked before anything is written.

    Args:
        open_log: opens a topic of ``TOPICS``.
        identity: which cluster it is.
        names: what these topics are called there.
        folder: where the archive is, or is to be.
        out: what was copied goes to ``stdout``, what is missing to ``stderr``.

    Returns:
        False where something was gone before this run could copy it.

    Raises:
        UnreadableSource: the archive is of another cluster or topic, is being written by
            somebody else or cannot be written, or a topic cannot be read.
    """
    present = [topic for topic in TOPICS if names[topic] in identity.topics]
    absent = [topic for topic in TOPICS if topic not in present]
    if not present:
        raise UnreadableSource(f"the cluster has none of the topics {', '.join(names.values())}")
    for topic in absent:
        if (folder / folder_of(topic)).exists():
            raise UnreadableSource(
                f"the archive holds topic {names[topic]}, which the cluster has no more"
            )
    gaps = list[tuple[str, Gap]]()
    with ExitStack() as closing, _written(folder):
        copies = {
            topic: Copy(
                folder,
                folder_of(topic),
                identity.cluster_id,
                closing.enter_context(open_log(topic)),
            )
            for topic in present
        }
        for topic, copy in copies.items():
            done = list(copy.run())
            print(_line(names[topic], done), file=out.stdout, flush=True)
            gaps += [(one.topic, gap) for one in done for gap in one.gaps]
        for name, gap in gaps_of(folder, [folder_of(topic) for topic in present]):
            print(_gap_line(name, gap, is_new=(name, gap) in gaps), file=out.stderr)
    for topic in absent:
        print(f"the cluster has no topic {names[topic]}: not archived", file=out.stderr)
    return not gaps and not absent


@contextmanager
def _written(folder: Path) -> Iterator[None]:
    """The archive, written by nobody else meanwhile."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / ".lock").open("wb") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise UnreadableSource(f"another program is writing to {folder}") from None
            yield
    except OSError as error:
        raise UnreadableSource(f"{folder} cannot be written: {error.strerror or error}") from error


def _line(topic: str, done: list[Copied]) -> str:
    records, files = sum(one.records for one in done), sum(one.files for one in done)
    empty = sum(one.empty_offsets for one in done)
    if not files:
        return f"{topic}: nothing new"
    rest = f"; {empty:,} offsets hold no record (markers, taken back, compacted)" if empty else ""
    return f"{topic}: {records:,} records added in {files:,} files{rest}"


def _gap_line(topic: str, gap: Gap, *, is_new: bool) -> str:
    when = "retention took them before this run" if is_new else "since an earlier run"
    return f"{topic}[{gap.partition}]: offsets {gap.begin} to {gap.end - 1} are missing: {when}"
