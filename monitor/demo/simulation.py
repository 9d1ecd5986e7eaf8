"""The life of simulated orders, in wire events.

Times and shares are Olist's (real orders of 2016 to 2018, measured on the shared data set)
where that has them; what it lacks (returns, claims, messages, votes, violations, tracking) is
assumed, and named so.
"""

from collections.abc import Iterator
from math import exp
from random import Random
from typing import Any

from monitor.demo.shops import Shop

Wire = dict[str, Any]
"""An event before it is written; its instants are seconds since 1970."""

HOUR = 3600
DAY = 24 * HOUR
INSTANTS = ("at", "ship_by", "deliver_by")

# Olist: purchase to carrier 54 h (median), 155 h (nine of ten); the shipping limit 144 h and
# 240 h after purchase; both grow together, which leaves 9 % late.
HANDLING_HOURS, HANDLING_SPREAD = 54.05, 0.82
SHIP_PROMISE_HOURS, SHIP_PROMISE_SPREAD = 144.3, 0.40
PROMISE_FOLLOWS = 0.44
# Olist: carrier to buyer 7.1 days, 18.8 for nine of ten; promised 24.3 and 35.4 after purchase.
TRANSIT_DAYS, TRANSIT_SPREAD = 7.1, 0.76
DELIVERY_PROMISE_DAYS, DELIVERY_PROMISE_SPREAD = 24.3, 0.29
# Olist: 1.26 % cancelled; 64 % rated, 1.9 days after delivery (median); one or two stars: 63 %
# of what came late, 10 % of what came in time.
CANCELLED = 0.0126
RATED = 0.643
RATING_DAYS, RATING_SPREAD = 1.94, 0.75
NEGATIVE_IF_LATE, NEGATIVE_IF_IN_TIME = 0.632, 0.105
# Olist: orders by weekday (Monday first) and by hour of local time, 1 = the average.
WEEKDAYS = (1.11, 1.11, 1.08, 1.06, 1.03, 0.80, 0.81)
HOURS = (
    *(0.49, 0.23, 0.12, 0.06, 0.05, 0.06, 0.16, 0.41, 0.83, 1.24, 1.53, 1.59),
    *(1.50, 1.56, 1.58, 1.51, 1.61, 1.47, 1.40, 1.43, 1.53, 1.50, 1.32, 0.84),
)
# Olist: November 2017 sold two thirds more than the months around it.
BLACK_FRIDAY_DAYS = range(322, 334)
BLACK_FRIDAY = 1.7

# Assumed from here on: Olist does not say.
RETURNED, MESSAGED, CLAIMED, REFUNDED = 0.05, 0.12, 0.012, 0.02
MARKETPLACE_FULFILLED, WITHOUT_PROMISE, WITHOUT_TRACKING = 0.15, 0.04, 0.01
CATEGORIES = ("shoes", "office_products", "home", "toys")
CARRIERS = ("UPS", "DHL", "Yamato")
REPLY_HOURS, REPLY_SPREAD = 3.0, 0.9


