"""How the partitions of a replay are shared out in parts, and the answers put together again."""

from collections import Counter
from math import gcd

from hypothesis import given
from hypothesis import strategies as st

from monitor.audit import parts
from monitor.audit.lines import decoded, encoded, line_order
from monitor.audit.parts import Answer, merged, parts_of, summed
from monitor.audit.replay import Balance
from monitor.audit.spans import Found, Span, Where
from monitor.core.events import SOURCE_TOPICS

numbers = st.integers(1, 12)


def found_of(sizes: list[int], apart: int) -> Found:
    spans: dict[Where, Span] = {
        ("orders", number): Span(5, 5 + size) for number, size in enumerate(sizes)
    }
    return Found(len(sizes), apart, spans)


@given(numbers, numbers, st.lists(numbers, max_size=2), st.integers(0, 10_000))
def test_no_seller_is_in_two_parts_and_no_partition_is_forgotten(
    workers: int, partitions: int, earlier: list[int], digest: int
) -> None:
    spans: dict[Where, Span] = {
        (topic, number): Span(0, 1 + number)
        for topic in SOURCE_TOPICS
        for number in range(partitions)
    }
    found = parts_of(Found(partitions, gcd(partitions, *earlier), spans), workers)
    assert Counter(where for part in found for where in part.spans) == Counter(list(spans))
    homes = {digest % count for count in (partitions, *earlier)}
    of_the_seller = [part for part in found if any(number in homes for _, number in part.spans)]
    assert len(of_the_seller) == 1


def test_small_partitions_are_read_together_while_everybody_has_something_to_do() -> None:
    few = found_of([1000] * 12, 12)
    assert [part.weight for part in parts_of(few, 1)] == [12_000]
    assert [part.weight for part in parts_of(few, 3)] == [4000] * 3


def test_a_large_partition_is_a_part_of_its_own() -> None:
    enough = parts._RECORDS_A_PART
    found = found_of([enough, 10, enough, enough // 2, enough // 2], 5)
    weights = [part.weight for part in parts_of(found, 1)]
    assert weights == [enough, enough + 10, enough]


def test_nothing_to_read_is_no_part() -> None:
    assert parts_of(Found(4, 4, {}), 2) == []


line_keys = st.tuples(
    st.sampled_from("ab"),
    st.sampled_from(["m", "n"]),
    st.sampled_from(["refund_rate", "valid_tracking_rate"]),
    st.sampled_from([7, 30, 100, "all"]),
    st.sampled_from([None, "", "Books"]),
)
NAMES = ("seller", "marketplace", "metric", "window_days", "category")


@given(st.sets(line_keys), st.integers(1, 4))
def test_the_lines_of_all_parts_are_in_the_order_of_the_contract(
    keys: set[tuple[object, ...]], count: int
) -> None:
    every = sorted((dict(zip(NAMES, key, strict=True)) for key in keys), key=line_order)
    shares = [every[number::count] for number in range(count)]
    answers = [Answer(Balance(1, 2, 3, 4, 5), [], encoded(share)) for share in shares]
    assert list(merged(answers)) == every
    assert summed(answers) == Balance(count, 2 * count, 3 * count, 4 * count, 5 * count)
    assert decoded(encoded(every)) == every
