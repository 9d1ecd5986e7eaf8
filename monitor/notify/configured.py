"""What the settings make of routing, and of the texts of each receiver. Pure."""

from collections.abc import Mapping, Sequence
from zoneinfo import ZoneInfo

from monitor.notify.mute_times import MuteTime
from monitor.notify.reader import TextStyle
from monitor.notify.routing import Route, Routing
from monitor.settings.notify_sections import MuteTimeSection, NotifySection, RouteSection

_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def routing_of(notify: NotifySection) -> Routing:
    """The routes, each with its mute times; a route is named by its place in the file."""
    mute_times = {
        name: mute_time_of(name, section, notify.time_zone)
        for name, section in notify.mute_times.items()
    }
    return Routing(
        tuple(
            _route(f"notify.routes.{number}", section, mute_times)
            for number, section in enumerate(notify.routes)
        )
    )


def mute_time_of(name: str, section: MuteTimeSection, time_zone: str) -> MuteTime:
    """A mute time; ``time_zone`` where it names none of its own."""
    return MuteTime(
        name=name,
        zone=ZoneInfo(section.time_zone or time_zone),
        from_minute=section.from_minute,
        to_minute=section.to_minute,
        weekdays=frozenset(map(_WEEKDAYS.index, section.weekdays)),
        dates=frozenset(section.dates),
    )


def styles_of(notify: NotifySection, explain: Sequence[str]) -> dict[str, TextStyle]:
    """How texts are made for each receiver by its name.

    ``explain``: the beginning of the command that lists orders.
    """
    return {
        name: TextStyle(
            zone=ZoneInfo(section.time_zone or notify.time_zone),
            status_page_url=notify.status_page_url or "",
            grafana_url=notify.grafana_url or "",
            subjects_shown=notify.subjects_shown,
            explain=tuple(explain),
        )
        for name, section in notify.receivers.items()
    }


def _route(name: str, section: RouteSection, mute_times: Mapping[str, MuteTime]) -> Route:
    return Route(
        name=name,
        receivers=frozenset(section.receivers),
        sellers=section.sellers,
        marketplaces=section.marketplaces,
        metrics=section.metrics,
        severities=frozenset(section.severities),
        mute_times=tuple(mute_times[mute] for mute in section.mute_times),
    )
