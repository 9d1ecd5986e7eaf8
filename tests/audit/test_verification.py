"""What the hash chains of an alert log show, and where."""

import io
import json
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.audit import chain as chaining
from monitor.audit.chain import Mark
from monitor.audit.logs import LogRecord
from monitor.audit.verification import FORMATS, verify
from monitor.stream.intake import partition_of
from tests.audit.chains import SELLER, chained, faults, log, places
from tests.audit.memory import MemoryLog

RECORDS = chained(8)
NUMBERS = range(len(RECORDS))


def altered(value: bytes) -> bytes:
    """The record with another figure."""
    found = value.replace(b'"numerator":1', b'"numerator":0')
    return found if found != value else value.replace(b'"numerator":0', b'"numerator":1')


def test_a_log_as_the_monitor_writes_it_is_intact() -> None:
    found = verify(log(RECORDS))
    assert found.intact
    (partition,) = found.partitions
    assert (partition.first_n, partition.n, partition.records, partition.repeats) == (1, 8, 8, 0)
    assert partition.offset == 7


@given(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), max_size=4))
def test_what_was_published_again_after_a_crash_is_no_fault(repeats: list[tuple[int, int]]) -> None:
    """After each crash some of what is there comes once more, from some record on."""
    published: list[bytes] = []
    for upto, back in repeats:
        done = max((RECORDS.index(one) for one in published), default=-1) + 1
        published += RECORDS[max(0, done - back) : max(done, upto)]
    done = max((RECORDS.index(one) for one in published), default=-1) + 1
    found = verify(log([*published, *RECORDS[done:]]))
    assert found.intact
    assert found.partitions[0].repeats == len(published) + len(RECORDS[done:]) - len(RECORDS)


@given(st.sampled_from(NUMBERS[:-1]))
def test_a_record_that_was_altered_is_named(number: int) -> None:
    values = [*RECORDS]
    values[number] = altered(values[number])
    assert faults(values) == [("altered", f"alerts[0]@{number}")]


@given(st.sampled_from(NUMBERS[:-1]), st.integers(0, 10**6))
def test_whatever_byte_of_a_record_is_changed_something_is_wrong(number: int, place: int) -> None:
    value = bytearray(RECORDS[number])
    value[place % len(value)] ^= 1
    values = [*RECORDS]
    values[number] = bytes(value)
    assert faults(values)


@given(st.sampled_from(NUMBERS[:-1]))
def test_the_place_of_a_record_that_was_dropped_is_named(number: int) -> None:
    values = [*RECORDS[:number], *RECORDS[number + 1 :]]
    found = verify(log(values))
    assert places(found) == [("missing", f"alerts[0]@{number}")]
    assert found.faults[0].detail == f"record {number + 1} is missing before it"


@given(st.lists(st.sampled_from(NUMBERS[:-1]), min_size=2, max_size=2, unique=True))
def test_records_that_were_exchanged_are_named(two: list[int]) -> None:
    low, high = sorted(two)
    values = [*RECORDS]
    values[low], values[high] = values[high], values[low]
    found = faults(values)
    assert found
    assert {kind for kind, _ in found} == {"moved"}
    assert ("moved", f"alerts[0]@{high}") in found


@given(st.permutations(RECORDS))
def test_no_other_order_is_intact(values: list[bytes]) -> None:
    assert verify(log(values)).intact == (values == RECORDS)


@given(st.sampled_from(NUMBERS), st.sampled_from(NUMBERS))
def test_a_record_in_between_that_is_none_of_the_chain_is_named(number: int, place: int) -> None:
    forged = altered(RECORDS[number])
    found = faults([*RECORDS[:place], forged, *RECORDS[place:]])
    assert found
    assert {kind for kind, _ in found} <= {"altered", "moved", "restarted", "missing"}


@pytest.mark.parametrize("value", [None, b"", b"x", b"{}", b"[]", b'{"chain":{"n":0}}', b"\xff"])
def test_what_is_no_alert_record_is_named_and_breaks_no_chain(value: bytes | None) -> None:
    assert faults([*RECORDS[:3], value, *RECORDS[3:]]) == [("foreign", "alerts[0]@3")]


def test_a_record_under_another_key_or_in_another_partition_is_foreign() -> None:
    records = [LogRecord(n, SELLER.encode(), value) for n, value in enumerate(RECORDS)]
    keyed = [*records[:2], records[2]._replace(key=b"other"), *records[3:]]
    assert places(verify(MemoryLog({0: keyed}, "alerts"))) == [("foreign", "alerts[0]@2")]
    found = verify(MemoryLog({0: records, 1: []}, "alerts"))
    elsewhere = verify(MemoryLog({0: [], 1: records}, "alerts"))
    assert sorted([found.intact, elsewhere.intact]) == [False, True]
    wrong = elsewhere if found.intact else found
    assert {fault.kind.value for fault in wrong.faults} == {"foreign"}
    assert len(wrong.faults) == len(RECORDS)
    assert "--earlier-partitions" in wrong.faults[0].detail


