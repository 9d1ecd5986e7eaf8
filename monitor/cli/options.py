"""Options and kinds of arguments that several commands have."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from monitor.errors import InvalidAlertId, InvalidInstant

if TYPE_CHECKING:
    from monitor.audit.alert_id import AlertId
    from monitor.core.instants import Instant
    from monitor.core.rules import WindowDays

Command = TypeVar("Command", bound=Callable[..., Any])


class InstantType(click.ParamType):
    """An RFC 3339 instant with an offset, as microseconds."""

    name = "instant"

    def convert(self, value: Any, param: Any, ctx: Any) -> "Instant":
        """The instant; a usage error where it is none."""
        from monitor.core.instants import parse_instant

        try:
            return parse_instant(value)
        except InvalidInstant as error:
            raise click.BadParameter(str(error), ctx, param) from None


class AlertIdType(click.ParamType):
    """The name of an alert record, ``alert#seq``."""

    name = "alert id"

    def convert(self, value: Any, param: Any, ctx: Any) -> "AlertId":
        """The name; a usage error where it is none."""
        from monitor.audit.alert_id import AlertId

        try:
            return AlertId.parse(value)
        except InvalidAlertId as error:
            raise click.BadParameter(str(error), ctx, param) from None


class WindowType(click.ParamType):
    """A number of days, or ``all``."""

    name = "days"

    def convert(self, value: Any, param: Any, ctx: Any) -> "WindowDays":
        """The window; a usage error where it is none."""
        if value == "all":
            return "all"
        if value.isdecimal():
            return int(value)
        raise click.BadParameter(f"{value!r} is neither a number of days nor all", ctx, param)


class ExampleType(click.ParamType):
    """``seller=S marketplace=M metric=NAME severity=critical``, each at most once."""

    name = "example"

    def convert(self, value: Any, param: Any, ctx: Any) -> dict[str, Any]:
        """The words by their keys; a usage error where one makes no sense."""
        from monitor.config_problems import did_you_mean
        from monitor.settings.notify_sense import SEVERITIES, SUBJECTS

        pairs = [word.partition("=") for word in value.split()]
        found = {key: said for key, _, said in pairs}
        known = {"seller", "marketplace", "metric", "severity"}
        if len(found) < len(pairs) or not known.issuperset(found) or not all(found.values()):
            form = "seller=S marketplace=M metric=NAME severity=critical"
            raise click.BadParameter(f"must be like {form}, each at most once", ctx, param)
        if (severity := found.get("severity", "critical")) not in SEVERITIES:
            said = f"{severity!r} is no severity: {', '.join(SEVERITIES)}"
            raise click.BadParameter(said, ctx, param)
        if (metric := found.get("metric", SUBJECTS[0])) not in SUBJECTS:
            said = f"{metric!r} is no metric and no kind of open items"
            raise click.BadParameter(said + did_you_mean(metric, SUBJECTS), ctx, param)
        return found


ALERT_ID = click.argument("alert_id", metavar="ALERT_ID", type=AlertIdType())
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
FILES = click.argument("files", metavar="FILE...", nargs=-1, type=FILE)
POLICIES = click.option(
    "--policy",
    "policies",
    multiple=True,
    required=True,
    type=FILE,
    help="Policy file; repeatable.",
)
AS_OF = click.option(
    "--as-of",
    type=InstantType(),
    help="What had happened by this instant, such as 2018-06-30T12:00:00Z.",
)
KAFKA = click.option(
    "--kafka", metavar="SERVERS", help="Read the topics of this cluster instead of files."
)
SERVERS = click.option("--kafka", "servers", metavar="SERVERS", help="The cluster to read.")
ARCHIVE = click.option(
    "--archive",
    metavar="DIR",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Instead of --kafka: read what `monitor archive` has copied there.",
)
PREFIX = click.option(
    "--prefix", default="", help="With --kafka: what the names of all topics begin with."
)
CONFIG = click.option(
    "--config", type=FILE, help="Instead of --kafka: the settings of `monitor run`, with login."
)
RAW = click.option(
    "--raw",
    "raw_inputs",
    metavar="TOPIC",
    multiple=True,
    help="With --kafka: read this raw input instead of the four topics; repeatable.",
)
WITH_SOURCES = click.option(
    "--with-sources", is_flag=True, help="With --raw: read the four topics too."
)
EARLIER = click.option(
    "--earlier-partitions",
    metavar="N",
    multiple=True,
    type=click.IntRange(1),
    help="Of topics: the topics once had N partitions (before `monitor repartition`).",
)
FROM = click.option(
    "--from", "since", help="Of topics: from this instant or these offsets on, not from 0."
)
TO = click.option("--to", help="Of topics: up to this instant or these offsets, not the end.")
KNOWN_AT = click.option(
    "--known-at",
    type=InstantType(),
    help="Of topics: only what had arrived by this instant; also the default of --as-of.",
)
CUT = click.option(
    "--cut",
    metavar="ALERT_ID",
    type=AlertIdType(),
    help="Of topics: only what an alert was decided by, at its instant.",
)
WORKERS = click.option(
    "--workers",
    default=1,
    show_default=True,
    type=click.IntRange(1, 64),
    help="Of topics: read with this many processes.",
)


RESUME = click.option(
    "--resume",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIRECTORY",
    help="Of topics: keep there what is done, and go on from there.",
)


def form_option(*names: str) -> Callable[[Command], Command]:
    """``--format``, the first one by default."""
    choice = click.Choice(names)
    return click.option("--format", "form", type=choice, default=names[0], show_default=True)
