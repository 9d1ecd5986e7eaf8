"""What may stand in a policy file, table by table (contract, "A policy file").

Which of the keys a metric has is said by the metric itself (``monitor.core.metrics``).
"""

import re
from fractions import Fraction
from typing import Annotated, Literal, cast

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainValidator,
    StringConstraints,
    ValidationInfo,
    field_validator,
)

from monitor.core.instants import HOUR
from monitor.core.metrics.metric import Metric, SubjectKind
from monitor.core.readings import high_is_bad
from monitor.core.rules import CountOn, Limit, Population
from monitor.policy.alerting import AlertTable
from monitor.policy.calendars import Holidays, known_holidays, known_time_zone
from monitor.policy.quantities import Hours, IsoDate, Names, Scale, Windows, one_of

RETENTION_DAYS = 400
HANDLING_DAYS = 2
NEGATIVE_RATING_MAX = 2
COMMON_KEYS = frozenset({"windows", "lag_days", "limit", "approach", "source", "runbook", "alert"})
"""Keys of every metric."""
ORDER_KEYS = frozenset({"count_on", "population"})
"""Keys of every metric that counts orders."""

_MARKETPLACE = re.compile(r"[A-Za-z0-9_.-]{1,64}")


def _marketplace_name(name: str) -> str:
    if name != "*" and not _MARKETPLACE.fullmatch(name):
        raise ValueError('is no marketplace: write "*" or 1 to 64 letters, digits, _ . -')
    return name


Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
MarketplaceName = Annotated[str, AfterValidator(_marketplace_name)]


def _scale(info: ValidationInfo) -> Scale:
    return cast(Scale, info.context)


def _read_limit(value: object, info: ValidationInfo) -> Limit:
    return _scale(info).limit(value)


def _read_value(value: object, info: ValidationInfo) -> Fraction:
    return _scale(info).value(value)


WrittenLimit = Annotated[Limit, PlainValidator(_read_limit)]
ChargebackKinds = Annotated[frozenset[str], one_of("chargeback_service", "chargeback_fraud")]
Cancellers = Annotated[frozenset[str], one_of("buyer", "seller", "marketplace")]


class Table(BaseModel):
    """A table of a configuration file: no key too many, no type guessed."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class MarketplaceTable(Table):
    """``[marketplaces.NAME]``."""

    time_zone: Annotated[str, AfterValidator(known_time_zone)]
    holidays: Annotated[Holidays, PlainValidator(known_holidays)] = ()
    handling_days: Annotated[int, Field(ge=0, le=366)] = HANDLING_DAYS


class PolicyTable(Table):
    """The file but for its metrics and deadlines, each of which is read for itself."""

    name: Annotated[Text, StringConstraints(max_length=128)]
    valid_from: IsoDate | None = None
    retention_days: Annotated[int, Field(ge=1, le=1_000_000)] = RETENTION_DAYS
    heartbeat_hours: Hours | None = None
    marketplaces: Annotated[dict[MarketplaceName, MarketplaceTable], Field(min_length=1)]


class SpanTable(BaseModel):
    """How far back a metric looks, whatever else is wrong with its table."""

    model_config = ConfigDict(strict=True, frozen=True)

    windows: Windows
    lag_days: Annotated[int, Field(ge=0, le=36_525)] = 0

    @property
    def reach_days(self) -> int:
        """Window and lag of the longest window and the day itself; 0 for "all" alone."""
        days = [days for days in self.windows if days != "all"]
        return max(days) + self.lag_days + 1 if days else 0


class MetricTable(SpanTable, Table):
    """``[metrics.NAME]``; validated with the metric's Scale as context.

    All keys of all metrics: ``keys_of`` says which of them a metric has.
    """

    limit: WrittenLimit
    approach: Annotated[Fraction, PlainValidator(_read_value)] | None = None
    source: Text
    runbook: Text
    count_on: Annotated[CountOn, Field(strict=False)] = CountOn.ORDER
    population: Annotated[Population, Field(strict=False)] | None = None
    negative_rating_max: Annotated[int, Field(ge=0, le=5)] | None = None
    guarantee_claims: Literal["all", "unless_cleared"] = "all"
    chargeback_kinds: ChargebackKinds = frozenset()
    cancelled_by: Cancellers = frozenset({"seller"})
    excused_reasons: Names = frozenset()
    answer_hours: Hours = 48 * HOUR
    reply_hours: Hours = 24 * HOUR
    scan_grace_hours: Hours = 72 * HOUR
    claim_hours: Hours | None = None
    by_category: dict[Text, WrittenLimit] = Field(default_factory=dict)
    alert: AlertTable = AlertTable()

    @field_validator("approach")
    @classmethod
    def _is_on_the_good_side(
        cls, approach: Fraction | None, info: ValidationInfo
    ) -> Fraction | None:
        limit = info.data.get("limit")
        if approach is not None and limit is not None and _is_beyond(approach, limit):
            text = _scale(info).limit_text(limit)
            raise ValueError(f"lies on the wrong side of the limit, {text}")
        return approach

    @field_validator("by_category")
    @classmethod
    def _leaves_room_for_the_approach(
        cls, limits: dict[str, Limit], info: ValidationInfo
    ) -> dict[str, Limit]:
        approach, scale = info.data.get("approach"), _scale(info)
        if approach is None:
            return limits
        wrong = [
            f"{category}: {scale.limit_text(limit)}"
            for category, limit in limits.items()
            if _is_beyond(approach, limit)
        ]
        if wrong:
            raise ValueError(
                f"the metric's approach, {scale.value_text(approach)}, holds for its categories "
                f"too and lies on the wrong side of their limits ({', '.join(wrong)})"
            )
        return limits


def keys_of(metric: Metric) -> frozenset[str]:
    """The keys that the table of a metric may have."""
    of_orders = ORDER_KEYS if metric.subject is SubjectKind.ORDER else frozenset()
    return COMMON_KEYS | of_orders | metric.keys


def scale_of(metric: Metric) -> Scale:
    """How the limits of a metric are written."""
    return Scale(high_is_bad=metric.bad_side == "high", is_count=metric.only_counts)


def _is_beyond(approach: Fraction, limit: Limit) -> bool:
    return approach > limit.value if high_is_bad(limit) else approach < limit.value
