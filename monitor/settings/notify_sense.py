"""Routes, mute times and receivers that are well written each for itself and do not go together."""

from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from typing import get_args

from monitor.config_problems import did_you_mean
from monitor.core.metrics import METRICS
from monitor.core.rules import ItemKind, Severity
from monitor.policy import Policy
from monitor.settings.notify_sections import NotifySection, RouteSection
from monitor.settings.places import Finding
from monitor.settings.receiver_sections import (
    AlertmanagerSection,
    MailSection,
    PagerDutySection,
    ReceiverSection,
    SlackSection,
    WebhookSection,
)

SUBJECTS: tuple[str, ...] = (*sorted(METRICS), *sorted(get_args(ItemKind)))
"""What a route or a silence may name under ``metrics``."""


SEVERITIES: tuple[str, ...] = get_args(Severity)


def notify_contradictions(notify: NotifySection) -> Iterator[Finding]:
    """What keeps the program from starting."""
    for number, route in enumerate(notify.routes):
        yield from _route_problems(notify, route, f"notify.routes.{number}")
    named = {name for route in notify.routes for name in route.receivers}
    for name in notify.receivers:
        if notify.routes and name not in named:
            yield f"notify.receivers.{name}", "no route names it: it would never hear of an alert"


def notify_doubts(notify: NotifySection) -> Iterator[Finding]:
    """What is allowed and hardly meant."""
    used = {name for route in notify.routes for name in route.mute_times}
    for name in notify.mute_times:
        if name not in used:
            yield f"notify.mute_times.{name}", "no route names it: it mutes nothing"
    for name, section in notify.receivers.items():
        for key, url in _addresses(section):
            if not url.startswith("https:"):
                yield f"notify.receivers.{name}.{key}", "is not https: alerts travel in clear"
        if isinstance(section, MailSection) and section.security == "none":
            yield f"notify.receivers.{name}.security", "is none: alerts travel in clear"


def marketplace_doubts(notify: NotifySection, policies: Iterable[Policy]) -> Iterator[Finding]:
    """Routes for marketplaces of which no policy says anything."""
    known = {name for policy in policies for name in policy.marketplaces}
    if "*" in known:
        return
    for number, route in enumerate(notify.routes):
        for place, pattern in enumerate(route.marketplaces):
            if not any(fnmatchcase(name, pattern) for name in known):
                path = f"notify.routes.{number}.marketplaces.{place}"
                yield path, f'no policy names a marketplace like "{pattern}"'


def unknown_subject(pattern: str) -> str | None:
    """What is wrong with a name or pattern of metrics; None: nothing is."""
    if any(fnmatchcase(subject, pattern) for subject in SUBJECTS):
        return None
    return f'there is no metric or kind of open items like "{pattern}"' + did_you_mean(
        pattern, SUBJECTS
    )


def _route_problems(notify: NotifySection, route: RouteSection, place: str) -> Iterator[Finding]:
    known = (
        ("receivers", "receiver", route.receivers, notify.receivers),
        ("mute_times", "mute time", route.mute_times, notify.mute_times),
    )
    for key, noun, names, table in known:
        yield from _unknown(f"{place}.{key}", noun, names, table)
    for number, pattern in enumerate(route.metrics):
        if fault := unknown_subject(pattern):
            yield f"{place}.metrics.{number}", fault


def _unknown(
    place: str, noun: str, names: Iterable[str], table: Iterable[str]
) -> Iterator[Finding]:
    known = list(table)
    for number, name in enumerate(names):
        if name not in known:
            yield f"{place}.{number}", f'there is no {noun} "{name}"{did_you_mean(name, known)}'


def _addresses(section: ReceiverSection) -> Iterator[tuple[str, str]]:
    """Keys and URLs of a section that leave this machine and its network."""
    match section:
        case SlackSection() | WebhookSection():
            urls = {"url": "" if section.url is None else section.url.get_secret_value()}
        case PagerDutySection():
            urls = {"base_url": section.base_url}
        case AlertmanagerSection():
            urls = {f"urls.{number}": url for number, url in enumerate(section.urls)}
        case _:
            return
    if not section.allow_private_addresses:
        yield from ((key, url) for key, url in urls.items() if url)
