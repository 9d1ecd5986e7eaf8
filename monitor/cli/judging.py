"""Commands that decide once more what live workers decided: ``audit``, ``compare``."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from monitor import __version__
from monitor.cli.evidence import ArchivedTopics, Topics, check_new, topics_of, write_new
from monitor.cli.options import (
    ARCHIVE,
    CONFIG,
    EARLIER,
    PREFIX,
    SERVERS,
    AlertIdType,
    InstantType,
    form_option,
)
from monitor.cli.status import DIFFERS, DONE

if TYPE_CHECKING:
    from monitor.audit.alert_id import AlertId
    from monitor.audit.reports import Audit
    from monitor.core.instants import Instant

COMPLETE_FROM = click.option(
    "--complete-from",
    type=InstantType(),
    help="What `topics.complete_from` of the workers' settings says; --config tells it too.",
)


class RangeType(click.ParamType):
    """Two instants, ``A..B``."""

    name = "A..B"

    def convert(self, value: Any, param: Any, ctx: Any) -> "tuple[Instant, Instant]":
        """The instants; a usage error where they are none, or the wrong way round."""
        if isinstance(value, tuple):
            return value
        begin, dots, end = value.partition("..")
        if not dots:
            self.fail(f"{value!r} is no range of two instants, A..B", param, ctx)
        one = InstantType()
        found = one.convert(begin, param, ctx), one.convert(end, param, ctx)
        if found[1] < found[0]:
            self.fail(f"{value!r} ends before it begins", param, ctx)
        return found


@click.command()
@click.argument("alert_id", metavar="[ALERT_ID]", type=AlertIdType(), required=False)
@click.option("--range", "between", type=RangeType(), help="Instead of an alert: all of a range.")
@click.option("--seller", help="With --range: whose verdicts.")
@click.option("--marketplace", help="With --range: only there.")
@click.option("--metric", help="With --range: only this one, or only this kind of open items.")
@SERVERS
@PREFIX
@CONFIG
@ARCHIVE
@EARLIER
@COMPLETE_FROM
@form_option("text", "json", "html")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="A new file to write to, instead of the terminal.",
)
def audit(
    alert_id: "AlertId | None",
    between: "tuple[Instant, Instant] | None",
    form: str,
    out: Path | None,
    **asked: Any,
) -> int:
    """Decide past alerts once more, from the topics alone, and say whether they are the same.

    ALERT_ID is a record's `alert`, # and its `seq`: its figures, its level, the orders behind
    it, and what arrived only later. With --range A..B --seller S: every verdict of the range,
    how near each series came to its limit where none was said, and what became of each record.
    Exit status: 0 all the same, 1 something differs, 2 could not run.
    """
    if out is not None:
        check_new(out)
    if alert_id is not None and between is None:
        found = _of_alert(alert_id, asked)
    elif alert_id is None and between is not None:
        found = _of_range(between, asked)
    else:
        raise click.UsageError("name an alert, or a range with --range and --seller")
    _write(found, form, out)
    return DONE if found.is_same else DIFFERS


@click.command()
@click.option("--from", "begin", type=InstantType(), help="Default: from ever.")
@click.option("--to", "end", type=InstantType(), help="Default: to the last point.")
@SERVERS
@PREFIX
@CONFIG
@ARCHIVE
@COMPLETE_FROM
@form_option("text", "json")
@click.option(
    "--textfile",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the counts there too, for node_exporter's textfile collector.",
)
def compare(
    begin: "Instant | None",
    end: "Instant | None",
    form: str,
    textfile: Path | None,
    **asked: Any,
) -> int:
    """Compare what live workers said with what comes out once more, for a scheduled job.

    Each difference is named with its cause: a record that is altered, moved in time, missing or
    extra; late events, policy, program version or clock. Exit status: 0 all is explained, 1
    something is not, 2 could not run.
    """
    from monitor.audit import comparison_report
    from monitor.audit.comparison import Between
    from monitor.audit.comparison import compare as run
    from monitor.audit.whole_files import write_whole

    place, since = _place(**asked)
    found = run(place.open_log, Between(begin, end), __version__, since)
    sys.stdout.write(comparison_report.FORMATS[form](found))
    if textfile is not None:
        told = comparison_report.textfile(found, datetime.now(UTC).timestamp())
        try:
            write_whole(textfile, told.encode())
        except OSError as error:
            raise click.UsageError(f"{textfile}: cannot be written: {error.strerror}") from None
    return DIFFERS if found.unexplained else DONE


def _place(
    complete_from: "Instant | None", **where: Any
) -> "tuple[Topics | ArchivedTopics, Instant | None]":
    """Where the topics are, and from when on history is complete: by an option, or the settings."""
    place = topics_of(**where)
    return place, place.complete_from if complete_from is None else complete_from


def _of_alert(alert_id: "AlertId", asked: dict[str, Any]) -> "Audit":
    from monitor.audit.alert_audit import audit_alert

    if any(asked.pop(name) for name in ("seller", "marketplace", "metric")):
        raise click.UsageError("--seller, --marketplace and --metric go with --range")
    earlier = asked.pop("earlier_partitions")
    place, since = _place(**asked)
    return audit_alert(place.open_log, alert_id, earlier, __version__, since)


def _of_range(between: "tuple[Instant, Instant]", asked: dict[str, Any]) -> "Audit":
    from monitor.audit.range_audit import Asked, audit_range

    seller, marketplace, metric = (asked.pop(name) for name in ("seller", "marketplace", "metric"))
    if seller is None:
        raise click.UsageError("--range goes with --seller")
    if asked.pop("earlier_partitions"):
        raise click.UsageError("--earlier-partitions goes with an alert: ranges go by the journal")
    place, since = _place(**asked)
    return audit_range(
        place.open_log, Asked(seller, *between, marketplace, metric, since), __version__
    )


def _write(found: "Audit", form: str, out: Path | None) -> None:
    from monitor.audit.html_report import html
    from monitor.audit.reports import FORMATS

    written = html(found) if form == "html" else FORMATS[form](found)
    if out is None:
        sys.stdout.write(written)
    else:
        write_new(out, written.encode())
