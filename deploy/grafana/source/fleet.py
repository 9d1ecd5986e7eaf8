"""*Fleet*: which sellers are at risk, what room is left, what is due, who moved most."""

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.builders import table
from grafana_foundation_sdk.models import dashboard as model

from deploy.grafana.source.parts import (
    FLEET,
    GREEN,
    ORANGE,
    PURPLE,
    RED,
    SELLER_LINK,
    Column,
    Query,
    bars,
    begun,
    choice,
    figure,
    lines,
    of,
    of_all,
    rows,
)
from monitor.exporter import families as names

RUNBOOK_OF = {
    "Accounts breached": "SellerMetricBreached",
    "Accounts approaching": "SellerMetricApproaching",
    "Accounts with unknowns": "SellerDataUnknown",
    "Accounts by the room that is left": "SellerHeadroomGone",
    "Overdue items": "SellerItemsOverdue",
    "Due next": "SellerItemsDueSoon",
    "Sellers left out": "MonitorSellersHidden",
    "Readings left out, by level": "MonitorSellersHidden",
}
"""The alert that goes by what a panel shows, by the panel's title."""

_ACCOUNT = 'marketplace=~"$marketplace"', 'seller=~"$seller"'
_SERIES = *_ACCOUNT, 'metric=~"$metric"'
_KEYS = "seller, marketplace, metric, window, category"
_LEVEL = of(names.LEVEL, *_SERIES)
_HEADROOM = f"min by ({_KEYS}) ({of(names.HEADROOM, *_SERIES)})"
_LEAST = f"min by (seller, marketplace) ({of(names.HEADROOM, *_SERIES)})"
_NEAREST = f"bottomk($worst, {_HEADROOM})"
# What was not there yet has lost nothing. Two instants: a maximum over a day would be too much
# to ask of a Prometheus with ten thousand of these.
_HEADROOM_WAS = f"min by ({_KEYS}) ({of(names.HEADROOM, *_SERIES)} offset $__range)"
_LOST = f"{_HEADROOM} - ({_HEADROOM_WAS} or {_HEADROOM})"
_MOVERS = f"bottomk($worst, {_LOST})"
_DUE_SECONDS = (
    f"min by (seller, marketplace, kind) ({of(names.FIRST_DUE, *_ACCOUNT)}"
    f" - on (job, instance) group_left () {of(names.EVALUATED)})"
)
_NEXT_DUE = f"bottomk($worst, {_DUE_SECONDS})"
_IN_ONE = (*_SERIES, 'category=""')


def dashboard(runbooks: str) -> build.Dashboard:
    """The dashboard, with links to the runbooks."""
    found = begun(
        FLEET,
        "Seller health / Fleet",
        "All sellers of the fleet: who is at risk, what room is left, what is due next.",
        runbooks,
    ).time("now-24h", "now")
    for variable in _variables():
        found.with_variable(variable)
    _at_risk(found)
    _movers(found)
    _deadlines(found)
    _left_out(found)
    return found


def _variables() -> list[build.QueryVariable | build.CustomVariable]:
    seen = names.LEVEL.name
    here = f'{seen}{{marketplace=~"$marketplace"}}'
    counts = [
        model.VariableOption(selected=number == "10", text=number, value=number)
        for number in ("10", "25", "50", "100")
    ]
    return [
        choice("marketplace", "Marketplace", "Of the accounts shown.", seen, "marketplace"),
        choice("seller", "Seller", "Those with series of their own.", here, "seller"),
        choice("metric", "Metric", "Open items have none, and are always shown.", here, "metric"),
        build.CustomVariable("worst")
        .label("Rows")
        .description("How many of the worst the tables show.")
        .values("10,25,50,100")
        .options(counts)
        .current(counts[0]),
    ]


def _accounts_at(code: int) -> str:
    return f"sum(max by (seller, marketplace) ({_LEVEL}) == bool {code})"


