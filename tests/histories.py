"""Hypothesis strategies: small policies, small histories, and instants where mistakes live.

Everything happens around one anchor, a switch of daylight saving time, with few ids and few
instants, so that events contradict each other, tie, and meet deadlines to the microsecond.
"""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from tests.recount.wire import (
    AT_FAULT,
    CLAIM_KINDS,
    FULFILLED_BY,
    OPTIONAL,
    OUTCOMES,
    OWN_FIELDS,
    PARTIES,
    instant,
)

Record = dict[str, Any]
Document = dict[str, Any]

ZONES = ("America/Sao_Paulo", "America/St_Johns", "Asia/Tokyo", "Pacific/Apia", "UTC")
ANCHORS = (
    datetime(2018, 2, 18, 2, tzinfo=UTC),  # São Paulo: midnight comes twice
    datetime(2018, 11, 4, 3, tzinfo=UTC),  # São Paulo: no midnight
    datetime(2010, 11, 7, 2, 31, tzinfo=UTC),  # St. John's: one minute past midnight, again
    datetime(2011, 3, 13, 3, 31, tzinfo=UTC),  # St. John's: from 00:01 to 01:01
    datetime(2011, 12, 30, 10, tzinfo=UTC),  # Apia leaves out a day
    datetime(2018, 1, 1, tzinfo=UTC),
)
CLOCKS = (
    time(0),
    time(0, 0, 0, 1),
    time(0, 1),
    time(12),
    time(23, 30),
    time(23, 59, 59),
    time(23, 59, 59, 1),
    time(23, 59, 59, 999_999),
)
HIGH_IS_BAD = (
    "order_defect_rate",
    "pre_fulfilment_cancel_rate",
    "late_shipment_rate",
    "return_dissatisfaction_rate",
    "refund_rate",
    "service_dissatisfaction_rate",
)
LOW_IS_BAD = (
    "perfect_order_rate",
    "on_time_delivery_rate",
    "valid_tracking_rate",
    "contact_response_rate",
)
NOT_OF_ORDERS = (
    "return_dissatisfaction_rate",
    "service_dissatisfaction_rate",
    "contact_response_rate",
    "policy_violations",
)
CATEGORIES = ("shoes", "home", "ÿ", "")
TEXTS: dict[str, tuple[str, ...]] = {
    "order": ("o1", "o1", "o2", "o3"),
    "return": ("r1", "r1", "r2"),
    "feedback": ("f1", "f1", "f2"),
    "claim": ("c1", "c1", "c2"),
    "message": ("g1", "g1", "g2", "g3"),
    "vote": ("v1", "v1", "v2"),
    "violation": ("x1", "x1", "x2"),
    "refund": ("p1", "p2"),
    "thread": ("t1", "t2"),
    "category": CATEGORIES,
    "currency": ("EUR", "BRL"),
    "carrier": ("UPS", "ups ", "Straße", "STRASSE", " ", ""),
    "tracking": ("1Z", " 1z", "2\t", "", " "),
    "reason": ("", "other", "buyer_request"),
    "kind": ("counterfeit", "listing"),
    "product": ("b1", "b2"),
}
CHOICES: dict[tuple[str, ...], SearchStrategy[Any]] = {
    choice: st.sampled_from(choice)
    for choice in (
        FULFILLED_BY,
        PARTIES,
        AT_FAULT,
        CLAIM_KINDS,
        OUTCOMES,
        ("approved", "rejected", "replied"),
        ("appealed", "fixed"),
    )
}


@dataclass(frozen=True)
class History:
    """Wire dicts in some order, the policies, and the instant of the question."""

    records: list[Record]
    policies: list[Document]
    as_of: datetime
    instants: list[datetime]
    """Those of the events, and others; for instants of the way to ``as_of``."""


def written(at: datetime) -> str:
    """An instant on the wire."""
    return at.isoformat().replace("+00:00", "Z")


