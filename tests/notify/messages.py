"""Builders of records, items, notifications and texts, for tests of receivers."""

from typing import Any

import msgspec

from monitor.core.alert_records import DeadlineRecord, Link, MetricRecord
from monitor.core.readings import Level
from monitor.core.rules import Severity
from monitor.notify.notification import Item, Notification
from monitor.notify.text import Link as WebLink
from monitor.notify.text import Section, Text

HOSTILE = (
    "<!channel> <http://evil.example|ok> *bold* `x` & </td><script>alert(1)</script>"
    " {{ .Labels }} %0d%0a\r\nBcc: everyone@evil.example\r\n\r\n\x1b[2J\x00\u202eklat\u200b"
    " 🦊 \U0001f9ff"
)
"""What a seller or buyer may write to break out of any medium."""


def metric(**over: Any) -> MetricRecord:
    """A breach of the order defect rate of seller `shop` in marketplace `m`."""
    record = MetricRecord(
        alert="shop/m/order_defect_rate/60",
        seq=1,
        episode=1,
        chain=Link(1, ""),
        from_=Level.OK,
        to=Level.BREACHED,
        reason="events",
        seller="shop",
        marketplace="m",
        metric="order_defect_rate",
        window_days=60,
        category=None,
        numerator=5,
        denominator=412,
        limit="under 1%",
        approach="0.75%",
        headroom=-1,
        orders_to_recover=89,
        subjects=("o-1", "o-2"),
        subjects_total=5,
        as_of="2018-03-01T00:00:00Z",
        cut={"orders": (0, 7)},
        policy="d",
        program="1",
    )
    return msgspec.structs.replace(record, **over)


def deadline(**over: Any) -> DeadlineRecord:
    """Three messages that wait for a reply, the newest first."""
    record = DeadlineRecord(
        alert="shop/m/reply",
        seq=1,
        episode=1,
        chain=Link(1, ""),
        from_=Level.OK,
        to=Level.APPROACHING,
        reason="time",
        seller="shop",
        marketplace="m",
        kind="reply",
        open=3,
        overdue=0,
        first_due_at="2018-03-01T16:10:00Z",
        subjects=("m-3", "m-2", "m-1"),
        subjects_total=3,
        as_of="2018-03-01T00:00:00Z",
        cut={"messages": (0, 7)},
        policy="d",
        program="1",
    )
    return msgspec.structs.replace(record, **over)


def item(
    record: MetricRecord | DeadlineRecord | None = None,
    severity: Severity = "critical",
    **own: Any,
) -> Item:
    return Item(record or metric(), severity, **own)


def notice(*items: Item, **own: Any) -> Notification:
    return Notification(items or (item(),), **own)


def text(
    *headlines: str, title: str = "Breached: order defect rate of shop in m", **own: Any
) -> Text:
    """A text with a section of two lines for each headline."""
    said = headlines or ("BREACHED shop in m: order defect rate, 60 days",)
    lines = ("5 of 412 (1.21%), limit under 1%", "newest: o-1, o-2 and 3 more")
    runbook = "https://example.com/runbooks/order-defect-rate"
    sections = tuple(Section(headline, "critical", lines, runbook) for headline in said)
    links = (WebLink("Status page", "https://status.example.com/?seller=shop&m=m"),)
    return Text(title, sections, **({"links": links} | own))


def hostile() -> tuple[Notification, Text]:
    """A notification in which all that others write is hostile."""
    record = metric(
        alert=f"shop/m/order_defect_rate/60/{HOSTILE}",
        category=HOSTILE,
        subjects=(HOSTILE, "\n.\r\n", "o-2"),
    )
    said = Section(f"BREACHED {HOSTILE}", "critical", (HOSTILE, "\n.\r\n"), HOSTILE)
    links = (WebLink(HOSTILE, f"javascript:{HOSTILE}"), WebLink("x", "https://a.example/'><b>"))
    return notice(item(record)), Text(HOSTILE, (said,), links)


def huge() -> tuple[Notification, Text]:
    """A summary of 2000 alerts with twenty subjects of 128 characters each."""
    subjects = tuple(f"{number:0>3}-{'ж' * 124}" for number in range(20))
    records = [
        metric(alert=f"shop-{number}/m/order_defect_rate/60", subjects=subjects, subjects_total=99)
        for number in range(2000)
    ]
    sections = tuple(
        Section(f"{'Ж' * 200} {number}", "warning", (", ".join(subjects),) * 3)
        for number in range(2000)
    )
    items = tuple(item(record) for record in records)
    return notice(*items, occasion="summary"), Text("S" * 5000, sections)