def _at_risk(found: build.Dashboard) -> None:
    found.with_row(build.Row("Sellers at risk"))
    # The least code there is: a reading without data is not exported.
    unknown = f"sum(min by (seller, marketplace) ({_LEVEL}) == bool -1)"
    overdue = of_all(names.OVERDUE_ITEMS, names.OTHERS_OVERDUE_ITEMS, *_ACCOUNT)
    for panel in (
        figure(
            "Sellers shown",
            "Sellers with series of their own that match the choice above.",
            f"count(count by (seller) ({_LEVEL}))",
        ),
        figure(
            "Accounts breached",
            "An account is a seller in a marketplace. At least one of its metrics is beyond its "
            "limit.",
            _accounts_at(2),
            (None, GREEN),
            (1, RED),
        ),
        figure(
            "Accounts approaching",
            "None beyond its limit, at least one from which on the policy warns.",
            _accounts_at(1),
            (None, GREEN),
            (1, ORANGE),
        ),
        figure(
            "Accounts with unknowns",
            "At least one metric is not known: a feed is silent, history does not cover the "
            "window, "
            "or a partition is behind. Look at the dashboard Monitor.",
            unknown,
            (None, GREEN),
            (1, PURPLE),
        ),
        figure(
            "Overdue items",
            "Orders to ship, messages, returns and claims whose deadline has passed; those of "
            "sellers left out too.",
            f"sum({overdue}) or vector(0)",
            (None, GREEN),
            (1, RED),
        ),
        figure(
            "Sellers left out",
            "Sellers without series of their own, by the settings of the monitor or for want of "
            "room: they are only in sums. All marketplaces, whatever is chosen above.",
            f"sum({of(names.LEFT_OUT_SELLERS)})",
        ),
    ):
        found.with_panel(panel)
    found.with_panel(
        lines(
            "Accounts by their worst level",
            "Each account once, by the worst of its metrics.",
            Query(_accounts_at(2), "breached", RED),
            Query(_accounts_at(1), "approaching", ORANGE),
            Query(_accounts_at(0), "ok", GREEN),
            stacked=True,
            least=0,
        )
    )
    found.with_panel(
        lines(
            "Accounts by the room that is left",
            "Each account once, by its least headroom: how many more orders may turn bad before a "
            "limit is breached.",
            Query(f"sum({_LEAST} < bool 0)", "too many already", RED),
            Query(f"sum({_LEAST} == bool 0)", "none", "dark-orange"),
            Query(f"sum(({_LEAST} > bool 0) * ({_LEAST} <= bool 2))", "1 or 2", ORANGE),
            Query(f"sum(({_LEAST} > bool 2) * ({_LEAST} <= bool 9))", "3 to 9", "light-green"),
            Query(f"sum({_LEAST} > bool 9)", "10 or more", GREEN),
            stacked=True,
            least=0,
        )
    )
    found.with_panel(_nearest())
    for title, code, colour in (("Breached", 2, RED), ("Approaching", 1, ORANGE)):
        by_metric = f"max by (seller, marketplace, metric) ({_LEVEL}) == bool {code}"
        found.with_panel(
            bars(
                f"{title} accounts by metric",
                "How many accounts stand there now, for each metric.",
                Query(f"sort_desc(sum by (metric) ({by_metric}))", "{{metric}}"),
                colour,
            )
        )


def _nearest() -> table.Panel:
    def beside(family: names.Family) -> str:
        return f"max by ({_KEYS}) ({of(family, *_SERIES)}) and {_NEAREST}"

    return rows(
        "Nearest to their limits",
        "The metrics with the least headroom: how many more counted orders may turn bad before the "
        "limit is breached; negative: how many too many. A click on a seller shows it.",
        [
            Column(_NEAREST, "Headroom", steps=((None, RED), (0, ORANGE), (3, GREEN))),
            Column(beside(names.LEVEL), "Level", is_level=True),
            Column(beside(names.RATIO), "Ratio", "percentunit", decimals=2),
            Column(beside(names.NUMERATOR), "Numerator"),
            Column(beside(names.DENOMINATOR), "Denominator"),
            Column(beside(names.ORDERS_TO_RECOVER), "Good orders to recover"),
        ],
        sort_by="Headroom",
        links=[SELLER_LINK],
    )


