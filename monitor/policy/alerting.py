"""The tables of a policy file that say when alerts speak, and how loudly.

``[metrics.NAME.alert]`` and ``[deadlines.KIND]``; a key that is not given has its default.
"""

from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any, get_args

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from monitor.config_problems import did_you_mean, dotted, problems_of, unknown_key_of
from monitor.core.instants import HOUR
from monitor.core.rules import AlertRule, DeadlineRule, ItemKind, Severity
from monitor.errors import Problem
from monitor.policy.quantities import Hours, Minutes

KINDS: tuple[ItemKind, ...] = get_args(ItemKind)
WARN_BEFORE: Mapping[ItemKind, int] = {
    "shipment": 6 * HOUR,
    "reply": 4 * HOUR,
    "return_answer": 12 * HOUR,
    "claim_answer": 24 * HOUR,
}
"""How long before the first item is due its kind warns, where the policy does not say."""

_Count = Annotated[int, Field(ge=0, le=1_000_000)]


class _Table(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class AlertTable(_Table):
    """``[metrics.NAME.alert]``."""

    hold_minutes: Minutes = 0
    recovery_hold_hours: Hours = 72 * HOUR
    clear_margin: _Count = 2
    approach_headroom: _Count | None = None
    volume_min: _Count = 0
    page_below_volume_min: bool = True
    repeat_every_hours: Hours | None = None
    severity_approaching: Severity = "warning"
    severity_breached: Severity = "critical"

    @property
    def rule(self) -> AlertRule:
        """The same for the core."""
        return AlertRule(
            hold=self.hold_minutes,
            recovery_hold=self.recovery_hold_hours,
            clear_margin=self.clear_margin,
            approach_headroom=self.approach_headroom,
            volume_min=self.volume_min,
            page_below_volume_min=self.page_below_volume_min,
            repeat_every=self.repeat_every_hours,
            severity_approaching=self.severity_approaching,
            severity_breached=self.severity_breached,
        )


class DeadlineTable(_Table):
    """``[deadlines.KIND]``; without a ``warn_before_hours`` of its own that of its kind."""

    warn_before_hours: Hours = 0
    repeat_every_hours: Hours | None = HOUR
    severity_approaching: Severity = "warning"
    severity_breached: Severity = "critical"
    runbook: Annotated[str, StringConstraints(strip_whitespace=True)] = ""

    @property
    def rule(self) -> DeadlineRule:
        """The same for the core."""
        return DeadlineRule(
            warn_before=self.warn_before_hours,
            repeat_every=self.repeat_every_hours,
            severity_approaching=self.severity_approaching,
            severity_breached=self.severity_breached,
            runbook=self.runbook,
        )


def read_alert(raw: object, file: str, metric: str, problems: list[Problem]) -> AlertTable:
    """The ``alert`` table of a metric, its problems added to ``problems``."""
    try:
        return AlertTable.model_validate(raw)
    except ValidationError as error:
        unknown = partial(unknown_key_of, known=AlertTable.model_fields.keys())
        problems += problems_of(error, file, ("metrics", metric, "alert"), unknown)
        return AlertTable()


def read_deadlines(
    raw: object, file: str, problems: list[Problem]
) -> dict[ItemKind, DeadlineTable]:
    """The ``deadlines`` tables by kind, their problems added to ``problems``."""
    if not isinstance(raw, dict):
        problems.append(Problem(file, "deadlines", "must be a table of tables, one per kind"))
        return {}
    for name in raw.keys() - set(KINDS):
        fault = f"unknown kind of item{did_you_mean(name, KINDS)}; there are {', '.join(KINDS)}"
        problems.append(Problem(file, dotted(("deadlines", name)), fault))
    tables = {}
    for kind in KINDS:
        if kind in raw:
            table = _read_deadline(kind, raw[kind], file, problems)
            if table is not None:
                tables[kind] = table
    return tables


def _read_deadline(
    kind: ItemKind, raw: Any, file: str, problems: list[Problem]
) -> DeadlineTable | None:
    try:
        table = DeadlineTable.model_validate(raw)
    except ValidationError as error:
        unknown = partial(unknown_key_of, known=DeadlineTable.model_fields.keys())
        problems += problems_of(error, file, ("deadlines", kind), unknown)
        return None
    if "warn_before_hours" in table.model_fields_set:
        return table
    return table.model_copy(update={"warn_before_hours": WARN_BEFORE[kind]})
