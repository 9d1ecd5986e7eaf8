"""An episode: what opened it, when it warned and was breached, whether it flapped."""

import pytest

from monitor.audit.backtest_episodes import Episode, episodes_of
from monitor.core.instants import DAY, HOUR
from tests.audit.backtests import day, record

FLAP = 7 * DAY


def test_a_warning_before_the_breach_has_a_lead() -> None:
    (found,) = episodes_of(
        [
            record(day(1), "ok", "approaching", orders=90),
            record(day(3), "approaching", "breached", orders=110),
            record(day(9), "breached", "ok", orders=200),
        ],
        FLAP,
    )
    assert found.lead == 2 * DAY
    assert found.orders == 110
    assert (found.opened_at, found.closed_at) == (day(1), day(9))
    assert not found.was_in_vain
    assert not found.flapped


def test_a_breach_at_once_has_no_lead_even_if_it_falls_to_approaching_later() -> None:
    (found,) = episodes_of(
        [
            record(day(1), "ok", "breached"),
            record(day(2), "breached", "approaching"),
            record(day(20), "approaching", "ok"),
        ],
        FLAP,
    )
    assert found.lead is None
    assert not found.was_in_vain


def test_a_warning_without_a_breach_was_in_vain_only_once_it_is_over() -> None:
    opened = record(day(1), "ok", "approaching", orders=90)
    (still_open,) = episodes_of([opened], FLAP)
    assert not still_open.was_in_vain
    (over,) = episodes_of([opened, record(day(5), "approaching", "no_data", orders=0)], FLAP)
    assert over.was_in_vain
    assert over.orders == 90


def test_a_reminder_is_neither_a_second_breach_nor_a_second_warning() -> None:
    (found,) = episodes_of(
        [
            record(day(1), "ok", "approaching"),
            record(day(2), "approaching", "approaching", reason="reminder"),
            record(day(3), "approaching", "breached", orders=20),
            record(day(4), "breached", "breached", orders=30, reason="reminder"),
        ],
        FLAP,
    )
    assert found.lead == 2 * DAY
    assert found.orders == 20
    assert found.again == []


def twice(gap: int, alert: str = "S1/M1/late_shipment_rate/30") -> list[Episode]:
    return episodes_of(
        [
            record(day(1), "ok", "approaching"),
            record(day(2), "approaching", "ok"),
            record(day(2) + gap, "ok", "approaching", episode=3, alert=alert),
        ],
        FLAP,
    )


@pytest.mark.parametrize(("gap", "flapped"), [(HOUR, True), (FLAP - 1, True), (FLAP, False)])
def test_an_alert_that_is_back_before_the_time_is_over_has_flapped(
    gap: int,
    flapped: bool,
) -> None:
    first, second = twice(gap)
    assert not first.flapped
    assert second.flapped is flapped


def test_another_window_of_the_metric_is_another_alert() -> None:
    assert not any(one.flapped for one in twice(HOUR, alert="S1/M1/late_shipment_rate/10"))


@pytest.mark.parametrize(("gap", "flapped"), [(FLAP - 1, True), (FLAP, False)])
def test_an_episode_that_is_back_in_breach_before_the_time_is_over_has_flapped(
    gap: int,
    flapped: bool,
) -> None:
    (found,) = episodes_of(
        [
            record(day(1), "ok", "breached"),
            record(day(2), "breached", "approaching"),
            record(day(2) + gap, "approaching", "breached"),
        ],
        FLAP,
    )
    assert found.flapped is flapped
    assert found.breached_at == day(1)


def test_a_level_that_was_unknown_for_a_while_goes_on_in_its_episode() -> None:
    (found,) = episodes_of(
        [
            record(day(1), "ok", "approaching"),
            record(day(2), "approaching", "unknown", reason="stale"),
            record(day(3), "unknown", "breached", reason="caught_up"),
        ],
        FLAP,
    )
    assert found.lead == 2 * DAY