@st.composite
def histories(draw: DrawFn, max_events: int = 30) -> History:
    """A history of up to two sellers in up to three marketplaces."""
    anchor = draw(st.sampled_from(ANCHORS))
    moments = draw(st.lists(instants(anchor), min_size=3, max_size=12, unique=True))
    policies = draw(rulebooks(anchor))
    records = draw(st.lists(records_at(moments), min_size=1, max_size=max_events))
    as_of = draw(
        st.one_of(
            st.sampled_from(sorted(moments)[len(moments) // 2 :]),
            instants(anchor),
            st.just(anchor + timedelta(days=13)),
        )
    )
    return History(records, policies, as_of, moments)


FOUNDING = {
    "order_placed": ("order",),
    "return_requested": ("order", "return"),
    "message_received": ("message",),
    "service_rated": ("vote",),
    "violation_reported": ("violation",),
}
"""The events that give a subject its counting day, and what names the subject."""

_FOUNDED_BY = {
    "return_answered": "return_requested",
    "return_rated": "return_requested",
    "message_answered": "message_received",
    "message_dismissed": "message_received",
    "violation_resolved": "violation_reported",
}
LONG_MEMORY_DAYS = 70  # more than lies between any two instants here


def remembering(history: History) -> History:
    """The history under policies that count everything that is in it."""
    policies = [one | {"retention_days": LONG_MEMORY_DAYS} for one in history.policies]
    return replace(history, policies=policies)


def orderly(history: History) -> History:
    """The part of a history whose subjects can be forgotten for good once they are too old.

    An engine that lives through time forgets what counts nowhere any more. That is exact as long
    as nothing arrives later that would have made it young: a second founding event that
    contradicts the first, a new promise of an order that counts on it, a policy that looks further
    back, or the founding event itself, after the events that belong to the subject.
    """
    founded_at: dict[tuple[str, ...], datetime] = {}
    for record in history.records:
        if record["type"] in FOUNDING:
            key = _founded(record, record["type"])
            at = instant(record["at"])
            founded_at[key] = min(at, founded_at.get(key, at))
    kept = []
    for record in history.records:
        at, type_ = instant(record["at"]), record["type"]
        begun_at = founded_at.get(_founded(record, _FOUNDED_BY.get(type_, "order_placed")))
        if type_ in FOUNDING:
            belongs = founded_at[_founded(record, type_)] == at
        else:
            belongs = type_ == "heartbeat" or (begun_at is not None and begun_at <= at)
        early = type_ == "message_received" and (begun_at is None or begun_at > at)
        if belongs:
            kept.append({k: v for k, v in record.items() if not (early and k == "order")})
    first = history.policies[0]
    metrics = {
        metric: {key: value for key, value in table.items() if key != "count_on"}
        for metric, table in first["metrics"].items()
    }
    return replace(history, records=kept, policies=[first | {"metrics": metrics}])


def _founded(record: Record, type_: str) -> tuple[str, ...]:
    names = (record.get(name) or "" for name in FOUNDING[type_])
    return (type_, record["seller"], record["marketplace"], *names)


@st.composite
def instants(draw: DrawFn, anchor: datetime) -> datetime:
    """An instant near the anchor: whole days and hours apart, or about a local midnight."""
    days = draw(st.integers(-8, 6) | st.sampled_from([-40, -13, 12]))
    if draw(st.booleans()):
        hours = draw(st.sampled_from([0, 0, 1, -1, 24, 36]))
        micros = draw(st.sampled_from([0, 0, 0, 1, -1, 1_000_000]))
        return anchor + timedelta(days=days, hours=hours, microseconds=micros)
    zone = ZoneInfo(draw(st.sampled_from(ZONES)))
    wall = datetime.combine(anchor.date() + timedelta(days=days), draw(st.sampled_from(CLOCKS)))
    fold = draw(st.sampled_from([0, 1]))
    return wall.replace(tzinfo=zone, fold=fold).astimezone(UTC)


@st.composite
def records_at(draw: DrawFn, moments: list[datetime]) -> Record:
    """A wire dict of any type at one of a few instants."""
    type_ = draw(st.sampled_from(_TYPES))
    record: Record = {
        "type": type_,
        "id": f"e{draw(st.integers(1, 999))}",
        "at": draw(st.sampled_from(moments).map(written)),
        "seller": draw(st.sampled_from(["s1", "s1", "s1", "s2"])),
        "marketplace": draw(st.sampled_from(["m-1", "m-1", "m-1", "m-2", "m-3"])),
    }
    for name, kind, default in OWN_FIELDS[type_]:
        if default is OPTIONAL and draw(st.sampled_from([True, False, False])):
            record |= draw(st.sampled_from([{}, {name: None}]))
        else:
            record[name] = draw(_value(name, kind, moments))
    if record.get("valid") is False and draw(st.booleans()):
        del record["valid"]
    return record


_TYPES = (
    *OWN_FIELDS,
    *["order_placed"] * 6,
    *["order_shipped", "order_delivered", "order_cancelled", "order_scanned", "claim_opened"],
    *["return_requested", "message_received", "feedback_left", "order_amended"] * 2,
)


def _value(name: str, kind: Any, moments: list[datetime]) -> SearchStrategy[Any]:
    if kind is datetime:
        always = ["0001-01-02T00:00:00Z", "9999-12-30T00:00:00Z"]
        return st.sampled_from([*[written(moment) for moment in moments] * 3, *always])
    if isinstance(kind, tuple):
        return CHOICES[kind]
    if kind is bool:
        return st.booleans()
    if kind is int:
        return st.integers(1, 5)
    if kind is float:
        return st.sampled_from([1, 1.5, 10.0])
    return st.sampled_from(TEXTS[name])


@st.composite
def rulebooks(draw: DrawFn, anchor: datetime) -> list[Document]:
    """One to three policies, the later ones in force from some day near the anchor."""
    first = draw(policies(anchor, [["m-1"], ["m-1", "m-2"], ["*"], ["m-1", "*"]]))
    found = [first]
    days = draw(st.lists(st.integers(-3, 14), max_size=2, unique=True))
    for index, day in enumerate(sorted(days)):
        later = draw(policies(anchor, [["m-1"], ["*"], ["m-1", "m-2"]]))
        start = anchor.date() + timedelta(days=day)
        found.append(later | {"name": f"later-{index}", "valid_from": start})
    return found


@st.composite
def policies(draw: DrawFn, anchor: datetime, names: list[list[str]]) -> Document:
    """A policy file as parsed TOML, with some of the eleven metrics."""
    metrics = {
        metric: draw(tables(metric))
        for metric in (*HIGH_IS_BAD, *LOW_IS_BAD, "policy_violations")
        if draw(st.sampled_from([False, True, True]))
    } or {"refund_rate": draw(tables("refund_rate"))}
    reach = max(
        window + table.get("lag_days", 0) + 1
        for table in metrics.values()
        for window in (1, *table["windows"])
        if window != "all"
    )
    return {
        "name": "first",
        "retention_days": reach + draw(st.sampled_from([0, 0, 1, 3, 12])),
        "marketplaces": {
            name: draw(_marketplace_tables(anchor)) for name in draw(st.sampled_from(names))
        },
        "metrics": metrics,
    }


def _marketplace_tables(anchor: datetime) -> SearchStrategy[Document]:
    near = [anchor.date() + timedelta(days=days) for days in range(-5, 6)]
    dates = st.lists(st.sampled_from(near).map(date.isoformat), max_size=4, unique=True)
    return st.fixed_dictionaries(
        {"time_zone": st.sampled_from(ZONES)},
        optional={
            "holidays": st.sampled_from(["US", "BR", "JP", "CA"]) | dates,
            "handling_days": st.sampled_from([0, 1, 2, 3]),
        },
    )


_HOURS = st.sampled_from([1, 24, 36, 48])
_OWN_KEYS: dict[str, dict[str, SearchStrategy[Any]]] = {
    "order_defect_rate": {
        "negative_rating_max": st.integers(1, 4),
        "guarantee_claims": st.sampled_from(["all", "unless_cleared"]),
        "claim_hours": _HOURS,
    },
    "pre_fulfilment_cancel_rate": {
        "excused_reasons": st.lists(st.sampled_from(["", "buyer_request"]), unique=True),
        "cancelled_by": st.lists(st.sampled_from(PARTIES), min_size=1, unique=True),
    },
    "perfect_order_rate": {"negative_rating_max": st.integers(1, 4)},
    "return_dissatisfaction_rate": {"answer_hours": _HOURS},
    "contact_response_rate": {"reply_hours": _HOURS},
    "valid_tracking_rate": {"scan_grace_hours": _HOURS},
}


@st.composite
def tables(draw: DrawFn, metric: str) -> Document:
    """The table of one metric, any switch set or left to its default."""
    numbers = st.sampled_from([1, 2, 3, 5, 7])
    table: Document = {
        "windows": draw(st.lists(numbers | st.just("all"), min_size=1, max_size=2, unique=True)),
        "source": "generated",
        "runbook": "none",
    }
    table |= draw(_limits(metric))
    optional: dict[str, SearchStrategy[Any]] = {"lag_days": st.sampled_from([0, 1, 3])}
    if metric not in NOT_OF_ORDERS:
        optional["count_on"] = st.sampled_from(["ship_by", "deliver_by"])
        optional["population"] = st.sampled_from(["all", "seller", "marketplace"])
    table |= draw(st.fixed_dictionaries({}, optional=optional | _OWN_KEYS.get(metric, {})))
    if metric == "order_defect_rate":
        table["chargeback_kinds"] = draw(st.lists(st.sampled_from(CLAIM_KINDS[1:]), unique=True))
    if metric == "valid_tracking_rate" and "approach" not in table:
        limited = st.sampled_from(["at least 95%", "over 50%", "over 100%", "at least 0%"])
        table["by_category"] = draw(
            st.dictionaries(st.sampled_from(CATEGORIES[:3]), limited, max_size=2)
        )
    return table


@st.composite
def _limits(draw: DrawFn, metric: str) -> Document:
    if metric == "policy_violations":
        text = draw(st.sampled_from(["under 1", "at most 0", "at most 2", "under 3"]))
        return {"limit": text} | draw(
            st.sampled_from([{}, {"approach": "1"}] if text[-1] in "23" else [{}])
        )
    shares = ["0", "0.5", "1", "33.4", "50", "95", "99.5", "100"]
    low, high = sorted(draw(st.lists(st.integers(0, 7), min_size=2, max_size=2, unique=True)))
    if metric in LOW_IS_BAD:
        limit, approach, words = low, high, ("at least", "over")
    else:
        limit, approach, words = high, low, ("under", "at most")
    table = {"limit": f"{draw(st.sampled_from(words))} {shares[limit]}%"}
    if draw(st.booleans()):
        return table | {"approach": f"{shares[approach]}%"}
    swap = draw(st.booleans())
    return {"limit": table["limit"].rsplit(" ", 1)[0] + f" {shares[approach]}%"} if swap else table
