"""Notifications on standard output."""

import io

import pytest

from monitor.errors import NotifyError
from monitor.notify.receivers.console import Console
from tests.notify.messages import hostile, notice, text


async def test_a_notification_is_a_title_with_its_alerts_below(
    capsys: pytest.CaptureFixture[str],
) -> None:
    await Console("here").deliver(notice(), text())
    assert capsys.readouterr().out.splitlines() == [
        "Breached: order defect rate of shop in m",
        "  BREACHED shop in m: order defect rate, 60 days",
        "    5 of 412 (1.21%), limit under 1%",
        "    newest: o-1, o-2 and 3 more",
        "    Runbook: https://example.com/runbooks/order-defect-rate",
        "  Status page: https://status.example.com/?seller=shop&m=m",
    ]


async def test_nothing_moves_the_cursor_or_forges_a_line() -> None:
    stream = io.StringIO()
    notification, said = hostile()
    await Console("here", stream).deliver(notification, said)
    lines = stream.getvalue().split("\n")[:-1]
    assert len(lines) == 1 + 1 + 2 + 1 + 2
    assert all(line.isprintable() for line in lines)


async def test_a_terminal_that_knows_few_letters_shows_the_others_as_escapes() -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    await Console("here", stream).deliver(notice(), text("Ж", title="Ж"))
    stream.seek(0)
    assert stream.read().startswith("\\u0416\n")


async def test_a_closed_pipe_is_worth_another_attempt() -> None:
    class Closed(io.StringIO):
        def write(self, s: str) -> int:
            raise BrokenPipeError

    with pytest.raises(NotifyError, match="BrokenPipeError") as caught:
        await Console("here", Closed()).deliver(notice(), text())
    assert not caught.value.permanent
