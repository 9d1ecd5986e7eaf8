"""Silences: what they cover, when they are over, and how they travel."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.alert_records import AlertRecord
from monitor.core.instants import DAY, HOUR, SECOND, Instant, parse_instant
from monitor.notify.silence_lines import Listed, json_lines, listed, scope_of, state_of, table_lines
from monitor.notify.silences import Silence, decode_silence, parse_duration, silencing
from tests.notify.messages import HOSTILE, deadline, metric

NOON = parse_instant("2018-03-01T12:00:00Z")


def silence(**over: object) -> Silence:
    found = Silence(
        id="s1",
        author="ann",
        reason="moving house",
        begins_at=NOON,
        ends_at=NOON + 8 * HOUR,
        seller="shop",
    )
    return msgspec.structs.replace(found, **over)


def test_it_is_active_from_its_beginning_to_before_its_end() -> None:
    found = [silence().is_active(NOON + offset) for offset in (-1, 0, 8 * HOUR - 1, 8 * HOUR)]
    assert found == [False, True, True, False]


def test_who_ends_it_before_its_time_ends_it() -> None:
    ended = silence(expired_at=NOON + HOUR)
    assert ended.is_active(NOON + HOUR - 1)
    assert not ended.is_active(NOON + HOUR)
    assert ended.over_at == NOON + HOUR


@pytest.mark.parametrize(
    ("patterns", "covers"),
    [
        ({"seller": "shop"}, True),
        ({"seller": "sh*", "marketplace": "?", "metric": "order_*"}, True),
        ({"seller": "Shop"}, False),
        ({"seller": "shop", "marketplace": "other"}, False),
        ({"seller": "*", "metric": "late_*"}, False),
        ({"seller": "*", "metric": "reply"}, False),
    ],
)
def test_seller_marketplace_and_metric_have_to_fit(patterns: dict[str, str], covers: bool) -> None:
    assert silence(**patterns).covers(metric()) is covers


def test_a_kind_of_open_items_is_silenced_by_its_name() -> None:
    assert silence(metric="reply").covers(deadline())


def test_a_name_with_brackets_is_meant_as_it_is_written() -> None:
    assert silence(seller="a[b]").covers(metric(seller="a[b]"))


def test_of_several_the_one_that_lasts_longest_counts() -> None:
    short, long = silence(), silence(id="s2", ends_at=NOON + DAY)
    over = silence(id="s3", ends_at=NOON + 2 * DAY, expired_at=NOON)
    found = silencing([short, long, over], metric(), NOON)
    assert found is long
    assert silencing([over], metric(), NOON) is None


instants = st.integers(0, 4 * 10**15)
names = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
silences = st.builds(
    Silence,
    id=names,
    author=names,
    reason=names,
    begins_at=instants,
    ends_at=instants,
    seller=names,
    marketplace=names,
    metric=names,
    expired_at=st.none() | instants,
)


@given(silences)
def test_what_is_written_to_the_topic_is_read_again(found: Silence) -> None:
    assert decode_silence(found.encode()) == found


@given(silences, silences, instants)
def test_neither_table_nor_json_lets_a_text_out_of_its_line(
    one: Silence, other: Silence, at: Instant
) -> None:
    table = list(table_lines([Listed(one), Listed(other, (HOSTILE,))], at))
    assert len(table) == 3
    assert all(line.isprintable() for line in table)
    lines = list(json_lines([Listed(one), Listed(other, (HOSTILE,))], at))
    assert len(lines) == 2
    assert not [line for line in lines if "\n" in line]


@pytest.mark.parametrize(
    "value", [b"", b"{}", b"[]", silence().encode().replace(b'"v":1', b'"v":2'), b'{"id":1}']
)
def test_what_is_no_silence_is_refused(value: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        decode_silence(value)


def test_an_instant_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="no silence"):
        decode_silence(silence().encode().replace(b"2018-03-01T12:00:00Z", b"tomorrow"))


def test_a_hostile_silence_is_shown_harmless() -> None:
    hostile = silence(author=HOSTILE, reason=HOSTILE, seller=HOSTILE)
    line = list(table_lines([Listed(hostile)], NOON))[1]
    assert line.isprintable()
    assert "\\x1b" in line


def test_the_table_says_what_until_when_by_whom_and_why() -> None:
    heading, row = table_lines([Listed(silence(metric="reply"), ("a", "b"))], NOON)
    assert heading.split() == [
        *("id", "state", "silences", "hides", "from", "until", "author", "reason")
    ]
    for part in ("s1", "active", "seller shop, metric reply  2 ", "2018-03-01T20:00:00Z", "moving"):
        assert part in row


def test_its_state_is_a_word() -> None:
    states = [state_of(silence(), NOON + offset) for offset in (-1, 0, 8 * HOUR)]
    assert states == ["to come", "active", "over"]
    assert state_of(silence(expired_at=NOON), NOON) == "expired"
    assert state_of(silence(expired_at=NOON - 5), NOON - 4) == "expired"


def test_those_that_end_last_come_first() -> None:
    found = listed([silence(), silence(id="s2", ends_at=NOON + DAY)], [], NOON)
    assert [one.silence.id for one in found] == ["s2", "s1"]


def test_a_silence_lists_the_alerts_that_it_hides_while_it_is_active() -> None:
    hidden: list[AlertRecord] = [metric(), deadline(), metric(seller="other", alert="other")]
    silences = [silence(), silence(id="s2", metric="reply"), silence(id="s3", expired_at=NOON)]
    found = {one.silence.id: one.hides for one in listed(silences, hidden, NOON)}
    assert found == {
        "s1": ("shop/m/order_defect_rate/60", "shop/m/reply"),
        "s2": ("shop/m/reply",),
        "s3": (),
    }


def test_a_silence_of_everything_says_so() -> None:
    assert scope_of(silence(seller="*")) == "everything"


@pytest.mark.parametrize(
    ("text", "micros"),
    [("30m", HOUR // 2), ("8h", 8 * HOUR), ("1h30m", 90 * 60 * SECOND), ("2d12h", 60 * HOUR)],
)
def test_a_duration_has_days_hours_and_minutes(text: str, micros: int) -> None:
    assert parse_duration(text) == micros


@pytest.mark.parametrize("text", ["", "0h", "8", "h", "8x", "-1h", "1m2h", " 8h", "8 h", "1.5h"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="duration"):
        parse_duration(text)
