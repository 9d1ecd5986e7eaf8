"""Whatever is in a notification, its text does no harm."""

from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from monitor.core.instants import DAY, isoformat
from monitor.core.metrics import METRICS
from monitor.core.readings import Level
from monitor.notify.notification import Item, Notification
from monitor.notify.reader import TextStyle
from monitor.notify.text import (
    LINE_CHARACTERS_MAX,
    LINKS_MAX,
    TITLE_CHARACTERS_MAX,
    Text,
    sentence_of,
    text_of,
)
from tests.notify.messages import HOSTILE, deadline, metric

EXPLAIN = ("monitor", "explain", "--kafka", "k:9092", "--policy", "p.toml")


words = st.text(max_size=300) | st.just(HOSTILE) | st.sampled_from(["shop", "..", "{seller}", "%s"])


counts = st.integers(0, 10**9)


levels = st.sampled_from(list(Level))


reasons = st.sampled_from(["events", "time", "policy", "stale", "caught_up", "reminder"])


as_ofs = st.integers(0, 4 * 10**15).map(isoformat)


subjects = st.lists(words, max_size=20).map(tuple)


metrics = st.builds(
    metric,
    alert=words,
    seq=counts,
    episode=counts,
    from_=levels,
    to=levels,
    reason=reasons,
    seller=words,
    marketplace=words,
    metric=st.sampled_from(sorted(METRICS)) | words,
    window_days=st.integers(1, 400) | st.just("all"),
    category=st.none() | words,
    numerator=counts,
    denominator=st.none() | counts,
    limit=st.sampled_from(["under 1%", "at least 95%", "under 3"]) | words,
    approach=st.none() | words,
    headroom=st.none() | st.integers(-(10**9), 10**9),
    orders_to_recover=st.none() | counts,
    subjects=subjects,
    subjects_total=counts,
    as_of=as_ofs,
)


deadlines = st.builds(
    deadline,
    alert=words,
    seq=counts,
    episode=counts,
    from_=levels,
    to=levels,
    reason=reasons,
    seller=words,
    marketplace=words,
    kind=st.sampled_from(["shipment", "reply", "return_answer", "claim_answer"]),
    open=counts,
    overdue=counts,
    first_due_at=st.none() | as_ofs | st.sampled_from(["0001-01-01T00:00:00Z"]),
    subjects=subjects,
    subjects_total=counts,
    as_of=as_ofs,
)


records = metrics | deadlines


items = st.builds(
    Item,
    records,
    st.sampled_from(["info", "warning", "critical"]),
    words,
    st.integers(0, 1000),
    st.none() | records,
    st.integers(0, 10 * DAY),
)


notifications = st.builds(
    Notification,
    st.lists(items, max_size=4).map(tuple),
    st.sampled_from(["change", "summary", "test"]),
)


styles = st.builds(
    TextStyle,
    zone=st.sampled_from([ZoneInfo(name) for name in ("UTC", "America/New_York")]),
    status_page_url=st.sampled_from(["", "https://s.example.com/{seller}/{marketplace}"]),
    grafana_url=st.sampled_from(["", "https://g.example.com/?s={seller}&m={metric}"]),
    subjects_shown=st.integers(0, 20),
    explain=st.sampled_from([(), EXPLAIN]),
)


def parts(said: Text) -> list[str]:
    return [
        said.title,
        *(link.name for link in said.links),
        *(one.headline for one in said.sections),
        *(line for one in said.sections for line in one.lines),
    ]


@given(notifications, styles)
def test_whatever_is_in_it_every_line_is_printable_and_bounded(
    notification: Notification, style: TextStyle
) -> None:
    said = text_of(notification, style)
    assert len(said.sections) == len(notification.items)
    assert all(line.isprintable() and len(line) <= LINE_CHARACTERS_MAX for line in parts(said))
    assert len(said.title) <= TITLE_CHARACTERS_MAX
    assert all(len(one.lines) <= 8 for one in said.sections)
    assert len(said.links) <= LINKS_MAX
    for link in said.links:
        assert link.url.startswith(("https://s.example.com/", "https://g.example.com/"))
        assert link.url.isascii()
        assert link.url.isprintable()


@given(notifications, styles)
def test_every_alert_says_its_level_its_seller_and_how_severe_it_is(
    notification: Notification, style: TextStyle
) -> None:
    for found, said in zip(notification.items, text_of(notification, style).sections, strict=True):
        assert said.severity == found.severity
        is_over = found.record.to in (Level.OK, Level.NO_DATA)
        assert f"({found.severity})" in said.headline or is_over
        if found.record.seller.isprintable() and len(found.record.seller) < 100:
            assert found.record.seller in said.headline


@given(records)
def test_the_sentence_is_one_printable_line(record: Any) -> None:
    said = sentence_of(record)
    assert said.isprintable()
    assert len(said) <= 4000
