"""An archive holds what the topics held, once, goes on where it was stopped, and hides no gap."""

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.audit import archive_copy, archive_format
from monitor.audit.archive_command import TOPICS, archive
from monitor.audit.archive_copy import Copied, Copy
from monitor.audit.archive_files import day_of, open_topic, path_of
from monitor.audit.archive_log import ArchiveLog
from monitor.audit.archive_source import ArchiveSource
from monitor.audit.console import Streams
from monitor.audit.kafka_identity import Identity
from monitor.audit.logs import Log, LogRecord
from monitor.audit.spans import Since, Span, Until
from monitor.core.events import SOURCE_TOPICS
from monitor.core.instants import DAY, parse_instant
from monitor.errors import UnreadableSource
from tests.audit.memory import MemoryLog

MARCH = parse_instant("2026-03-01T23:59:00Z")


def record(offset: int, at: int = MARCH, key: bytes = b"s") -> LogRecord:
    return LogRecord(offset, key, f"v{offset}".encode(), (), at)


def copied(folder: Path, log: Log, cluster: str = "c1") -> list[Copied]:
    return list(Copy(folder, "orders", cluster, log).run())


def one_partition(records: Sequence[LogRecord], end: int | None = None) -> "Bounded":
    return Bounded({0: records}, end)


class Bounded(MemoryLog):
    """A log whose last offsets may hold no record, and that counts what is read of it."""

    def __init__(
        self, partitions: dict[int, Sequence[LogRecord]], end: int | None = None, begin: int = 0
    ) -> None:
        super().__init__(partitions, "x-orders")
        self._end, self._begin = end, begin
        self.read_from: list[int] = []

    def bounds(self) -> dict[int, tuple[int, int]]:
        if self._end is None:
            return dict(super().bounds())
        return dict.fromkeys(self._partitions, (self._begin, self._end))

    def read(
        self, partition: int, begin: int, end: int, key: bytes | None = None
    ) -> Iterator[Sequence[LogRecord]]:
        self.read_from.append(begin)
        return super().read(partition, begin, end, key)


def archived(folder: Path, number: int = 0) -> list[LogRecord]:
    log = ArchiveLog(open_topic(folder, "orders"))
    return [one for run in log.read(number, *log.bounds()[number]) for one in run]


def files(folder: Path) -> list[str]:
    return sorted(
        str(path.relative_to(folder / "orders")) for path in folder.glob("orders/*/*.parquet")
    )


TEXTS = st.binary(max_size=8)
HEADERS = st.lists(st.tuples(st.text(max_size=3), TEXTS), max_size=2).map(tuple)
RECORDS = st.lists(
    st.tuples(
        st.integers(1, 3),
        st.none() | TEXTS,
        st.none() | TEXTS,
        HEADERS,
        st.integers(-1, 5 * 86_400_000) | st.integers(-(2**60), 2**60),
    ),
    max_size=30,
)


@given(rows=RECORDS, group=st.integers(1, 7), size=st.integers(1, 9), data=st.data())
def test_whatever_is_archived_is_read_as_it_was(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[tuple[int, bytes | None, bytes | None, tuple[tuple[str, bytes], ...], int]],
    group: int,
    size: int,
    data: st.DataObject,
) -> None:
    folder, offset, records = tmp_path_factory.mktemp("archive"), -1, list[LogRecord]()
    for step, key, value, headers, millis in rows:
        offset += step
        records.append(LogRecord(offset, key, value, headers, millis * 1000))
    end = offset + 1 + data.draw(st.integers(0, 2))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(archive_format, "_GROUP_RECORDS", group)
        patched.setattr(archive_copy, "_FILE_RECORDS", size)
        first = data.draw(st.integers(0, end))
        copied(folder, one_partition([one for one in records if one.offset < first], first))
        copied(folder, one_partition(records, end))
    assert archived(folder) == records
    log = ArchiveLog(open_topic(folder, "orders"))
    assert log.bounds() == {0: (0, end)}
    low, high = sorted(data.draw(st.tuples(st.integers(0, end), st.integers(0, end))))
    found = [one for run in log.read(0, low, high) for one in run]
    assert found == [one for one in records if low <= one.offset < high]
    for key in {one.key for one in records if one.key is not None} | {b"nobody"}:
        under = [one for run in log.read(0, low, high, key) for one in run]
        assert under == [one for one in found if one.key == key]


