"""*Seller*: one account, each metric against limit and approach, and what comes next."""

from grafana_foundation_sdk.builders import dashboard as build

from deploy.grafana.source.parts import (
    DATA,
    GREEN,
    ORANGE,
    RED,
    SELLER,
    Column,
    Query,
    begun,
    choice,
    figure,
    lines,
    of,
    rows,
)
from monitor.exporter import families as names

RUNBOOK_OF = {
    "Breached": "SellerMetricBreached",
    "Approaching": "SellerMetricApproaching",
    "Unknown": "SellerDataUnknown",
    "Headroom": "SellerHeadroomGone",
    "Overdue items": "SellerItemsOverdue",
    "Due next": "SellerItemsDueSoon",
}
"""The alert that goes by what a panel shows, by the panel's title."""

_MARKET = 'marketplace="$marketplace"'
_ACCOUNT = _MARKET, 'seller="$seller"'
_SERIES = *_ACCOUNT, 'metric=~"$metric"'
_KEYS = "metric, window, category"
_NAMED = "{{metric}} over {{window}} days {{category}}"
_AHEAD_SECONDS = 7 * 86_400
_LEVEL = f"max by ({_KEYS}) ({of(names.LEVEL, *_SERIES)})"
_RISKS = f"{_LEVEL} > 0"


def dashboard(runbooks: str) -> build.Dashboard:
    """The dashboard, with links to the runbooks."""
    found = begun(
        SELLER,
        "Seller health / Seller",
        "One account, a seller in a marketplace: each metric against its limit, and what comes "
        "next.",
        runbooks,
    ).time("now-30d", "now")
    here = f"{names.LEVEL.name}{{{_MARKET}}}"
    limits = f"{names.LIMIT_RATIO.name}{{{_MARKET}}}"
    for variable in (
        choice(
            "marketplace",
            "Marketplace",
            "Of the account.",
            names.LEVEL.name,
            "marketplace",
            many=False,
        ),
        choice("seller", "Seller", "Those with series of their own.", here, "seller", many=False),
        choice("metric", "Metric", "The ratios to show; one panel each.", limits, "metric"),
    ):
        found.with_variable(variable)
    for annotation in _annotations():
        found.annotation(annotation)
    _now(found)
    _metrics(found)
    _ahead(found)
    _items(found)
    return found


def _annotations() -> list[build.AnnotationQuery]:
    level = f"max by ({_KEYS}) ({of(names.LEVEL, *_SERIES)})"
    return [
        build.AnnotationQuery()
        .name(name)
        .datasource(DATA)
        .enable(is_on)
        .icon_color(colour)
        .expr(expr)
        for name, colour, is_on, expr in (
            ("Breached", "red", True, f"{level} == 2"),
            ("Approaching", "orange", True, f"{level} == 1"),
            (
                "Prometheus alerts",
                "purple",
                True,
                f'ALERTS{{alertstate="firing",{",".join(_ACCOUNT)}}}',
            ),
        )
    ]


def _now(found: build.Dashboard) -> None:
    items = of(names.OVERDUE_ITEMS, *_ACCOUNT)
    found.with_row(build.Row("Now"))
    for panel in (
        figure("Level", "The worst of all that is chosen.", f"max({_LEVEL})", is_level=True),
        figure(
            "Least headroom",
            "How many more orders may turn bad before the first limit is breached; negative: how "
            "many too many.",
            f"min({of(names.HEADROOM, *_SERIES)})",
            (None, RED),
            (0, ORANGE),
            (3, GREEN),
        ),
        figure(
            "Breached",
            "Series beyond their limit, of metric, window and category.",
            f"sum({_LEVEL} == bool 2)",
            (None, GREEN),
            (1, RED),
        ),
        figure(
            "Approaching",
            "Series from which on the policy warns.",
            f"sum({_LEVEL} == bool 1)",
            (None, GREEN),
            (1, ORANGE),
        ),
        figure(
            "Overdue items",
            "Open items whose deadline has passed.",
            f"sum({items}) or vector(0)",
            (None, GREEN),
            (1, RED),
        ),
        figure(
            "Unknown",
            "Series that are not known now: a feed is silent, history does not cover the window, "
            "or "
            "the partition is behind.",
            f"sum({_LEVEL} == bool -1)",
            (None, GREEN),
            (1, "semi-dark-purple"),
        ),
    ):
        found.with_panel(panel)

    def now(family: names.Family) -> str:
        return f"max by ({_KEYS}) ({of(family, *_SERIES)})"

    def ruled(family: names.Family) -> str:
        return f"max by ({_KEYS}) ({of(family, _MARKET)}) and on ({_KEYS}) {_LEVEL}"

    found.with_panel(
        rows(
            "All series",
            "Each metric, window and category: where it stands, and the policy's limit and the "
            "value "
            "from which on it warns.",
            [
                Column(_LEVEL, "Level", is_level=True),
                Column(
                    now(names.HEADROOM), "Headroom", steps=((None, RED), (0, ORANGE), (3, GREEN))
                ),
                Column(now(names.RATIO), "Ratio", "percentunit", decimals=2),
                Column(ruled(names.APPROACH_RATIO), "Warned from", "percentunit", decimals=2),
                Column(ruled(names.LIMIT_RATIO), "Limit", "percentunit", decimals=2),
                Column(now(names.NUMERATOR), "Numerator"),
                Column(now(names.DENOMINATOR), "Denominator"),
            ],
            sort_by="Headroom",
            height=9,
        )
    )


