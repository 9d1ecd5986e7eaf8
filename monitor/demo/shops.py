"""The simulated shops: their trade, their habits, and what befalls them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

Trouble = Literal["bad_carrier", "stock_out", "bad_listing", "claims", "slow_inbox", "violations"]


@dataclass(frozen=True, slots=True)
class Episode:
    """Trouble of one kind, from a day of the simulation on, for some days."""

    trouble: Trouble
    first_day: int
    days: int

    def covers(self, day: int) -> bool:
        """Whether it goes on that day."""
        return self.first_day <= day < self.first_day + self.days


@dataclass(frozen=True, slots=True)
class Shop:
    """One seller in one marketplace.

    ``size`` scales the plan's orders per day. ``handling``, ``transit`` and ``trouble`` scale
    the real shops' times and their share of defects: 1 is Olist's average seller.
    ``utc_offset_hours`` is roughly its marketplace's.
    """

    seller: str
    marketplace: str
    utc_offset_hours: int
    size: float = 1.0
    handling: float = 1.0
    transit: float = 1.0
    trouble: float = 1.0
    weekend_inbox: bool = True
    episodes: Sequence[Episode] = ()

    def has(self, trouble: Trouble, day: int) -> bool:
        """Whether an episode of this kind goes on."""
        return any(one.trouble == trouble and one.covers(day) for one in self.episodes)


def shops(sellers: int) -> list[Shop]:
    """The shops of some sellers: the named ones first, then average ones.

    A named seller also sells a little in the other marketplaces, an average one in one.
    """
    named = [shop for home in NAMED[:sellers] for shop in (home, *_abroad(home))]
    average = [
        Shop(f"shop-{number:05d}", *_MARKETPLACES[number % len(_MARKETPLACES)])
        for number in range(len(NAMED), sellers)
    ]
    return named + average


def _abroad(home: Shop) -> list[Shop]:
    return [
        replace(
            home,
            marketplace=marketplace,
            utc_offset_hours=offset,
            size=home.size * _SIZE_ABROAD,
            episodes=(),
        )
        for marketplace, offset in _MARKETPLACES
        if marketplace != home.marketplace
    ]


_SIZE_ABROAD = 0.3
_US, _DE, _JP = ("demo-us", -8), ("demo-de", 1), ("demo-jp", 9)
_MARKETPLACES = (_US, _DE, _JP)

NAMED = (
    # Nothing ever happens here.
    Shop("harbor-books", *_US, size=1.5, handling=0.25, transit=0.5, trouble=0.02),
    # Three weeks of a carrier that scans nothing and delivers late.
    Shop(
        "tulip-outlet",
        *_DE,
        handling=0.3,
        transit=0.6,
        trouble=0.03,
        episodes=(Episode("bad_carrier", 120, 21),),
    ),
    # Two weeks of selling what is not there.
    Shop(
        "kite-electronics",
        *_US,
        size=1.4,
        handling=0.35,
        transit=0.6,
        trouble=0.03,
        episodes=(Episode("stock_out", 200, 14), Episode("violations", 230, 40)),
    ),
    # A listing that draws bad feedback, most of which is removed when it is taken down.
    Shop(
        "mori-ceramics",
        *_JP,
        size=0.8,
        handling=0.3,
        transit=0.5,
        trouble=0.03,
        episodes=(Episode("bad_listing", 90, 60),),
    ),
    # Nobody reads the mail at weekends, and for a month on no day at all.
    Shop(
        "fjord-sports",
        *_DE,
        size=0.7,
        handling=0.4,
        transit=0.6,
        trouble=0.05,
        weekend_inbox=False,
        episodes=(Episode("slow_inbox", 160, 30),),
    ),
    # A wave of claims, decided weeks later, most of them in its favour.
    Shop(
        "comet-toys",
        *_US,
        size=0.9,
        handling=0.45,
        transit=0.6,
        trouble=0.04,
        episodes=(Episode("claims", 280, 21), Episode("bad_carrier", 330, 21)),
    ),
)
