"""A policy document, as read from TOML, becomes a Policy, or a list of all its problems."""

from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any

from pydantic import ValidationError

from monitor.config_problems import did_you_mean, dotted, problems_of, unknown_key_of
from monitor.core.metrics import METRICS
from monitor.core.rules import MarketplaceRules, MetricRule
from monitor.errors import ConfigError, Problem
from monitor.policy.alerting import AlertTable, read_alert, read_deadlines
from monitor.policy.calendars import calendar_of
from monitor.policy.canonical import canonical_form, digest_of
from monitor.policy.doubts import doubts_about, doubts_about_deadlines
from monitor.policy.tables import (
    NEGATIVE_RATING_MAX,
    RETENTION_DAYS,
    MetricTable,
    PolicyTable,
    SpanTable,
    keys_of,
    scale_of,
)

Document = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A policy file, checked.

    ``canonical`` is its canonical form (``monitor.policy.canonical``), ``digest`` the SHA-256
    of that. ``warnings`` are what is allowed and yet hardly meant.
    """

    name: str
    file: str
    valid_from: date | None
    marketplaces: dict[str, MarketplaceRules]
    canonical: str
    digest: str
    warnings: tuple[Problem, ...] = ()


def parse_policy(document: Document, file: str) -> Policy:
    """The policy of a document.

    Args:
        document: the tables of the file, its decimal numbers as ``Decimal``.
        file: its name, for the problems.

    Raises:
        ConfigError: with every problem of the document.
    """
    problems: list[Problem] = []
    raw_metrics = document.get("metrics")
    header = _header(document, file, problems)
    deadlines = read_deadlines(document.get("deadlines", {}), file, problems)
    tables = _metric_tables(raw_metrics, file, problems)
    problems += _retention_problems(document, raw_metrics, file)
    if header is None or problems:
        raise ConfigError(problems)
    tables = _with_rating_max(tables)
    canonical = canonical_form(header, tables, deadlines)
    digest = digest_of(canonical)
    rules = tuple(_rule(name, tables[name]) for name in sorted(tables))
    return Policy(
        name=header.name,
        file=file,
        valid_from=header.valid_from,
        marketplaces={
            marketplace: MarketplaceRules(
                policy=header.name,
                digest=digest,
                calendar=calendar_of(table.time_zone, table.holidays),
                metrics=rules,
                retention_days=header.retention_days,
                handling_days=table.handling_days,
                deadlines={kind: found.rule for kind, found in deadlines.items()},
                heartbeat_within=header.heartbeat_hours,
                canonical=canonical,
            )
            for marketplace, table in header.marketplaces.items()
        },
        canonical=canonical,
        digest=digest,
        warnings=(*doubts_about(tables, file), *doubts_about_deadlines(tables, deadlines, file)),
    )


def _header(document: Document, file: str, problems: list[Problem]) -> PolicyTable | None:
    apart = {"metrics", "deadlines"}
    header = {key: value for key, value in document.items() if key not in apart}
    try:
        return PolicyTable.model_validate(header)
    except ValidationError as error:
        known = {*PolicyTable.model_fields, *apart}
        problems += problems_of(error, file, unknown_key=partial(unknown_key_of, known=known))
        return None


def _metric_tables(raw: object, file: str, problems: list[Problem]) -> dict[str, MetricTable]:
    if not isinstance(raw, dict) or not raw:
        fault = "is required" if raw is None else "must be a table of tables, one per metric"
        problems.append(Problem(file, "metrics", fault))
        return {}
    tables = {}
    for name, table in raw.items():
        if name not in METRICS:
            hint = did_you_mean(name, METRICS)
            known = ", ".join(sorted(METRICS))
            fault = f"unknown metric{hint}; there are {known}"
            problems.append(Problem(file, dotted(("metrics", name)), fault))
            continue
        found, faults = _metric_table(name, table, file)
        problems += faults
        if found is not None:
            tables[name] = found
    return tables


def _metric_table(name: str, raw: object, file: str) -> tuple[MetricTable | None, list[Problem]]:
    allowed = keys_of(METRICS[name])
    own, faults, alert = raw, list[Problem](), AlertTable()
    if isinstance(raw, dict):
        foreign = MetricTable.model_fields.keys() & raw.keys() - allowed
        own = {key: value for key, value in raw.items() if key not in {*foreign, "alert"}}
        wrong = {key: _owner(key) for key in sorted(foreign)}
        if "chargeback_kinds" in allowed - raw.keys():
            wrong["chargeback_kinds"] = "is required"
        faults = [Problem(file, f"metrics.{name}.{key}", fault) for key, fault in wrong.items()]
        alert = read_alert(raw.get("alert", {}), file, name, faults)
    try:
        table = MetricTable.model_validate(own, context=scale_of(METRICS[name]))
    except ValidationError as error:
        unknown = partial(unknown_key_of, known=allowed)
        faults += problems_of(error, file, ("metrics", name), unknown)
        return None, faults
    return table.model_copy(update={"alert": alert}), faults


def _owner(key: str) -> str:
    owners = [name for name, metric in METRICS.items() if key in keys_of(metric)]
    return f"is no key of this metric, but of {', '.join(sorted(owners))}"


def _retention_problems(document: Document, raw_metrics: object, file: str) -> list[Problem]:
    retention = document.get("retention_days", RETENTION_DAYS)
    if not isinstance(raw_metrics, dict) or not isinstance(retention, int):
        return []
    needed = {name: _reach(table) for name, table in raw_metrics.items()}
    longest = max(needed, key=lambda name: needed[name], default=None)
    if longest is None or needed[longest] <= retention:
        return []
    given = "" if "retention_days" in document else ", the default,"
    fault = (
        f"{retention} days{given} are too few: the longest window of {longest} needs "
        f"{needed[longest]} (window + lag + 1)"
    )
    return [Problem(file, "retention_days", fault)]


def _reach(raw_table: object) -> int:
    try:
        return SpanTable.model_validate(raw_table).reach_days
    except ValidationError:
        return 0


def _with_rating_max(tables: dict[str, MetricTable]) -> dict[str, MetricTable]:
    """The perfect order rate's own ``negative_rating_max``, else the order defect rate's."""
    defects = tables.get("order_defect_rate")
    inherited = defects.negative_rating_max if defects else None
    fallback = NEGATIVE_RATING_MAX if inherited is None else inherited
    return {
        name: table
        if table.negative_rating_max is not None
        else table.model_copy(update={"negative_rating_max": fallback})
        for name, table in tables.items()
    }


def _rule(name: str, table: MetricTable) -> MetricRule:
    population = table.population
    return MetricRule(
        metric=name,
        windows=table.windows,
        limit=table.limit,
        approach=table.approach,
        lag_days=table.lag_days,
        source=table.source,
        runbook=table.runbook,
        count_on=table.count_on,
        population=METRICS[name].population if population is None else population,
        negative_rating_max=table.negative_rating_max or 0,
        guarantee_claims=table.guarantee_claims,
        chargeback_kinds=table.chargeback_kinds,
        cancelled_by=table.cancelled_by,
        excused_reasons=table.excused_reasons,
        answer_within=table.answer_hours,
        reply_within=table.reply_hours,
        scan_grace=table.scan_grace_hours,
        claim_within=table.claim_hours,
        by_category=table.by_category,
        alert=table.alert.rule,
    )
