"""What is said while reading: a bar on a terminal only, and remarks nobody can forge."""

import io
from pathlib import Path

from monitor.audit.console import Remarks, reading, working
from monitor.audit.files import FileSource
from monitor.errors import InvalidEvent, InvalidReason


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def _read(path: Path, stderr: io.StringIO) -> str:
    wrong = InvalidEvent(InvalidReason.MALFORMED, "[bold]x" * 20)
    with reading("bytes", path.stat().st_size, stderr) as (remarks, on_progress):
        remarks.invalid("a.jsonl:1", wrong)
        for chunk in FileSource([path]).chunks():
            on_progress(chunk.weight)
    return stderr.getvalue()


def test_a_terminal_gets_a_bar_and_whole_remarks(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"{}\n" * 1000)
    shown = _read(path, _Terminal())
    assert "3.0/3.0 kB" in shown
    assert "a.jsonl:1: invalid: malformed: " + "[bold]x" * 20 + "\n" in shown


def test_a_file_gets_remarks_only(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"{}\n" * 1000)
    shown = _read(path, io.StringIO())
    assert shown == "a.jsonl:1: invalid: malformed: " + "[bold]x" * 20 + "\n"


def test_a_remark_is_one_line_whatever_the_record_holds() -> None:
    said: list[str] = []
    Remarks(said.append).invalid("a\n.jsonl:1", InvalidEvent(InvalidReason.MALFORMED, "\r\nread 0"))
    assert said == ["a\\n.jsonl:1: invalid: malformed: \\r\\nread 0"]


def test_a_thousand_unknown_marketplaces_are_one_bounded_warning() -> None:
    said: list[str] = []
    Remarks(said.append).unknown_marketplaces(f"M{number:04}" for number in range(1000))
    assert len(said) == 1
    assert "M0000, M0001" in said[0]
    assert "and 950 more" in said[0]


def test_no_unknown_marketplace_is_no_warning() -> None:
    said: list[str] = []
    Remarks(said.append).unknown_marketplaces([])
    assert said == []


def test_what_comes_after_reading_has_a_bar_on_a_terminal_only() -> None:
    for stderr, shown in ((_Terminal(), True), (io.StringIO(), False)):
        with working("deciding", 20, stderr) as on_progress:
            on_progress(20)
        assert ("deciding" in stderr.getvalue() and "20/20" in stderr.getvalue()) is shown
        assert bool(stderr.getvalue()) is shown
