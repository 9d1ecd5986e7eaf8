"""Files become records with their origins, whatever their order, size and compression."""

import gzip
import os
import threading
from pathlib import Path

import pytest

from monitor.audit.files import FileSource
from monitor.errors import UnreadableSource


def _origins(*paths: Path) -> list[tuple[str, bytes]]:
    return [
        (chunk.origin(index), value)
        for chunk in FileSource(paths).chunks()
        for index, value in enumerate(chunk.values)
    ]


def test_each_line_has_its_file_and_number(tmp_path: Path) -> None:
    first, second = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    first.write_bytes(b"1\n2\n")
    second.write_bytes(b"3")
    assert _origins(first, second) == [
        (f"{first}:1", b"1\n"),
        (f"{first}:2", b"2\n"),
        (f"{second}:1", b"3"),
    ]


def test_blank_lines_are_skipped_but_counted(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"\n1\n \t\r\n\n2\r\n\n")
    assert _origins(path) == [(f"{path}:2", b"1\n"), (f"{path}:5", b"2\r\n")]


def test_only_line_feeds_end_lines(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"1\r2\x0b3\xc2\x854\n5\n")
    assert [value for _, value in _origins(path)] == [b"1\r2\x0b3\xc2\x854\n", b"5\n"]


def test_compression_is_known_by_content_not_name(tmp_path: Path) -> None:
    packed, plain = tmp_path / "packed.jsonl", tmp_path / "plain.gz"
    packed.write_bytes(gzip.compress(b"1\n") + gzip.compress(b"2\n"))
    plain.write_bytes(b"3\n")
    assert [value for _, value in _origins(packed, plain)] == [b"1\n", b"2\n", b"3\n"]


@pytest.mark.parametrize("name", ["big.jsonl", "big.jsonl.gz"])
def test_numbers_and_progress_go_on_from_block_to_block(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    lines = [os.urandom(2000).hex().encode() + b"\n" for _ in range(2000)]
    data = b"".join(lines)
    path.write_bytes(gzip.compress(data) if name.endswith("gz") else data)
    source = FileSource([path])
    chunks = list(source.chunks())
    assert len(chunks) > 1
    assert [value for chunk in chunks for value in chunk.values] == lines
    assert chunks[-1].origin(len(chunks[-1].values) - 1) == f"{path}:2000"
    assert sum(chunk.weight for chunk in chunks) == source.total == path.stat().st_size


def test_an_empty_file_has_no_records(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.touch()
    assert _origins(path) == []


def test_a_pipe_is_read_too(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(b"1\n",))
    writer.start()
    assert _origins(path) == [(f"{path}:1", b"1\n")]
    writer.join()
    assert FileSource([path]).total == 0


@pytest.mark.parametrize(
    "data",
    [
        gzip.compress(b"1\n" * 5000)[:-12],
        gzip.compress(b"1\n") + b"rubbish",
        b"\x1f\x8b\x08\x00bad",
    ],
    ids=["cut short", "rubbish after it", "no stream"],
)
def test_damaged_compression_is_an_error_that_names_the_file(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(data)
    with pytest.raises(UnreadableSource, match=r"a\.jsonl\.gz"):
        _origins(path)


def test_a_missing_file_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(UnreadableSource, match=r"nowhere.*No such file"):
        _origins(tmp_path / "nowhere")
