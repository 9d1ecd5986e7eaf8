"""A replay in parts: partitions that must be read together, and what comes of each part."""

from collections.abc import Iterable, Iterator, Sequence
from heapq import merge
from math import ceil

from msgspec import Struct

from monitor.audit.lines import Line, decoded, line_order
from monitor.audit.replay import Balance
from monitor.audit.spans import Found, Span, Where

_RECORDS_A_PART = 100_000
"""So many at least, where there are: a part costs a connection."""


class Answer(Struct, frozen=True):
    """What the replay of one part says; ``lines`` as JSON lines in the order of the contract."""

    balance: Balance
    unknown_marketplaces: list[str]
    lines: bytes


def parts_of(found: Found, workers: int) -> list[Found]:
    """What to read, in parts: no seller's records lie in two of them.

    A seller whose key is in partition p now was in partition p modulo the greatest common
    divisor of all numbers of partitions that there ever were, so these stay together. There is
    something for each of ``workers`` processes, if that can be.
    """
    shares: dict[int, dict[Where, Span]] = {}
    for (topic, number), span in found.spans.items():
        shares.setdefault(number % found.apart, {})[topic, number] = span
    enough = min(_RECORDS_A_PART, ceil(found.weight / workers))
    parts: list[Found] = []
    for number in sorted(shares):
        if parts and parts[-1].weight < enough:
            parts[-1] = parts[-1]._replace(spans={**parts[-1].spans, **shares[number]})
        else:
            parts.append(found._replace(spans=shares[number]))
    return parts


def merged(answers: Iterable[Answer]) -> Iterator[Line]:
    """The lines of all parts in the order of the contract."""
    return merge(*(decoded(answer.lines) for answer in answers), key=line_order)


def summed(answers: Sequence[Answer]) -> Balance:
    """The balance of all parts."""
    balances = [answer.balance for answer in answers]
    return Balance(
        counted=sum(one.counted for one in balances),
        redundant=sum(one.redundant for one in balances),
        late=sum(one.late for one in balances),
        invalid=sum(one.invalid for one in balances),
        after=sum(one.after for one in balances),
    )
