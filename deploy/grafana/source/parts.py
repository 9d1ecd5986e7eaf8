"""What the dashboards are made of: queries, panels, variables and links of one look."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from grafana_foundation_sdk.builders import bargauge, common, stat, table, timeseries
from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.builders import prometheus as prometheus_builder
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common as shape
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from monitor.core.readings import Level
from monitor.exporter.families import LEVEL_CODES, Family

RUNBOOKS = "https://runbooks.example.com/seller-health-monitor"
TAG = "seller-health"
FLEET, SELLER, MONITOR = "seller-health-fleet", "seller-health-seller", "seller-health-monitor"

DATA = model.DataSourceRef("prometheus", "${datasource}")
RED, ORANGE, GREEN, BLUE, PURPLE, GRAY = (
    "semi-dark-red",
    "semi-dark-orange",
    "semi-dark-green",
    "semi-dark-blue",
    "semi-dark-purple",
    "gray",
)
COLOUR_OF = {
    Level.BREACHED: RED,
    Level.APPROACHING: ORANGE,
    Level.OK: GREEN,
    Level.UNKNOWN: PURPLE,
    Level.NO_DATA: GRAY,
}
LEVEL_MAPPING: model.ValueMapping = model.ValueMap(
    {
        str(code): model.ValueMappingResult(
            text=level.value.replace("_", " "), color=COLOUR_OF[level], index=index
        )
        for index, (level, code) in enumerate(LEVEL_CODES.items())
    }
)
EVERYTHING = ".*"
"""It matches series without the label too: the sums over sellers that are left out."""

Step = tuple[float | None, str]


class Query(NamedTuple):
    """A query and what its series are called; ``colour`` of all its lines, dashed or not."""

    expr: str
    legend: str = ""
    colour: str | None = None
    dashed: bool = False


class Column(NamedTuple):
    """A column of a table: its query, head, unit and colours."""

    expr: str
    title: str
    unit: str = "short"
    steps: Sequence[Step] = ()
    decimals: int | None = None
    is_level: bool = False


def of(family: Family, *matchers: str) -> str:
    """The series of a family that match."""
    return f"{family.name}{{{','.join(matchers)}}}"


def of_all(own: Family, others: Family, *matchers: str) -> str:
    """Those of single sellers, and the sums over the sellers that are left out."""
    names = f'__name__=~"{own.name}|{others.name}"'
    return f"{{{','.join((names, *matchers))}}}"


def thresholds(*steps: Step) -> build.ThresholdsConfig:
    """Colours from a value on; the first one has None."""
    return build.ThresholdsConfig().steps([model.Threshold(*step) for step in steps])


def figure(
    title: str,
    description: str,
    expr: str,
    *steps: Step,
    unit: str = "short",
    is_level: bool = False,
    span: int = 4,
) -> stat.Panel:
    """One number, coloured by ``steps``."""
    panel = (
        stat.Panel()
        .title(title)
        .description(description)
        .datasource(DATA)
        .unit(unit)
        .height(4)
        .span(span)
        .thresholds(thresholds(*(steps or ((None, BLUE),))))
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .graph_mode(shape.BigValueGraphMode.NONE if is_level else shape.BigValueGraphMode.AREA)
        .color_mode(shape.BigValueColorMode.VALUE)
        .with_target(_target(Query(expr, title), "A"))
    )
    return panel.mappings([LEVEL_MAPPING]) if is_level else panel


def lines(
    title: str,
    description: str,
    *queries: Query,
    unit: str = "short",
    span: int = 12,
    height: int = 8,
    stacked: bool = False,
    least: float | None = None,
    steps: Sequence[Step] = (),
) -> timeseries.Panel:
    """Lines over time; ``steps`` are drawn as lines across."""
    panel = (
        timeseries.Panel()
        .title(title)
        .description(description)
        .datasource(DATA)
        .unit(unit)
        .span(span)
        .height(height)
        .line_width(1)
        .fill_opacity(60 if stacked else 0)
        .show_points(shape.VisibilityMode.NEVER)
        .legend(
            common.VizLegendOptions()
            .show_legend(True)
            .display_mode(shape.LegendDisplayMode.TABLE)
            .placement(shape.LegendPlacement.BOTTOM)
            .calcs(["lastNotNull", "max"])
        )
        .tooltip(
            common.VizTooltipOptions()
            .mode(shape.TooltipDisplayMode.MULTI)
            .sort(shape.SortOrder.DESCENDING)
        )
    )
    if stacked:
        panel.stacking(common.StackingConfig().mode(shape.StackingMode.NORMAL).group("A"))
    if least is not None:
        panel.min(least)
    if steps:
        panel.thresholds(thresholds(*steps)).thresholds_style(
            common.GraphThresholdsStyleConfig().mode(shape.GraphThresholdsStyleMode.DASHED)
        )
    for ref, query in zip(_refs(), queries, strict=False):
        panel.with_target(_target(query, ref))
        if query.colour is not None:
            panel.override_by_query(ref, _line_look(query))
    return panel


def bars(title: str, description: str, query: Query, colour: str, span: int = 12) -> bargauge.Panel:
    """The present values of some series, one below the other."""
    return (
        bargauge.Panel()
        .title(title)
        .description(description)
        .datasource(DATA)
        .unit("short")
        .min(0)
        .span(span)
        .height(9)
        .orientation(shape.VizOrientation.HORIZONTAL)
        .display_mode(shape.BarGaugeDisplayMode.BASIC)
        .thresholds(thresholds((None, GREEN), (1, colour)))
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .with_target(_target(query, "A", instant=True))
    )


def rows(
    title: str,
    description: str,
    columns: Sequence[Column],
    *,
    sort_by: str,
    descending: bool = False,
    span: int = 24,
    height: int = 10,
    links: Sequence[tuple[str, str, str]] = (),
) -> table.Panel:
    """A table of what the queries say now, joined by their labels.

    Args:
        title: of the panel.
        description: of the panel.
        columns: one for each query.
        sort_by: title of the column to sort by.
        descending: whether the greatest is first.
        span: width of 24.
        height: in rows of the grid.
        links: columns by their name that link to an address, and what the link is called.
    """
    panel = (
        table.Panel()
        .title(title)
        .description(description)
        .datasource(DATA)
        .span(span)
        .height(height)
        .filterable(True)
        .sort_by([common.TableSortByFieldState().display_name(sort_by).desc(descending)])
        .with_transformation(model.DataTransformerConfig("merge", options={}))
    )
    names = {}
    for ref, column in zip(_refs(), columns, strict=False):
        panel.with_target(_target(Query(column.expr), ref, instant=True, as_table=True))
        # With a single query Grafana calls its values so, and numbers them otherwise.
        name = f"Value #{ref}" if len(columns) > 1 else "Value"
        names[name] = column.title
        panel.override_by_name(column.title, _column_look(column))
    panel.with_transformation(
        model.DataTransformerConfig(
            "organize", options={"excludeByName": {"Time": True}, "renameByName": names}
        )
    )
    for field, said, url in links:
        link = {"title": said, "url": url, "targetBlank": False}
        panel.override_by_name(field, [model.DynamicConfigValue("links", [link])])
    return panel


TO_SELLER = (
    f"/d/{SELLER}?${{__url_time_range}}&var-datasource=${{datasource:percentencode}}"
    "&var-marketplace=${__data.fields.marketplace:percentencode}"
    "&var-seller=${__data.fields.seller:percentencode}"
)
SELLER_LINK = ("seller", "Show this seller", TO_SELLER)


def data_source() -> build.DatasourceVariable:
    """Which Prometheus to ask."""
    return build.DatasourceVariable("datasource").label("Data source").type("prometheus")


def choice(
    name: str, label: str, description: str, series: str, of_label: str, *, many: bool = True
) -> build.QueryVariable:
    """A variable whose values are those of a label of some series."""
    variable = (
        build.QueryVariable(name)
        .label(label)
        .description(description)
        .datasource(DATA)
        .query({"query": f"label_values({series}, {of_label})", "refId": name})
        .refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(model.VariableSort.ALPHABETICAL_ASC)
        .multi(many)
    )
    if many:
        everything = model.VariableOption(selected=True, text=["All"], value=["$__all"])
        variable.include_all(True).all_value(EVERYTHING).current(everything)
    return variable


def begun(uid: str, title: str, description: str, runbooks: str) -> build.Dashboard:
    """A dashboard with the links that all have, and no panel yet."""
    others = (
        build.DashboardLink("Seller health")
        .type(model.DashboardLinkType.DASHBOARDS)
        .tags([TAG])
        .as_dropdown(False)
        # "All" of one dashboard is no seller of another: single ones are led to by the tables.
        .include_vars(False)
        .keep_time(True)
    )
    runbook = (
        build.DashboardLink("Runbooks")
        .type(model.DashboardLinkType.LINK)
        .icon("doc")
        .tooltip("What to do about each alert")
        .url(runbooks)
        .target_blank(True)
    )
    return (
        build.Dashboard(title)
        .uid(uid)
        .description(description)
        .tags([TAG])
        .timezone("browser")
        .refresh("1m")
        .readonly()
        .tooltip(model.DashboardCursorSync.CROSSHAIR)
        .link(others)
        .link(runbook)
        .with_variable(data_source())
    )


def rendered(dashboard: build.Dashboard, runbooks: str, runbook_of: Mapping[str, str]) -> str:
    """The dashboard as the JSON that Grafana reads; its panels are numbered from 1.

    Args:
        dashboard: as it was built.
        runbooks: address of the folder of runbooks.
        runbook_of: for the title of a panel the alert that goes by what it shows.
    """
    document: dict[str, Any] = json.loads(JSONEncoder().encode(dashboard.build()))
    for number, panel in enumerate(document["panels"], 1):
        panel["id"] = number
        alert = runbook_of.get(panel["title"])
        if panel["type"] != "row" and alert is not None:
            url = f"{runbooks}/{alert}.md"
            panel["links"] = [{"title": f"Runbook {alert}", "url": url, "targetBlank": True}]
    for annotation in document.get("annotations", {}).get("list", []):
        annotation |= {"titleFormat": annotation["name"], "textFormat": LABELS_SHOWN}
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


LABELS_SHOWN = "{{alertname}} {{metric}} {{window}} {{category}} {{kind}}"


def _refs() -> Sequence[str]:
    return "ABCDEFGHIJKL"


def _target(
    query: Query, ref: str, *, instant: bool = False, as_table: bool = False
) -> prometheus_builder.Dataquery:
    target = (
        prometheus_builder.Dataquery()
        .expr(query.expr)
        .legend_format(query.legend or "__auto")
        .ref_id(ref)
    )
    if as_table:
        target.format(PromQueryFormat.TABLE)
    return target.instant() if instant else target.range()


def _line_look(query: Query) -> list[model.DynamicConfigValue]:
    fixed = {"mode": "fixed", "fixedColor": query.colour}
    look = [model.DynamicConfigValue("color", fixed)]
    if query.dashed:
        dash = {"fill": "dash", "dash": [10, 10]}
        look.append(model.DynamicConfigValue("custom.lineStyle", dash))
    return look


def _column_look(column: Column) -> list[model.DynamicConfigValue]:
    look: dict[str, object] = {"unit": column.unit}
    if column.decimals is not None:
        look["decimals"] = column.decimals
    if column.is_level:
        look["mappings"] = [LEVEL_MAPPING]
    if column.steps:
        look["thresholds"] = thresholds(*column.steps).build()
    if column.is_level or column.steps:
        look["custom.cellOptions"] = {"type": "color-text"}
    return [model.DynamicConfigValue(name, value) for name, value in look.items()]
