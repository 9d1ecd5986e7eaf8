"""Every name on ``/metrics``, its labels in their order, and its help text."""

from dataclasses import dataclass
from typing import Literal

from monitor.core.readings import Level

PREFIX = "seller_health_"

_SERIES = ("seller", "marketplace", "metric", "window", "category")
_LIMIT = ("policy", "marketplace", "metric", "window", "category", "comparison")
_ITEMS = ("seller", "marketplace", "kind")
_PARTITION = ("topic", "partition")


@dataclass(frozen=True, slots=True)
class Family:
    """One metric family; of an absent ``category`` the label is left out."""

    suffix: str
    help: str
    labels: tuple[str, ...] = ()
    kind: Literal["gauge", "counter", "histogram"] = "gauge"

    @property
    def name(self) -> str:
        """The name of its samples."""
        return PREFIX + self.suffix


RATIO = Family(
    "ratio", "Numerator over denominator, 0 to 1; absent without a denominator.", _SERIES
)
NUMERATOR = Family("numerator", "Orders (returns, messages, votes) that were hit.", _SERIES)
DENOMINATOR = Family(
    "denominator", "Orders (returns, messages, votes) counted; absent for plain counts.", _SERIES
)
LEVEL = Family(
    "level", "0 ok, 1 approaching its limit, 2 breached, -1 unknown, -2 no data.", _SERIES
)
LEVEL_CODES = {
    Level.OK: 0,
    Level.APPROACHING: 1,
    Level.BREACHED: 2,
    Level.UNKNOWN: -1,
    Level.NO_DATA: -2,
}
HEADROOM = Family(
    "headroom",
    "How many more counted orders may turn bad before the limit is breached; "
    "negative: how many too many.",
    _SERIES,
)
ORDERS_TO_RECOVER = Family(
    "orders_to_recover",
    "How many new good orders bring a breached ratio back within its limit; absent where it is "
    "not breached, and where no number of them does.",
    _SERIES,
)
ROLL_OFF_NUMERATOR = Family(
    "roll_off_numerator",
    "Of the numerator, what leaves the window by itself within so many days; only while "
    "approaching or breached.",
    (*_SERIES, "days"),
)
ROLL_OFF_DENOMINATOR = Family(
    "roll_off_denominator",
    "Of the denominator, what leaves the window by itself within so many days; only while "
    "approaching or breached.",
    (*_SERIES, "days"),
)

OPEN_ITEMS = Family("open_items", "Items of a kind that wait for the seller.", _ITEMS)
OVERDUE_ITEMS = Family("overdue_items", "Open items whose deadline has passed.", _ITEMS)
FIRST_DUE = Family("first_due_timestamp_seconds", "Earliest deadline among the open items.", _ITEMS)

OTHERS_NUMERATOR = Family(
    "others_numerator", "Numerators of the sellers left out, summed.", _SERIES[1:]
)
OTHERS_DENOMINATOR = Family(
    "others_denominator", "Denominators of the sellers left out, summed.", _SERIES[1:]
)
OTHERS_OPEN_ITEMS = Family(
    "others_open_items", "Open items of the sellers left out, summed.", _ITEMS[1:]
)
OTHERS_OVERDUE_ITEMS = Family(
    "others_overdue_items", "Overdue items of the sellers left out, summed.", _ITEMS[1:]
)
LEFT_OUT_SELLERS = Family(
    "left_out_sellers", "Sellers without series of their own, by the settings or for want of room."
)
LEFT_OUT_READINGS = Family(
    "left_out_readings", "Readings without series of their own, by their level.", ("level",)
)

LIMIT_RATIO = Family("limit_ratio", "Limit of a metric, 0 to 1.", _LIMIT)
LIMIT_ITEMS = Family("limit_items", "Limit of a metric that is a plain count.", _LIMIT)
APPROACH_RATIO = Family("approach_ratio", "From here on a seller is warned, 0 to 1.", _LIMIT)
APPROACH_ITEMS = Family(
    "approach_items", "From here on a seller is warned, for a plain count.", _LIMIT
)
POLICY_INFO = Family(
    "policy_info", "The policy in force for a marketplace.", ("marketplace", "policy", "digest")
)

