"""The directory in which a replay keeps what it has done."""

from pathlib import Path

import pytest

from monitor.audit.parts import Answer
from monitor.audit.replay import Balance
from monitor.audit.resuming import Progress, begin, begun
from monitor.audit.spans import Found, Span
from monitor.errors import UnreadableSource

ASKED = {"as of": "2026-11-20T12:00:00Z", "topics": "orders"}
PARTS = [
    Found(2, 2, {("orders", 0): Span(0, 10), ("claims", 0): Span(3, 4)}),
    Found(2, 2, {("orders", 1): Span(0, 7)}),
]
ANSWER = Answer(Balance(5, 4, 3, 2, 1), ["elsewhere"], b'{"seller":"s"}\n')


def test_what_is_done_is_there_when_it_goes_on(tmp_path: Path) -> None:
    directory = tmp_path / "new" / "replay"
    assert begun(directory, ASKED) is None
    begin(directory, ASKED, PARTS).keep(1, ANSWER)
    again = begun(directory, ASKED)
    assert again is not None
    assert again.parts == PARTS
    assert [again.answer(number) for number in range(2)] == [None, ANSWER]


def test_a_part_that_was_cut_short_is_not_done(tmp_path: Path) -> None:
    progress = begin(tmp_path, ASKED, PARTS)
    progress.keep(0, ANSWER)
    # It is noted as done only after its lines are there.
    (tmp_path / "part-00000.json").unlink()
    assert progress.answer(0) is None


def test_another_replay_does_not_go_on_with_it(tmp_path: Path) -> None:
    begin(tmp_path, ASKED, PARTS)
    with pytest.raises(UnreadableSource, match=r"as of was 2026-11-20T12:00:00Z and is today"):
        begun(tmp_path, ASKED | {"as of": "today"})


@pytest.mark.parametrize("name", ["plan.json", "part-00000.json", "part-00000.jsonl"])
def test_what_somebody_has_changed_is_not_believed(tmp_path: Path, name: str) -> None:
    begin(tmp_path, ASKED, PARTS).keep(0, ANSWER)
    (tmp_path / name).write_bytes(b"{}\n")
    with pytest.raises(UnreadableSource, match=name):
        _first_answer(tmp_path)


def _first_answer(directory: Path) -> Answer | None:
    progress = begun(directory, ASKED)
    assert progress is not None
    return progress.answer(0)


def test_a_directory_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UnreadableSource, match="file/replay cannot be written"):
        begin(tmp_path / "file" / "replay", ASKED, PARTS)


def test_without_a_directory_nothing_is_kept() -> None:
    progress = Progress(None, PARTS)
    progress.keep(0, ANSWER)
    assert progress.answer(0) is None
