"""A file of notifications: whole lines, on the disk, whatever happens between them."""

from pathlib import Path

import msgspec
import pytest

from monitor.errors import NotifyError
from monitor.notify.receivers.file import File
from tests.notify.messages import item, metric, notice, text


def keys(path: Path) -> list[str]:
    return [msgspec.json.decode(line)["key"] for line in path.read_bytes().splitlines()]


async def test_each_notification_is_a_line_after_the_others(tmp_path: Path) -> None:
    path = tmp_path / "alerts.jsonl"
    notices = [notice(item(metric(seq=seq))) for seq in (1, 2, 3)]
    for one in notices:
        await File("archive", path).deliver(one, text())
    assert keys(path) == [one.key for one in notices]
    assert path.stat().st_mode & 0o007 == 0


async def test_a_line_that_a_crash_left_torn_spoils_no_other(tmp_path: Path) -> None:
    path = tmp_path / "alerts.jsonl"
    path.write_bytes(b'{"key":"tor')
    await File("archive", path).deliver(notice(), text())
    assert path.read_bytes().splitlines()[0] == b'{"key":"tor'
    assert msgspec.json.decode(path.read_bytes().splitlines()[1])["key"] == notice().key


async def test_a_file_that_is_moved_away_is_begun_anew(tmp_path: Path) -> None:
    path, receiver = tmp_path / "alerts.jsonl", File("archive", tmp_path / "alerts.jsonl")
    await receiver.deliver(notice(), text())
    path.rename(tmp_path / "alerts.1")
    await receiver.deliver(notice(), text())
    assert keys(path) == keys(tmp_path / "alerts.1") == [notice().key]


@pytest.mark.parametrize("path", ["/dev/full", "missing/alerts.jsonl", "."])
async def test_what_cannot_be_written_is_worth_another_attempt(tmp_path: Path, path: str) -> None:
    with pytest.raises(NotifyError) as caught:
        await File("archive", tmp_path / path).deliver(notice(), text())
    assert not caught.value.permanent
    assert str(caught.value)
