"""Progress bars of topics that are read."""

import io

import pytest

from monitor.audit import watched
from monitor.audit.logs import LogRecord
from monitor.audit.watched import Watch
from tests.audit.memory import MemoryLog

LOG = MemoryLog({0: [LogRecord(n, b"s", b"v") for n in range(40)], 1: []}, "alerts")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_without_a_terminal_a_topic_is_read_as_it_is() -> None:
    assert Watch(io.StringIO()).log(LOG) is LOG


def test_a_watched_topic_reads_the_same_and_says_how_far_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(watched, "_LARGE", 10)
    stderr = Terminal()
    log = Watch(stderr).log(LOG)
    assert (log.topic, log.bounds()) == (LOG.topic, LOG.bounds())
    assert list(log.read(0, 0, 40)) == list(LOG.read(0, 0, 40))
    assert "reading alerts[0]" in stderr.getvalue()
    assert "/40" in stderr.getvalue()


def test_partitions_that_are_read_at_the_same_time_have_a_bar_each(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(watched, "_LARGE", 10)
    log = Watch(Terminal()).log(LOG)
    pairs = list(zip(log.read(0, 0, 40), log.read(0, 10, 40), strict=False))
    assert pairs == list(zip(LOG.read(0, 0, 40), LOG.read(0, 10, 40), strict=False))
    assert list(log.read(0, 0, 40)) == list(LOG.read(0, 0, 40))


def test_what_is_read_in_a_moment_has_no_bar() -> None:
    stderr = Terminal()
    assert list(Watch(stderr).log(LOG).read(0, 0, 40)) == list(LOG.read(0, 0, 40))
    assert stderr.getvalue() == ""