def _metrics(found: build.Dashboard) -> None:
    one = *_ACCOUNT, 'metric="$metric"'
    rule = _MARKET, 'metric="$metric"'
    limit = f"max by (category) ({of(names.LIMIT_RATIO, *rule)})"
    approach = f"max by (category) ({of(names.APPROACH_RATIO, *rule)})"
    found.with_row(build.Row("Each metric against its limit"))
    found.with_panel(
        lines(
            "$metric",
            "Each window against the limit (red) and the value from which on the policy warns "
            "(orange).",
            Query(
                f"max by (window, category) ({of(names.RATIO, *one)})",
                "{{window}} days {{category}}",
            ),
            Query(limit, "limit {{category}}", RED, dashed=True),
            Query(approach, "warned from {{category}}", ORANGE, dashed=True),
            unit="percentunit",
        )
        .repeat("metric")
        .repeat_direction("h")
        .max_per_row(2)
    )
    found.with_row(build.Row("Counts against their limits"))
    counted = of(names.NUMERATOR, *_ACCOUNT)
    limits = f"max by (metric, window) ({of(names.LIMIT_ITEMS, _MARKET)})"
    warned = f"max by (metric, window) ({of(names.APPROACH_ITEMS, _MARKET)})"
    found.with_panel(
        lines(
            "Policy violations",
            "Metrics that have no denominator; 0 where nothing is counted.",
            Query(
                f"max by (metric, window) ({counted}) and {limits} or 0 * {limits}",
                "{{metric}} over {{window}} days",
            ),
            Query(limits, "limit over {{window}} days", RED, dashed=True),
            Query(warned, "warned from, over {{window}} days", ORANGE, dashed=True),
            span=24,
            least=0,
        )
    )


def _ahead(found: build.Dashboard) -> None:
    def risky(expr: str) -> str:
        return f"max by ({_KEYS}) ({expr}) and ({_RISKS})"

    ratio, limit = of(names.RATIO, *_SERIES), of(names.LIMIT_RATIO, _MARKET)
    rolled = (
        f"({of(names.NUMERATOR, *_SERIES)}"
        f" - ignoring (days) {of(names.ROLL_OFF_NUMERATOR, *_SERIES)})"
        f" / ({of(names.DENOMINATOR, *_SERIES)}"
        f" - ignoring (days) {of(names.ROLL_OFF_DENOMINATOR, *_SERIES)})"
    )
    trend = f"clamp(predict_linear({ratio}[7d], {_AHEAD_SECONDS}), 0, 1)"
    found.with_row(build.Row("What comes next"))
    found.with_panel(
        rows(
            "In seven days",
            "Of the series that approach their limit or are beyond it. *After roll-off* is "
            "exact: the "
            "ratio once the oldest seven days have left the window, if nothing is added and "
            "nothing "
            "turns. *By trend* is a forecast: a straight line through the last seven days.",
            [
                Column(risky(of(names.LEVEL, *_SERIES)), "Level", is_level=True),
                Column(risky(ratio), "Now", "percentunit", decimals=2),
                Column(risky(rolled), "After roll-off", "percentunit", decimals=2),
                Column(risky(trend), "By trend", "percentunit", decimals=2),
                Column(risky(limit), "Limit", "percentunit", decimals=2),
                Column(risky(of(names.ORDERS_TO_RECOVER, *_SERIES)), "Good orders to recover"),
            ],
            sort_by="Level",
            descending=True,
        )
    )
    found.with_panel(
        lines(
            "Headroom",
            "How many more orders may turn bad before the limit is breached; below 0: how many "
            "too many.",
            Query(f"min by ({_KEYS}) ({of(names.HEADROOM, *_SERIES)})", _NAMED),
            steps=((None, RED), (0, "transparent")),
        )
    )
    found.with_panel(
        lines(
            "Rolls off within seven days",
            "Of the numerator, what leaves the window by itself; only while approaching or "
            "breached. "
            "Of a ratio that should be high, the numerator counts the good ones.",
            Query(f"max by ({_KEYS}) ({of(names.ROLL_OFF_NUMERATOR, *_SERIES)})", _NAMED),
            least=0,
        )
    )
    found.with_panel(
        lines(
            "Forecast in seven days",
            "A straight line through the last seven days of each ratio, drawn when it was made.",
            Query(f"max by ({_KEYS}) ({trend})", _NAMED),
            unit="percentunit",
            span=24,
        )
    )


def _items(found: build.Dashboard) -> None:
    due = (
        f"min by (kind) ({of(names.FIRST_DUE, *_ACCOUNT)}"
        f" - on (job, instance) group_left () {of(names.EVALUATED)})"
    )
    found.with_row(build.Row("Open items"))
    for title, description, family in (
        ("Open items", "What waits for the seller, by kind.", names.OPEN_ITEMS),
        ("Overdue items", "Open items whose deadline has passed, by kind.", names.OVERDUE_ITEMS),
    ):
        found.with_panel(
            lines(
                title,
                description,
                Query(f"max by (kind) ({of(family, *_ACCOUNT)})", "{{kind}}"),
                least=0,
                span=8,
                stacked=True,
            )
        )
    found.with_panel(
        rows(
            "Due next",
            "The first deadline of each kind, counted from the instant for which all readings were "
            "decided.",
            [
                Column(
                    due, "Time left", "dtdurations", ((None, RED), (0, ORANGE), (4 * 3600, GREEN))
                ),
                Column(f"max by (kind) ({of(names.OPEN_ITEMS, *_ACCOUNT)})", "Open"),
                Column(f"max by (kind) ({of(names.OVERDUE_ITEMS, *_ACCOUNT)})", "Overdue"),
            ],
            sort_by="Time left",
            span=8,
            height=8,
        )
    )
    found.with_panel(
        rows(
            "Policy in force",
            "Its name and digest, as alerts carry it.",
            [Column(f"max by (policy, digest) ({of(names.POLICY_INFO, _MARKET)})", "In force")],
            sort_by="policy",
            height=4,
        )
    )
