"""Orders by their number, in the simulator's usual mix, made much faster than simulated ones.

Of a hundred orders 98 are shipped, two of them late, and delivered, 93 scanned, 25 have
feedback, 8 a message and its answer, 3 a return, 1 a claim; some feedback is removed and some
claims are withdrawn. Every seller is as large as the others.
"""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

_DAYS = 55
_NOW = datetime.fromtimestamp(int(time.time()) // 60 * 60, UTC)


def seller_of(number: int, sellers: int) -> str:
    """Who sold an order."""
    return f"shop-{number % sellers:05d}"


def life_of(number: int, sellers: int) -> Iterator[bytes]:
    """The events of an order, the first on one of the last days."""
    placed_at = _NOW - timedelta(days=6 + number * 7919 % _DAYS, seconds=number * 104_729 % 86_400)
    about = (
        f'"seller":"{seller_of(number, sellers)}","marketplace":"demo-de","order":"o-{number:09d}"'
    )

    def event(kind: str, hours: float, own: str = "") -> bytes:
        at = (placed_at + timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")
        return f'{{"type":"{kind}","id":"{kind}-{number}","at":"{at}",{about}{own}}}'.encode()

    ship_by = (placed_at + timedelta(hours=48)).strftime("%Y-%m-%dT%H:%M:%SZ")
    deliver_by = (placed_at + timedelta(hours=120)).strftime("%Y-%m-%dT%H:%M:%SZ")
    promises = f',"ship_by":"{ship_by}","deliver_by":"{deliver_by}","category":"shoes"'
    parcel = f',"carrier":"DHL","tracking":"JJD{number:012d}"'
    yield event("order_placed", 0, promises)
    if number % 59 == 0:
        yield event("order_cancelled", 10, ',"by":"seller"')
        return
    yield event("order_shipped", 60 if number % 41 == 0 else 20, parcel)
    if number % 20:
        yield event("order_scanned", 26, parcel)
    yield event("order_delivered", 70)
    yield from _aftermath(number, event)


def _aftermath(number: int, event: Callable[..., bytes]) -> Iterator[bytes]:
    if number % 4 == 0:
        rating = 1 if number % 400 == 0 else 5
        yield event("feedback_left", 100, f',"feedback":"f-{number}","rating":{rating}')
        if number % 1200 == 0:
            yield event("feedback_removed", 110, f',"feedback":"f-{number}"')
    if number % 12 == 0:
        message = f',"message":"m-{number}","thread":"t-{number}"'
        yield event("message_received", 80, message)
        yield event("message_answered", 85, message)
    if number % 33 == 0:
        yield event("return_requested", 90, f',"return":"r-{number}"')
        yield event("return_answered", 95, f',"return":"r-{number}","decision":"approved"')
    if number % 100 == 0:
        yield event("claim_opened", 99, f',"claim":"c-{number}","kind":"guarantee"')
        if number % 300 == 0:
            withdrawn = f',"claim":"c-{number}","outcome":"withdrawn"'
            yield event("claim_decided", 120, withdrawn)