def test_files_are_named_by_day_partition_and_offsets(tmp_path: Path) -> None:
    records = [record(3), record(4), record(6, MARCH + DAY), record(7, MARCH)]
    (done,) = copied(tmp_path, one_partition(records))
    assert files(tmp_path) == [
        "2026-03-01/00000-00000000000000000003-00000000000000000006.parquet",
        "2026-03-01/00000-00000000000000000007-00000000000000000008.parquet",
        "2026-03-02/00000-00000000000000000006-00000000000000000007.parquet",
    ]
    assert (done.files, done.records, done.empty_offsets) == (3, 4, 1)
    assert [(gap.begin, gap.end) for gap in done.gaps] == [(0, 3)]
    table = pq.read_table(next(tmp_path.glob("orders/2026-03-02/*")))
    assert table.to_pylist()[0]["value"] == b"v6"
    assert str(table.to_pylist()[0]["timestamp"]) == "2026-03-02 23:59:00+00:00"
    kept = pq.ParquetFile(next(tmp_path.glob("orders/2026-03-02/*"))).metadata
    assert {kept.row_group(0).column(n).compression for n in range(4)} == {"ZSTD"}


def test_a_second_run_adds_nothing_and_reads_only_the_last_record(tmp_path: Path) -> None:
    log = one_partition([record(n) for n in range(5)])
    copied(tmp_path, log)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    log.read_from.clear()
    (done,) = copied(tmp_path, log)
    assert (done.files, done.records, done.gaps) == (0, 0, [])
    assert log.read_from == [4]
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert {path for path in tmp_path.rglob("*") if path.is_file()} == set(before)


def test_what_was_killed_half_way_goes_on_after_its_last_whole_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive_copy, "_FILE_RECORDS", 4)
    records = [record(n) for n in range(11)]

    class Killed(Bounded):
        def read(
            self, partition: int, begin: int, end: int, key: bytes | None = None
        ) -> Iterator[Sequence[LogRecord]]:
            for run in super().read(partition, begin, end, key):
                if run and run[0].offset >= 6:
                    raise KeyboardInterrupt
                yield run

    with pytest.raises(KeyboardInterrupt):
        copied(tmp_path, Killed({0: records}))
    assert archived(tmp_path) == records[:4]
    log = one_partition(records)
    (done,) = copied(tmp_path, log)
    assert log.read_from == [3, 4]
    assert done.records == 7
    assert archived(tmp_path) == records


def test_trailing_markers_are_covered_and_not_read_again(tmp_path: Path) -> None:
    copied(tmp_path, one_partition([record(0)], 3))
    (done,) = copied(tmp_path, one_partition([record(0)], 5))
    assert (done.files, done.records, done.empty_offsets) == (1, 0, 2)
    assert ArchiveLog(open_topic(tmp_path, "orders")).bounds() == {0: (0, 5)}
    assert copied(tmp_path, one_partition([record(0)], 5))[0].files == 0
    copied(tmp_path, one_partition([record(0), record(5)]))
    assert archived(tmp_path) == [record(0), record(5)]


def test_an_empty_partition_is_known_to_be_there(tmp_path: Path) -> None:
    copied(tmp_path, Bounded({0: [record(0)], 1: []}))
    assert open_topic(tmp_path, "orders").bounds() == {0: (0, 1), 1: (0, 0)}
    copied(tmp_path, Bounded({0: [record(0)], 1: [record(0)], 2: []}))
    assert open_topic(tmp_path, "orders").bounds() == {0: (0, 1), 1: (0, 1), 2: (0, 0)}


@pytest.mark.parametrize("all_gone", [True, False])
def test_a_gap_between_two_runs_is_told_once_kept_and_never_read_over(
    tmp_path: Path, *, all_gone: bool
) -> None:
    copied(tmp_path, one_partition([record(n) for n in range(3)]))
    later = Bounded({0: [] if all_gone else [record(8)]}, 9, 9 if all_gone else 8)
    (done,) = copied(tmp_path, later)
    gone_to = 9 if all_gone else 8
    assert [(gap.begin, gap.end) for gap in done.gaps] == [(3, gone_to)]
    assert copied(tmp_path, later)[0].gaps == []
    topic = open_topic(tmp_path, "orders")
    assert topic.gaps() == done.gaps
    with pytest.raises(
        UnreadableSource, match=rf"x-orders\[0\].* lacks offsets 3 to {gone_to - 1}"
    ):
        archived(tmp_path)
    assert len(list(ArchiveLog(topic).read(0, 0, 3))) == 1


@pytest.mark.parametrize(
    ("cluster", "log", "message"),
    [
        ("c2", one_partition([record(0), record(1)]), "is of cluster c1, not of c2"),
        ("c1", MemoryLog({0: [record(0), record(1)]}, "other"), "is of topic x-orders, not of oth"),
        ("c1", one_partition([record(0)]), r"x-orders\[0\] ends at 1, before 2"),
        ("c1", one_partition([record(0), record(1, key=b"z"), record(2)]), r"\[0\]@1 is another"),
        ("c1", one_partition([record(0), record(1, MARCH + 1000)]), r"\[0\]@1 is another record"),
        ("c1", Bounded({}), "has 0 partitions"),
    ],
)
def test_topics_of_another_cluster_or_incarnation_are_refused(
    tmp_path: Path, cluster: str, log: Log, message: str
) -> None:
    copied(tmp_path, one_partition([record(0), record(1)]))
    before = files(tmp_path)
    with pytest.raises(UnreadableSource, match=message):
        copied(tmp_path, log, cluster)
    assert files(tmp_path) == before