POLICY_END = Family(
    "policy_end_timestamp_seconds",
    "When another policy takes over for a marketplace; absent where none follows.",
    ("marketplace", "policy"),
)
SILENT_SELLERS = Family(
    "silent_sellers",
    "Sellers of which a feed has sent no heartbeat for longer than the policy allows; absent "
    "where it watches none.",
    ("marketplace",),
)

EVENTS = Family(
    "events_total",
    "Records read: those counted, redundant, late and invalid together.",
    _PARTITION,
    "counter",
)
COUNTED = Family(
    "counted_events_total",
    "Events that changed a fact, or will once their instant has come.",
    _PARTITION,
    "counter",
)
INVALID = Family(
    "invalid_events_total", "Records that went to the dead letters.", _PARTITION, "counter"
)
REDUNDANT = Family(
    "redundant_events_total", "Events that changed no fact: duplicates.", _PARTITION, "counter"
)
LATE = Family("late_events_total", "Events older than the retention.", _PARTITION, "counter")
LAST_EVENT = Family("last_event_timestamp_seconds", "Latest instant of a valid event.", _PARTITION)
LAG = Family("lag_records", "Records that are not applied yet.", _PARTITION)
PARTITIONS = Family(
    "partitions", "How many partitions each of the four topics has, whoever owns them."
)
READY = Family(
    "ready", "1 when all four topics of this partition are read to their ends.", _PARTITION
)
RECOVERED = Family(
    "recovered_ratio",
    "Share of the ledger of a partition that is restored, 0 to 1.",
    ("partition",),
)

RAW_RECORDS = Family("raw_records_total", "Records read of raw inputs.", _PARTITION, "counter")
RAW_INVALID = Family(
    "raw_invalid_events_total",
    "Records of raw inputs that went to the dead letters.",
    _PARTITION,
    "counter",
)
RAW_LAG = Family(
    "raw_lag_records", "Records of raw inputs that are not yet published again.", _PARTITION
)

NOTIFICATIONS = Family(
    "notifications_total",
    "Attempts to notify a receiver: delivered, refused for ever, failed for now.",
    ("receiver", "outcome"),
    "counter",
)
NOTIFIED_ALERTS = Family(
    "notified_alert_records_total",
    "Alert records by what became of them for a receiver: delivered, refused, silenced, muted, "
    "new, unrouted, suppressed.",
    ("receiver", "outcome"),
    "counter",
)
POSTPONED_ALERTS = Family(
    "postponed_alerts",
    "Open alerts that a receiver is told of later, by why: silenced, muted, new.",
    ("receiver", "reason"),
)
REFUSED_ALERTS = Family(
    "refused_alerts", "Alerts whose last word a receiver refused for ever.", ("receiver",)
)
UNDELIVERED = Family(
    "undelivered_alert_records",
    "Alert records read for a receiver and not delivered yet.",
    ("receiver",),
)
UNDELIVERED_AGE = Family(
    "undelivered_oldest_age_seconds",
    "How long ago the oldest record was decided that a receiver was not told yet; 0: none waits.",
    ("receiver",),
)
DELIVERY_DELAY = Family(
    "delivery_delay_seconds",
    "From the decision of an alert record to its delivery to a receiver.",
    ("receiver",),
    "histogram",
)
RECEIVER_FAILING = Family(
    "receiver_failing",
    "1 when a receiver has taken nothing for so long that the others are told.",
    ("receiver",),
)
APPROACH_OUTCOMES = Family(
    "approaching_alerts_ended_total",
    "Approaching alerts by what followed: breached, recovered, unknown.",
    ("metric", "outcome"),
    "counter",
)

EVALUATED = Family(
    "evaluated_timestamp_seconds", "The instant for which all readings were decided."
)
UNKNOWN_MARKETPLACES = Family(
    "unknown_marketplaces", "Marketplaces seen in events that no policy names."
)
BUILD_INFO = Family("build_info", "The program's version.", ("version",))
