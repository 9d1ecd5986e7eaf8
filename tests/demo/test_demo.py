"""The demo end to end on the embedded broker: its gauges equal a replay of the same events."""

from datetime import date

import pytest

from monitor.core.readings import Level
from monitor.demo.comparison import differences
from monitor.demo.run import DemoPlan, run_demo
from monitor.demo.screen import worst_first
from monitor.demo.show import Show
from monitor.demo.wire import SimulationPlan
from tests.exporter.test_exporter import snapshot


@pytest.mark.slow
def test_live_gauges_equal_replay_to_the_last_integer(capsys: pytest.CaptureFixture[str]) -> None:
    simulation = SimulationPlan(days=40, noise=0.01, start_day=date(2025, 3, 1))
    plan = DemoPlan(simulation=simulation, days_per_second=None, metrics_port=0, stay=False)
    assert run_demo(plan, Show(live=False)) == 0
    said = capsys.readouterr().out
    compared = int(said.rsplit("agree: ", 1)[1].split()[0])
    assert compared >= 300
    assert "BREACHED" in said


def test_any_difference_is_named() -> None:
    key = ("shop", "m", "refund_rate", "30", "")
    live, expected = {key: {"numerator": 1.0}}, {key: {"numerator": 2.0}}
    assert differences(live, live) == []
    assert differences(live, expected) == [
        "shop/m/refund_rate/30/: live numerator 1, replay numerator 2"
    ]
    assert differences({}, live) == ["shop/m/refund_rate/30/: live nothing, replay numerator 1"]


def test_the_screen_shows_the_worst_seller_first() -> None:
    groups = worst_first(snapshot().readings)
    assert groups[0][0].level is Level.BREACHED
    assert groups[0][0].seller == "shop-1"