def test_a_last_record_that_was_compacted_or_taken_is_no_contradiction(tmp_path: Path) -> None:
    copied(tmp_path, one_partition([record(0), record(1)]))
    assert copied(tmp_path, one_partition([record(0), record(2)]))[0].records == 1
    assert copied(tmp_path, Bounded({0: [record(3)]}, 4, 3))[0].records == 1


def test_files_that_are_damaged_moved_or_foreign_are_named(tmp_path: Path) -> None:
    copied(tmp_path, Bounded({0: [record(n) for n in range(99)], 1: []}))
    (path,) = tmp_path.glob("orders/*/*.parquet")
    whole = path.read_bytes()
    at = whole.index(b"(\xb5/\xfd") + 12
    path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
    with pytest.raises(UnreadableSource, match=r"00099\.parquet: cannot be read"):
        archived(tmp_path)
    path.write_bytes(whole[:-9])
    with pytest.raises(UnreadableSource, match="cannot be read"):
        archived(tmp_path)
    path.write_bytes(whole)
    moved = path_of(tmp_path / "orders", path.parent.name, 1, 0, 99)
    moved.write_bytes(whole)
    with pytest.raises(
        UnreadableSource, match=r"is another file: it says x-orders\[0\] offsets 0 to"
    ):
        archived(tmp_path, 1)
    moved.unlink()
    again = path_of(tmp_path / "orders", path.parent.name, 0, 50, 99)
    again.write_bytes(whole)
    with pytest.raises(UnreadableSource, match="hold the same offsets"):
        archived(tmp_path)
    again.rename(again.with_name("copy of it.parquet"))
    with pytest.raises(UnreadableSource, match="is no file of an archive"):
        archived(tmp_path)
    (tmp_path / "orders" / "topic.json").write_text("{}")
    with pytest.raises(UnreadableSource, match=r"topic\.json cannot be read"):
        archived(tmp_path)
    (tmp_path / "orders" / "topic.json").unlink()
    with pytest.raises(UnreadableSource, match=r"topic\.json is missing"):
        archived(tmp_path)


@pytest.mark.parametrize("removed", [0, 1, 2])
def test_a_file_that_was_removed_is_missed_until_it_is_copied_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, removed: int
) -> None:
    monkeypatch.setattr(archive_copy, "_FILE_RECORDS", 2)
    log = one_partition([record(n) for n in range(6)])
    copied(tmp_path, log)
    (tmp_path / "orders" / files(tmp_path)[removed]).unlink()
    with pytest.raises(UnreadableSource, match=r"file was removed|some were removed"):
        archived(tmp_path)
    copied(tmp_path, log)
    if removed == 2:
        assert len(archived(tmp_path)) == 6
    else:
        with pytest.raises(UnreadableSource, match="a file was removed"):
            archived(tmp_path)


def test_a_timestamp_that_is_no_day_is_filed_all_the_same() -> None:
    assert [day_of(-1), day_of(2**62), day_of(-(2**62))] == [
        "1969-12-31",
        "9999-12-31",
        "0001-01-01",
    ]


@given(days=st.lists(st.integers(0, 4), min_size=1, max_size=12), at=st.integers(-1, 6))
def test_an_instant_is_found_where_kafka_finds_it(
    tmp_path_factory: pytest.TempPathFactory, days: list[int], at: int
) -> None:
    folder = tmp_path_factory.mktemp("archive")
    records = [record(n, MARCH + day * DAY) for n, day in enumerate(days)]
    for topic in SOURCE_TOPICS:
        list(Copy(folder, topic, "c1", one_partition(records)).run())
    instant, end = MARCH + at * DAY, len(days)
    first = next((one.offset for one in records if one.recorded_at >= instant), end)
    found = ArchiveSource(folder, Until(recorded_at=instant)).find()
    due = {("orders", 0): Span(0, first)} if first else {}
    assert {where: span for where, span in found.spans.items() if where[0] == "orders"} == due
    since = ArchiveSource(folder, since=Since(recorded_at=instant))
    begin = first if first else 0
    assert since.total == 4 * (end - begin)
    assert sum(chunk.weight for chunk in since.chunks()) == since.total