class ShopLife:
    """All events of one shop, day by day.

    The same seed gives the same events: each shop draws from a generator of its own.
    """

    def __init__(self, shop: Shop, seed: int, orders_per_day: float) -> None:
        self._shop = shop
        self._random = Random(f"{seed}/{shop.seller}/{shop.marketplace}")  # noqa: S311 - a simulation
        self._orders_per_day = orders_per_day * shop.size
        self._serial = 0

    def day(self, day: int, midnight: int, weekday: int, year_day: int) -> Iterator[Wire]:
        """Everything that the orders and accidents of one local day will lead to.

        Args:
            day: number of the day in the simulation.
            midnight: its beginning in UTC, in seconds since 1970.
            weekday: 0 is Monday.
            year_day: day of the year, for the season.
        """
        local_midnight = midnight - self._shop.utc_offset_hours * HOUR
        yield self._event("heartbeat", local_midnight + DAY - 60)
        season = BLACK_FRIDAY if year_day in BLACK_FRIDAY_DAYS else 1.0
        expected = self._orders_per_day * WEEKDAYS[weekday] * season
        for _ in range(self._round(expected)):
            hour = self._random.choices(range(24), HOURS)[0]
            at = local_midnight + hour * HOUR + self._random.randrange(HOUR)
            yield from self._order(day, at)
        if self._shop.has("violations", day) and self._chance(0.1):
            yield from self._violation(local_midnight + 12 * HOUR)

    def _order(self, day: int, at: int) -> Iterator[Wire]:
        shop, chance = self._shop, self._chance
        order = self._name("o")
        by = "marketplace" if chance(MARKETPLACE_FULFILLED) else "seller"
        promise_luck = self._random.gauss(0, 1)
        ship_by = at + _hours(SHIP_PROMISE_HOURS * exp(SHIP_PROMISE_SPREAD * promise_luck))
        deliver_by = at + self._lognormal(24 * DELIVERY_PROMISE_DAYS, DELIVERY_PROMISE_SPREAD)
        if chance(WITHOUT_PROMISE):
            yield self._event(
                "order_placed", at, order=order, fulfilled_by=by, category=self._category()
            )
        else:
            yield self._event(
                "order_placed",
                at,
                order=order,
                fulfilled_by=by,
                ship_by=ship_by,
                deliver_by=deliver_by,
                category=self._category(),
                amount=round(self._random.lognormvariate(4.4, 0.8), 2),
                currency="USD",
            )
            if chance(0.01):
                yield self._event(
                    "order_amended", at + HOUR, order=order, deliver_by=deliver_by + 2 * DAY
                )
        if chance(MESSAGED * min(1.0, shop.trouble * 5)):
            yield from self._message(day, at + self._lognormal(48, 1.0), order)
        share = 0.15 if shop.has("stock_out", day) else CANCELLED * shop.trouble
        if chance(share) or chance(0.002):
            yield from self._cancel(day, at, order)
            return
        yield from self._ship(day, at, order, deliver_by, promise_luck)

    def _cancel(self, day: int, at: int, order: str) -> Iterator[Wire]:
        by, reason = "seller", "out_of_stock"
        if not self._shop.has("stock_out", day):
            by = self._random.choice(("buyer", "seller", "marketplace"))
            reason = {"buyer": "buyer_request", "seller": "other"}.get(by, "payment")
        yield self._event(
            "order_cancelled", at + self._lognormal(20, 0.8), order=order, by=by, reason=reason
        )

    def _ship(
        self, day: int, at: int, order: str, deliver_by: int, promise_luck: float
    ) -> Iterator[Wire]:
        shop, chance = self._shop, self._chance
        luck = self._random.gauss(0, 1)
        luck = PROMISE_FOLLOWS * promise_luck + (1 - PROMISE_FOLLOWS**2) ** 0.5 * luck
        shipped = at + _hours(HANDLING_HOURS * shop.handling * exp(HANDLING_SPREAD * luck))
        bad_carrier = shop.has("bad_carrier", day)
        days = TRANSIT_DAYS * shop.transit * (4.0 if bad_carrier else 1.0)
        delivered = shipped + self._lognormal(24 * days, TRANSIT_SPREAD)
        yield from self._carry(order, shipped, bad_carrier)
        if chance(0.997):
            yield self._event("order_delivered", delivered, order=order)
        yield from self._judge(day, order, delivered, delivered > deliver_by)
        yield from self._complain(day, order, delivered)

    def _carry(self, order: str, shipped: int, bad_carrier: bool) -> Iterator[Wire]:  # noqa: FBT001
        carrier = self._random.choice(CARRIERS)
        tracking = f"1Z{self._random.randrange(10**10):010d}AB"
        if self._chance(WITHOUT_TRACKING):
            yield self._event("order_shipped", shipped, order=order, carrier=carrier)
            return
        yield self._event("order_shipped", shipped, order=order, carrier=carrier, tracking=tracking)
        if self._chance(0.4 if bad_carrier else 0.01):
            return
        # Carriers write names and numbers in their own way; a few scans are of another parcel.
        seen_by = "Wrong Post" if self._chance(0.004) else f" {carrier.lower()} "
        yield self._event(
            "order_scanned",
            shipped + self._lognormal(8, 0.7),
            order=order,
            carrier=seen_by,
            tracking=tracking.lower() if self._chance(0.2) else tracking,
        )

    def _judge(self, day: int, order: str, delivered: int, late: bool) -> Iterator[Wire]:  # noqa: FBT001
        """Feedback after delivery, some of it removed later."""
        shop, chance = self._shop, self._chance
        if not chance(RATED):
            return
        at = delivered + self._lognormal(24 * RATING_DAYS, RATING_SPREAD)
        negative = NEGATIVE_IF_LATE if late else NEGATIVE_IF_IN_TIME * shop.trouble
        bad_listing = shop.has("bad_listing", day) and chance(0.25)
        if chance(0.4 if bad_listing else negative):
            rating = 1 if chance(0.82) else 2
        else:
            rating = self._random.choices((3, 4, 5), (0.104, 0.227, 0.669))[0]
        feedback = self._name("f")
        yield self._event("feedback_left", at, order=order, feedback=feedback, rating=rating)
        if rating <= 2 and chance(0.6 if bad_listing else 0.1):
            removed = at + self._lognormal(24 * (30 if bad_listing else 10), 0.4)
            yield self._event("feedback_removed", removed, order=order, feedback=feedback)

    def _complain(self, day: int, order: str, delivered: int) -> Iterator[Wire]:
        """Returns, refunds and claims after delivery."""
        shop, chance = self._shop, self._chance
        if chance(RETURNED):
            yield from self._return(order, delivered + self._lognormal(96, 0.7))
        elif chance(REFUNDED * min(1.0, shop.trouble * 4)):
            yield self._event(
                "order_refunded",
                delivered + self._lognormal(72, 0.7),
                order=order,
                refund=self._name("m"),
                reason="damaged",
            )
        if chance(0.05 if shop.has("claims", day) else CLAIMED * shop.trouble):
            yield from self._claim(order, delivered + self._lognormal(120, 0.6))

    def _return(self, order: str, at: int) -> Iterator[Wire]:
        shop, chance = self._shop, self._chance
        request = {"order": order, "return": self._name("r")}
        valid = chance(0.9)
        yield self._event("return_requested", at, **request, valid=valid)
        if chance(1 - 0.1 * shop.trouble):
            answered = at + self._lognormal(12, 0.5)
            rejected = chance(0.03 * shop.trouble if valid else 0.6)
            decision = "rejected" if rejected else "approved"
            if chance(0.3):
                yield self._event("return_answered", answered - HOUR, **request, decision="replied")
            yield self._event("return_answered", answered, **request, decision=decision)
            if chance(0.8) and not rejected:
                yield self._event(
                    "order_refunded", answered + 3 * DAY, order=order, refund=self._name("m")
                )
        if chance(0.3):
            satisfied = chance(1 - 0.15 * min(shop.trouble, 1.0))
            yield self._event("return_rated", at + 9 * DAY, **request, satisfied=satisfied)

    def _claim(self, order: str, at: int) -> Iterator[Wire]:
        claim = {"order": order, "claim": self._name("c")}
        kinds = ("guarantee", "chargeback_service", "chargeback_fraud")
        kind = self._random.choices(kinds, (0.85, 0.1, 0.05))[0]
        yield self._event("claim_opened", at, **claim, kind=kind)
        if self._chance(0.95):
            outcome = self._random.choices(("granted", "denied", "withdrawn"), (0.35, 0.45, 0.2))[0]
            fault = {"at_fault": self._random.choice(("seller", "carrier"))}
            yield self._event(
                "claim_decided",
                at + self._lognormal(24 * 18, 0.4),
                **claim,
                outcome=outcome,
                **(fault if outcome != "withdrawn" else {}),
            )

    def _message(self, day: int, at: int, order: str) -> Iterator[Wire]:
        shop, chance = self._shop, self._chance
        thread = self._name("t")
        message = {"message": self._name("n"), "thread": thread}
        names = {"order": order} if chance(0.7) else {}
        yield self._event("message_received", at, **message, **names)
        if chance(0.99):
            answered = at + self._lognormal(REPLY_HOURS, REPLY_SPREAD)
            weekend = (at // DAY + 3) % 7 >= 5  # 1970-01-01 was a Thursday
            if (weekend and not shop.weekend_inbox) or shop.has("slow_inbox", day):
                answered += self._random.randrange(12 * HOUR, 2 * DAY)
            closing = "message_dismissed" if chance(0.05) else "message_answered"
            yield self._event(closing, answered, **message)
            if chance(0.25):
                solved = chance(1 - 0.4 * min(shop.trouble, 1.0))
                yield self._event(
                    "service_rated", answered + DAY, vote=self._name("v"), solved=solved, **names
                )

    def _violation(self, at: int) -> Iterator[Wire]:
        violation = self._name("p")
        kinds = ("counterfeit", "intellectual_property", "safety", "listing")
        yield self._event(
            "violation_reported",
            at,
            violation=violation,
            kind=self._random.choice(kinds),
            product=f"B0{self._random.randrange(10**6):06d}",
        )
        if self._chance(0.7):
            outcome = "appealed" if self._chance(0.5) else "fixed"
            later = at + self._lognormal(24 * 12, 0.4)
            yield self._event("violation_resolved", later, violation=violation, outcome=outcome)

    def _event(self, type_: str, at: int, **fields: Any) -> Wire:
        shop = self._shop
        return {
            "type": type_,
            "id": self._name("e"),
            "at": at,
            "seller": shop.seller,
            "marketplace": shop.marketplace,
            **fields,
        }

    def _name(self, prefix: str) -> str:
        self._serial += 1
        return f"{prefix}-{self._shop.seller}-{self._shop.marketplace}-{self._serial}"

    def _category(self) -> str:
        return self._random.choice(CATEGORIES)

    def _chance(self, share: float) -> bool:
        return self._random.random() < share

    def _lognormal(self, median_hours: float, spread: float) -> int:
        """Seconds, at least a minute."""
        return max(60, _hours(median_hours * exp(spread * self._random.gauss(0, 1))))

    def _round(self, expected: float) -> int:
        """A whole number whose mean is the expected one, and that varies by its root."""
        varied = self._random.gauss(expected, expected**0.5)
        return max(0, int(varied + self._random.random()))


def _hours(hours: float) -> int:
    return int(hours * HOUR)
