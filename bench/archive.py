"""How fast the values of an archive are read, against the same in a JSONL file.

Keys: archive_over_jsonl. Both as a replay reads them, without decoding, by processor time; files
are in the page cache. What a whole replay gains is printed besides, and a compressed JSONL file.
"""

import gzip
import resource
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from bench.events import Record, feed, records
from bench.replay import printed_by, replayed
from bench.results import Plan, Results
from bench.spread import ratios
from monitor.audit.archive_source import ArchiveSource
from monitor.audit.files import FileSource
from monitor.audit.sources import Source
from monitor.cluster import Cluster
from monitor.stream.topics import TopicNames, TopicPlan, prepare_topics

_PREFIX = "archive-"


async def measure(address: str, plan: Plan) -> Results:
    """Values/s from each, in turn; both have as many."""
    cluster, names = Cluster((address,)), TopicNames.prefixed(_PREFIX)
    await prepare_topics(cluster, names, TopicPlan(history_days=430), ledger=False)
    fed = records(sellers=plan.pick(100, 40), days=plan.pick(100, 40))
    await feed(cluster, names, fed)
    with tempfile.TemporaryDirectory(prefix="bench-archive-") as name:
        folder = Path(name)
        archive, plain, packed = folder / "archive", folder / "e.jsonl", folder / "e.jsonl.gz"
        began = time.monotonic()
        where = ("--kafka", address, "--prefix", _PREFIX)
        await printed_by("archive", *where, "--to", str(archive))
        _say("monitor archive", len(fed) / (time.monotonic() - began))
        _write(fed, plain, packed)
        _say_sizes(archive, plain, packed)
        of_archive, of_lines = list[float](), list[float]()
        for _ in range(plan.rounds):
            of_archive.append(_rate(ArchiveSource(archive), len(fed)))
            of_lines.append(_rate(FileSource([plain]), len(fed)))
            _say("values of the archive", of_archive[-1])
            _say("values of the JSONL file", of_lines[-1])
        _say("values of the JSONL file in gzip", _rate(FileSource([packed]), len(fed)))
        await _say_replays(
            {
                "--kafka": ("--kafka", address, "--prefix", _PREFIX),
                "--archive": ("--archive", str(archive)),
                "the JSONL file": (str(plain),),
                "the JSONL file in gzip": (str(packed),),
            },
            len(fed),
        )
    return {"archive_over_jsonl": ratios(of_archive, of_lines)}


def _rate(source: Source, count: int) -> float:
    """Values/s of processor time: nothing is waited for, and others may use the machine."""
    began = time.process_time()
    found = sum(len(chunk.values) for chunk in source.chunks())
    seconds = time.process_time() - began
    if found != count:
        raise AssertionError(f"{found} values were read of {count}")
    return found / seconds


def _write(fed: list[Record], plain: Path, packed: Path) -> None:
    with plain.open("wb") as file:
        file.writelines(one.value + b"\n" for one in fed)
    packed.write_bytes(gzip.compress(plain.read_bytes(), 6))


def _spent_seconds() -> float:
    """Processor time of the commands that have ended."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


async def _say_replays(places: dict[str, tuple[str, ...]], count: int) -> None:
    as_of = datetime.now(UTC).isoformat()
    printed = set()
    for what, place in places.items():
        before = _spent_seconds()
        _, lines = await replayed(*place, "--as-of", as_of)
        printed.add(lines)
        _say(f"monitor replay, {what}, processor time", count / (_spent_seconds() - before))
    if len(printed) > 1:
        raise AssertionError("the same records give other lines from elsewhere")


def _say_sizes(archive: Path, plain: Path, packed: Path) -> None:
    sizes = {
        "archive": sum(path.stat().st_size for path in archive.rglob("*") if path.is_file()),
        "JSONL": plain.stat().st_size,
        "JSONL in gzip": packed.stat().st_size,
    }
    print("  MB:", ", ".join(f"{what} {size / 1e6:,.0f}" for what, size in sizes.items()))


def _say(what: str, rate: float) -> None:
    print(f"  {what}: {rate:,.0f} events/s", flush=True)
