"""Orders by their number, in the simulator's usual mix, made much faster than simulated ones.

Of a hundred orders 98 are shipped, scanned and delivered, 25 have feedback, 8 a message and its
answer, 3 a return, 1 a claim. Every seller is as large as the others. One in ten ships late,
without scans, and has bad feedback and claims, about as much as the limits allow: its alerts
come and go. The others are far from any limit.
"""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import cache
from typing import NamedTuple

from bench.events import PARTITIONS, Record, seller_in
from monitor.core.events import TOPIC_OF
from monitor.stream.intake import partition_of

_DAYS = 55
_DAY_SECONDS = 86_400
_HOUR_SECONDS = 3600
_NOW_SECONDS = int(time.time()) // 60 * 60
_BLOCK = 50_000
# An open order's life of five days takes 29 of its 30 hours, so that all of it is past.
_OPEN_AGE_SECONDS = 30 * _HOUR_SECONDS
_OPEN_PACE = 0.24


class Line(NamedTuple):
    """An event of the wire and its type."""

    type: str
    value: bytes


def seller_of(number: int, sellers: int) -> str:
    """Who sold an order; each partition has as many sellers, as far as that goes."""
    return _seller(number % sellers)


def life_of(number: int, sellers: int, *, is_open: bool = False) -> list[Line]:
    """The events of an order, the first on one of the last days.

    Nothing is due any more of an order that is not open; one that is was placed a day ago, and
    whatever has come of it came in time.
    """
    # Scattered, so that no seller has all the trouble: sellers go round with the number.
    luck = number * 2_654_435_761 % 4_294_967_296 >> 4
    pace = _OPEN_PACE if is_open else 1
    age_seconds = 6 * _DAY_SECONDS + number * 104_729 % (_DAYS * _DAY_SECONDS)
    placed_at = _NOW_SECONDS - (_OPEN_AGE_SECONDS if is_open else age_seconds)
    # As long as the marketplaces' own: 402-1234567-1234567.
    order = f"402-{number // 10_000_000:07d}-{number % 10_000_000:07d}"
    about = f'"seller":"{seller_of(number, sellers)}","marketplace":"demo-de","order":"{order}"'
    parcel = f',"carrier":"DHL","tracking":"JJD{number:012d}"'
    ship_by, deliver_by = _instant(placed_at, 48), _instant(placed_at, 120)
    promises = f',"ship_by":"{ship_by}","deliver_by":"{deliver_by}","category":"shoes"'
    is_careful = number % sellers % 10 > 0
    life = [("order_placed", 0, promises)]
    if luck % 59 == 0:
        life.append(("order_cancelled", 10, ',"by":"seller"'))
    else:
        life.append(
            ("order_shipped", 60 if luck % (410 if is_careful else 41) == 0 else 20, parcel)
        )
        if luck % (200 if is_careful else 20):
            life.append(("order_scanned", 26, parcel))
        life.append(("order_delivered", 70, ""))
        life += _aftermath(number, luck, is_careful=is_careful)
    return [
        Line(
            kind,
            f'{{"type":"{kind}","id":"{kind}-{number}","at":"{_instant(placed_at, hours * pace)}",'
            f"{about}{own}}}".encode(),
        )
        for kind, hours, own in life
    ]


def record_of(line: Line, seller: str) -> Record:
    """The record of an event of a seller."""
    return Record((TOPIC_OF[line.type], _partition_of(seller)), seller.encode(), line.value)


def lives(
    numbers: range,
    sellers: int,
    *,
    block: int = _BLOCK,
    is_open: Callable[[int], bool] = lambda _number: False,
) -> Iterator[Record]:
    """The events of orders, block by block: of a block first all orders, then all shipments.

    So each order comes back several times, in batches far apart. Of an open order only the
    first event comes.
    """
    for begin in range(numbers.start, numbers.stop, block):
        some = [
            (_so_far(number, sellers, is_open=is_open(number)), seller_of(number, sellers))
            for number in range(begin, min(begin + block, numbers.stop))
        ]
        for place in range(max(len(life) for life, _ in some)):
            for life, seller in some:
                if place < len(life):
                    yield record_of(life[place], seller)


def _so_far(number: int, sellers: int, *, is_open: bool) -> list[Line]:
    life = life_of(number, sellers, is_open=is_open)
    return life[:1] if is_open else life


def _aftermath(number: int, luck: int, *, is_careful: bool) -> Iterator[tuple[str, int, str]]:
    if luck % 4 == 0:
        feedback = f',"feedback":"f-{number}"'
        rating = 1 if luck % (4000 if is_careful else 400) == 0 else 5
        yield "feedback_left", 100, f'{feedback},"rating":{rating}'
        if luck % 1200 == 0:
            yield "feedback_removed", 110, feedback
    if luck % 12 == 0:
        message = f',"message":"m-{number}","thread":"t-{number}"'
        yield "message_received", 80, message
        yield "message_answered", 85, message
    if luck % 33 == 0:
        yield "return_requested", 90, f',"return":"r-{number}"'
        yield "return_answered", 95, f',"return":"r-{number}","decision":"approved"'
    if luck % 100 == 0:
        claim = f',"claim":"c-{number}"'
        yield "claim_opened", 99, f'{claim},"kind":"guarantee"'
        if is_careful or luck % 300 == 0:
            yield "claim_decided", 120, f'{claim},"outcome":"withdrawn"'


def _instant(seconds: int, hours: float) -> str:
    day, second = divmod(seconds + int(hours * _HOUR_SECONDS), _DAY_SECONDS)
    minute, second = divmod(second, 60)
    return f"{_date(day)}T{minute // 60:02d}:{minute % 60:02d}:{second:02d}Z"


@cache
def _seller(place: int) -> str:
    return seller_in(place % PARTITIONS, f"shop-{place:05d}")


@cache
def _date(day: int) -> str:
    return datetime.fromtimestamp(day * _DAY_SECONDS, UTC).date().isoformat()


@cache
def _partition_of(seller: str) -> int:
    return partition_of(seller.encode(), PARTITIONS)
