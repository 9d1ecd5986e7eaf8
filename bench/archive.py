"""How fast an archive is read, against the same events in a JSONL file.

Keys: archive_over_jsonl (the events of one seller are looked for, as `monitor explain` does, and
decoded), archive_values_over_jsonl (all values, as a replay reads them, without decoding). Both
by processor time, and all that is passed over counts; files are in the page cache. What a whole
replay gains is printed besides, and a compressed JSONL file.
"""

import gzip
import resource
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from bench.events import Record, feed, records
from bench.replay import printed_by, replayed
from bench.results import Plan, Results
from bench.spread import ratios
from monitor.audit.archive_source import ArchiveSource
from monitor.audit.files import FileSource
from monitor.audit.replay import Intake
from monitor.audit.sources import Source
from monitor.cluster import Cluster
from monitor.core.instants import instant_of
from monitor.errors import InvalidEvent
from monitor.stream.topics import TopicNames, TopicPlan, prepare_topics

_PREFIX = "archive-"


async def measure(address: str, plan: Plan) -> Results:
    """Values/s from each, in turn; both have as many."""
    cluster, names = Cluster((address,)), TopicNames.prefixed(_PREFIX)
    await prepare_topics(cluster, names, TopicPlan(history_days=430), ledger=False)
    fed = records(sellers=plan.pick(100, 40), days=plan.pick(100, 40))
    await feed(cluster, names, fed)
    with tempfile.TemporaryDirectory(prefix="bench-archive-") as made:
        folder = Path(made)
        archive, plain, packed = folder / "archive", folder / "e.jsonl", folder / "e.jsonl.gz"
        began = time.monotonic()
        where = ("--kafka", address, "--prefix", _PREFIX)
        await printed_by("archive", *where, "--to", str(archive))
        _say("monitor archive", len(fed) / (time.monotonic() - began))
        _write(fed, plain, packed)
        _say_sizes(archive, plain, packed)
        places: dict[str, Callable[[], Source]] = {
            "archive": lambda: ArchiveSource(archive),
            "JSONL": lambda: FileSource([plain]),
        }
        rates = defaultdict[tuple[str, str], list[float]](list)
        for _ in range(plan.rounds):
            for name, opened in places.items():
                rates["one", name].append(_rate_of_one(opened(), fed))
                rates["all", name].append(_rate(opened(), len(fed)))
                _say(f"one seller's events, {name}", rates["one", name][-1])
                _say(f"all values, {name}", rates["all", name][-1])
        _say("all values, JSONL in gzip", _rate(FileSource([packed]), len(fed)))
        await _say_replays(
            {
                "--kafka": ("--kafka", address, "--prefix", _PREFIX),
                "--archive": ("--archive", str(archive)),
                "the JSONL file": (str(plain),),
                "the JSONL file in gzip": (str(packed),),
            },
            len(fed),
        )
    return {
        "archive_over_jsonl": ratios(rates["one", "archive"], rates["one", "JSONL"]),
        "archive_values_over_jsonl": ratios(rates["all", "archive"], rates["all", "JSONL"]),
    }


def _rate_of_one(source: Source, fed: list[Record]) -> float:
    """Records that are passed over per s of processor time, to get at one seller's events."""
    sizes = Counter(one.key for one in fed)
    key, count = sizes.most_common()[len(sizes) // 2]
    began = time.process_time()
    own = source.of_seller(key.decode())
    intake = Intake(own, instant_of(datetime.now(UTC)), _refuse, lambda weight: None)  # noqa: ARG005
    found = sum(event.seller == key.decode() for events in intake for event in events)
    seconds = time.process_time() - began
    if found != count:
        raise AssertionError(f"{found} events of a seller were found of {count}")
    return len(fed) / seconds


def _refuse(origin: str, error: InvalidEvent) -> None:
    raise AssertionError(f"{origin} is invalid: {error}")


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