class Cluster:
    """Topics in memory; each holds one record."""

    def __init__(self, *absent: str) -> None:
        self.names = {topic: f"x-{topic}" for topic in TOPICS}
        present = frozenset(name for topic, name in self.names.items() if topic not in absent)
        self.identity = Identity("c1", present)
        self.records = {topic: [record(0)] for topic in TOPICS}

    @contextmanager
    def open_log(self, topic: str) -> Iterator[Log]:
        yield MemoryLog({0: self.records[topic]}, self.names[topic])

    def archive(self, folder: Path) -> tuple[bool, list[str], list[str]]:
        out = Streams(io.StringIO(), io.StringIO())
        done = archive(self.open_log, self.identity, self.names, folder, out)
        said = [stream.getvalue() for stream in out if isinstance(stream, io.StringIO)]
        return done, said[0].splitlines(), said[1].splitlines()


def test_every_topic_is_copied_and_said(tmp_path: Path) -> None:
    cluster = Cluster()
    done, said, missing = cluster.archive(tmp_path)
    assert (done, missing) == (True, [])
    assert said == [f"x-{topic}: 1 records added in 1 files" for topic in TOPICS]
    assert (tmp_path / "dead-letters" / "topic.json").exists()
    assert cluster.archive(tmp_path)[1] == [f"x-{topic}: nothing new" for topic in TOPICS]


def test_what_is_missing_is_said_in_every_run_and_fails_the_one_that_finds_it(
    tmp_path: Path,
) -> None:
    cluster = Cluster()
    cluster.archive(tmp_path)
    cluster.records["claims"] = [record(7)]
    done, _, missing = cluster.archive(tmp_path)
    gap = "x-claims[0]: offsets 1 to 6 are missing: "
    assert (done, missing) == (False, [gap + "retention took them before this run"])
    done, _, missing = cluster.archive(tmp_path)
    assert (done, missing) == (True, [gap + "since an earlier run"])


def test_a_topic_that_is_not_there_is_said_and_one_that_has_gone_is_refused(
    tmp_path: Path,
) -> None:
    done, said, missing = Cluster("evaluations").archive(tmp_path)
    assert not done
    assert len(said) == len(TOPICS) - 1
    assert missing == ["the cluster has no topic x-evaluations: not archived"]
    with pytest.raises(UnreadableSource, match="holds topic x-orders, which the cluster has no"):
        Cluster("orders", "evaluations").archive(tmp_path)
    with pytest.raises(UnreadableSource, match="the cluster has none of the topics x-alerts"):
        Cluster(*TOPICS).archive(tmp_path / "new")


def test_one_contradiction_keeps_all_topics_from_being_written(tmp_path: Path) -> None:
    cluster = Cluster()
    cluster.archive(tmp_path)
    cluster.records["orders"].append(record(1))
    cluster.records["dead_letters"] = [record(0, key=b"other")]
    with pytest.raises(UnreadableSource, match="x-dead_letters"):
        cluster.archive(tmp_path)
    assert archived(tmp_path) == [record(0)]


def test_two_programs_do_not_write_to_the_same_archive(tmp_path: Path) -> None:
    cluster = Cluster()

    class Busy(Cluster):
        @contextmanager
        def open_log(self, topic: str) -> Iterator[Log]:
            with pytest.raises(UnreadableSource, match="another program is writing to"):
                cluster.archive(tmp_path)
            yield MemoryLog({0: []}, self.names[topic])

    assert Busy().archive(tmp_path)[0]


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UnreadableSource, match="file cannot be written"):
        Cluster().archive(tmp_path / "file")


def test_topics_with_unequal_partition_counts_or_missing_are_no_source(tmp_path: Path) -> None:
    for topic in SOURCE_TOPICS[:3]:
        list(Copy(tmp_path, topic, "c1", one_partition([record(0)])).run())
    with pytest.raises(UnreadableSource, match="has no topic messages"):
        ArchiveSource(tmp_path).find()
    list(Copy(tmp_path, SOURCE_TOPICS[3], "c1", MemoryLog({0: [], 1: []}, "m")).run())
    with pytest.raises(UnreadableSource, match="must have equal partition counts"):
        ArchiveSource(tmp_path).find()


def test_whatever_an_archived_alert_rests_on_is_archived_with_it(tmp_path: Path) -> None:
    class Running(Cluster):
        """Says an alert of each new order, whenever a topic is opened."""

        @contextmanager
        def open_log(self, topic: str) -> Iterator[Log]:
            bounds = MemoryLog({0: list(self.records[topic])}, self.names[topic])
            for written in ("orders", "alerts"):
                self.records[written].append(record(len(self.records[written])))
            yield bounds

    assert Running().archive(tmp_path)[0]
    (alerts,) = open_topic(tmp_path, "alerts").bounds().values()
    (orders,) = open_topic(tmp_path, "orders").bounds().values()
    assert alerts < orders