def _movers(found: build.Dashboard) -> None:
    numerators = of_all(names.NUMERATOR, names.OTHERS_NUMERATOR, *_IN_ONE)
    denominators = of_all(names.DENOMINATOR, names.OTHERS_DENOMINATOR, *_IN_ONE)
    found.with_row(build.Row("Worst movers"))
    found.with_panel(
        rows(
            "Most headroom lost",
            "Headroom now against that at the beginning of the time range above.",
            [
                Column(_MOVERS, "Lost", steps=((None, RED), (0, GREEN))),
                Column(f"{_HEADROOM} and {_MOVERS}", "Left", steps=((None, RED), (0, GREEN))),
                Column(f"max by ({_KEYS}) ({_LEVEL}) and {_MOVERS}", "Level", is_level=True),
            ],
            sort_by="Lost",
            span=14,
            links=[SELLER_LINK],
        )
    )
    found.with_panel(
        lines(
            "Least headroom by metric",
            "Of the account that is nearest to its limit.",
            Query(f"min by (metric) ({of(names.HEADROOM, *_SERIES)})", "{{metric}}"),
            span=10,
            height=10,
            steps=((None, RED), (0, "transparent")),
        )
    )
    found.with_panel(
        lines(
            "Ratios of the whole fleet",
            "Numerators and denominators of all accounts added up, then divided; with the sellers "
            "left out while all sellers are chosen. Categories are in the whole, and not counted "
            "twice.",
            Query(
                f"sum by (metric, window) ({numerators}) / sum by (metric, window) "
                f"({denominators})",
                "{{metric}} over {{window}} days",
            ),
            unit="percentunit",
            span=24,
        )
    )


def _deadlines(found: build.Dashboard) -> None:
    def items(own: names.Family, others: names.Family) -> str:
        return f"sum by (kind) ({of_all(own, others, *_ACCOUNT)})"

    def beside(family: names.Family) -> str:
        shown = of(family, *_ACCOUNT)
        return f"max by (seller, marketplace, kind) ({shown}) and {_NEXT_DUE}"

    found.with_row(build.Row("Open deadlines"))
    found.with_panel(
        lines(
            "Open items",
            "What waits for sellers, by kind; with the sellers left out while all are chosen.",
            Query(items(names.OPEN_ITEMS, names.OTHERS_OPEN_ITEMS), "{{kind}}"),
            stacked=True,
            least=0,
        )
    )
    found.with_panel(
        lines(
            "Overdue items",
            "Open items whose deadline has passed, by kind.",
            Query(items(names.OVERDUE_ITEMS, names.OTHERS_OVERDUE_ITEMS), "{{kind}}"),
            stacked=True,
            least=0,
        )
    )
    soon = ((None, RED), (0, ORANGE), (4 * 3600, GREEN))
    found.with_panel(
        rows(
            "Due next",
            "The first deadline of each account and kind, counted from the instant for which all "
            "readings were decided.",
            [
                Column(_NEXT_DUE, "Time left", "dtdurations", soon),
                Column(beside(names.OPEN_ITEMS), "Open"),
                Column(beside(names.OVERDUE_ITEMS), "Overdue", steps=((None, GREEN), (1, RED))),
            ],
            sort_by="Time left",
            links=[SELLER_LINK],
        )
    )


def _left_out(found: build.Dashboard) -> None:
    found.with_row(build.Row("Left out"))
    found.with_panel(
        lines(
            "Readings left out, by level",
            "Those of sellers without series of their own. Breached ones here mean that the "
            "settings "
            "hide what you would want to see.",
            Query(f"sum by (level) ({of(names.LEFT_OUT_READINGS)})", "{{level}}"),
            span=24,
            stacked=True,
            least=0,
        )
    )