def test_a_seller_that_moved_when_partitions_were_added_is_chained_anew_from_then_on() -> None:
    before = [LogRecord(n, SELLER.encode(), value) for n, value in enumerate(RECORDS)]
    count = next(count for count in range(2, 9) if partition_of(SELLER.encode(), count))
    home = partition_of(SELLER.encode(), count)
    grown = MemoryLog(dict.fromkeys(range(count), ()) | {0: before, home: before[:3]}, "alerts")
    assert {fault.at[:9] for fault in verify(grown).faults} == {"alerts[0]"}
    assert verify(grown, earlier_partitions=[1]).intact


def test_where_retention_took_the_beginning_the_rest_is_intact() -> None:
    assert faults(RECORDS[3:], begin=17) == []
    assert faults(RECORDS[3:]) == [("missing", "alerts[0]@0")]


def test_a_chain_that_begins_anew_is_named_once_and_checked_from_there_on() -> None:
    again = chained(5)
    assert again == RECORDS[:5]
    other = [value.replace(b'"seller":"shop"', b'"seller": "shop"') for value in again[:1]]
    assert faults([*RECORDS, *other]) == [("restarted", "alerts[0]@8")]


def test_a_repeat_that_comes_so_late_that_nothing_is_known_of_it_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(chaining, "KEPT_MAX", 3)
    assert faults([*RECORDS, RECORDS[6]]) == []
    assert faults([*RECORDS, RECORDS[2]]) == [("moved", "alerts[0]@8")]


def test_faults_beyond_many_are_only_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chaining, "FAULTS_MAX", 3)
    found = verify(log([b"x"] * 10))
    assert (len(found.faults), found.more_faults, found.intact) == (3, 7, False)


def head(number: int) -> dict[int, Mark]:
    """What a head said once so many records were there."""
    (partition,) = verify(log(RECORDS[:number])).partitions
    return {0: Mark(partition.n, partition.sha256)}


@given(st.sampled_from(NUMBERS), st.sampled_from(NUMBERS))
def test_a_tail_that_was_cut_shows_against_an_earlier_head(number: int, left: int) -> None:
    found = verify(log(RECORDS[:left]), marks=head(number), compared_with="then")
    assert places(found) == ([("cut", f"alerts[0]@{left}")] if left < number else [])


@given(st.sampled_from(NUMBERS[1:]), st.sampled_from(NUMBERS[1:]))
def test_a_past_that_was_written_anew_shows_against_an_earlier_head(
    number: int, length: int
) -> None:
    forged = [value.replace(b'"1.0"', b'"1.1"') for value in RECORDS[:1]]
    for value in RECORDS[1:length]:
        forged.append(_relinked(value.replace(b'"1.0"', b'"1.1"'), forged[-1]))
    assert verify(log(forged)).intact
    kinds = [kind for kind, _ in places(verify(log(forged), marks=head(number)))]
    assert kinds == ["rewritten" if length >= number else "cut"]


def test_a_head_older_than_all_that_is_kept_cannot_be_compared_and_that_is_said() -> None:
    found = verify(log(RECORDS[3:], begin=17), marks=head(2))
    assert places(found) == [("gone", "alerts[0]@17")]


def test_a_partition_that_is_no_more_shows_against_a_head() -> None:
    found = verify(log(RECORDS), marks=head(3) | {4: Mark(2, "x")})
    assert places(found) == [("cut", "alerts[4]@0")]


def test_the_text_names_places_and_what_was_not_checked() -> None:
    out = io.StringIO()
    FORMATS["text"](verify(log([*RECORDS[:2], *RECORDS[3:]])), out)
    assert out.getvalue() == (
        "alerts[0]: records 1 to 8\n"
        "alerts[0]@2: missing: record 3 is missing before it\n"
        "alerts: NOT INTACT, without a signed head: a cut tail does not show\n"
    )


def test_the_json_says_the_same() -> None:
    out = io.StringIO()
    FORMATS["json"](verify(log([*RECORDS, RECORDS[-1]]), compared_with="then"), out)
    found = json.loads(out.getvalue())
    assert found["intact"] is True
    assert found["compared_with"] == "then"
    assert found["partitions"][0]["repeats"] == 1


def _relinked(value: bytes, before: bytes) -> bytes:
    """The record chained to another one."""
    found = json.loads(value)
    found["chain"]["previous"] = sha256(before).hexdigest()
    return json.dumps(found, sort_keys=True, separators=(",", ":")).encode()
