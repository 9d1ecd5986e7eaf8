"""Days, windows, lag, retention, business days, daylight saving time, and policies by date."""

from datetime import date

from tests.builders import (
    feedback,
    message,
    placed,
    policy,
    refunded,
    return_requested,
    shipped,
    table,
)
from tests.scenarios import Scenario, counts, opened

LATE = policy(late_shipment_rate=table("under 4%"))


def _of_brazil(**metrics: object) -> dict[str, object]:
    return policy("America/Sao_Paulo", **metrics)


SCENARIOS = [
    Scenario(
        "A window of 3 days holds today and the two days before, by the local calendar.",
        policy("Asia/Tokyo", refund_rate=table("under 10%", windows=(3,))),
        "2018-03-20T14:59:59Z",
        [
            placed("o1", "2018-03-17T15:00Z"),
            placed("o2", "2018-03-17T14:59:59.999999Z"),
            placed("o3", "2018-03-20T14:00Z"),
        ],
        [counts("refund_rate", 0, 2, 3)],
    ),
    Scenario(
        'A lag of 2 days leaves out today and yesterday, also of "all", which retention ends.',
        policy(refund_rate=table("under 10%", windows=(2, "all"), lag_days=2))
        | {"retention_days": 6},
        "2018-03-20T12:00Z",
        [placed(f"o{day}", f"2018-03-{day}T12:00Z") for day in range(13, 21)],
        # 2 days: the 17th and 18th. "all": from the 15th to the 18th.
        [counts("refund_rate", 0, 2, 2), counts("refund_rate", 0, 4, "all")],
        late=2,
    ),
    Scenario(
        "What is retention_days old is late, with all that belongs to it; an order that was never "
        "placed waits, and a return lives by its own request.",
        policy(
            refund_rate=table("under 10%", windows=("all",)),
            return_dissatisfaction_rate=table("under 10%", windows=("all",)),
        )
        | {"retention_days": 10},
        "2018-03-20T12:00Z",
        [
            placed("o1", "2018-03-10T23:59Z"),
            refunded("o1", "2018-03-19T12:00Z"),
            return_requested("o1", "2018-03-11T00:00Z"),
            placed("o2", "2018-03-11T00:00Z"),
            feedback("o3", "2018-03-01T12:00Z", 1),
        ],
        [
            counts("refund_rate", 0, 1, "all"),
            counts("return_dissatisfaction_rate", 1, 1, "all"),
        ],
        late=2,
    ),
    Scenario(
        "The earliest placement decides the day, even if it makes the order too old to count.",
        policy(refund_rate=table("under 10%", windows=(5,))) | {"retention_days": 10},
        "2018-03-20T12:00Z",
        [
            placed("o1", "2018-03-19T12:00Z"),
            placed("o1", "2018-03-01T12:00Z"),
            placed("o2", "2018-03-19T12:00Z"),
            placed("o2", "2018-03-18T12:00Z"),
        ],
        [counts("refund_rate", 0, 1, 5)],
        late=2,
    ),
    Scenario(
        "What is in the future at the instant does not exist yet; at the instant itself it does.",
        policy(refund_rate=table("under 10%")),
        "2018-03-20T12:00Z",
        [
            placed("o1", "2018-03-20T12:00Z"),
            refunded("o1", "2018-03-20T12:00:00.000001Z"),
            placed("o2", "2018-03-20T12:00:00.000001Z"),
        ],
        [counts("refund_rate", 0, 1)],
    ),
    Scenario(
        "Two business days after a Thursday end with Monday at 23:59:59.",
        LATE,
        "2018-03-06T12:00Z",
        [
            placed("o1", "2018-03-01T12:00Z"),
            shipped("o1", "2018-03-05T23:59:59Z"),
            placed("o2", "2018-03-01T12:00Z"),
            shipped("o2", "2018-03-05T23:59:59.000001Z"),
        ],
        [counts("late_shipment_rate", 1, 2)],
    ),
    Scenario(
        "Holidays are no business days: after Wednesday 2018-05-23 come Thursday and, past the "
        "weekend and Memorial Day, Tuesday the 29th (in New York until 03:59:59Z of the 30th).",
        policy("America/New_York", late_shipment_rate=table("under 4%"))
        | {"marketplaces": {"m": {"time_zone": "America/New_York", "holidays": "US"}}},
        "2018-05-29T12:00Z",
        [placed("o1", "2018-05-24T12:00Z")],
        [counts("late_shipment_rate", 0, 1)],
        open_items=[opened("shipment", 1, 0, "2018-05-30T03:59:59Z")],
    ),
    Scenario(
        "Holidays by date, and no handling days: the end of the order day, though a Saturday.",
        [
            policy(late_shipment_rate=table("under 4%"))
            | {
                "marketplaces": {
                    "m": {"time_zone": "UTC", "handling_days": 1, "holidays": ["2018-03-05"]},
                    "*": {"time_zone": "UTC", "handling_days": 0},
                }
            }
        ],
        "2018-03-05T12:00Z",
        [placed("o1", "2018-03-02T12:00Z")],
        [counts("late_shipment_rate", 0, 1)],
        open_items=[opened("shipment", 1, 0, "2018-03-06T23:59:59Z")],
    ),
    Scenario(
        "Where clocks are set back at midnight, the day ends with the later 23:59:59.",
        _of_brazil(late_shipment_rate=table("under 4%"))
        | {"marketplaces": {"m": {"time_zone": "America/Sao_Paulo", "handling_days": 0}}},
        "2018-02-18T02:30Z",
        [placed("o1", "2018-02-17T12:00Z")],
        [counts("late_shipment_rate", 0, 1)],
        open_items=[opened("shipment", 1, 0, "2018-02-18T02:59:59Z")],
    ),
    Scenario(
        "The hour that comes twice at midnight belongs to the old day, both times.",
        _of_brazil(refund_rate=table("under 10%", windows=(1,))),
        "2018-02-18T03:00Z",
        [placed("o1", "2018-02-18T02:59:59Z"), placed("o2", "2018-02-18T03:00Z")],
        [counts("refund_rate", 0, 1, 1)],
    ),
    Scenario(
        "In St. John's of 2010 clocks fell back from 00:01 to 23:01: the day that had begun was "
        "over for an hour, and began again.",
        policy("America/St_Johns", refund_rate=table("under 10%", windows=(1,))),
        "2010-11-07T12:00Z",
        [
            placed("o1", "2010-11-07T02:30:30Z"),
            placed("o2", "2010-11-07T02:31Z"),
            placed("o3", "2010-11-07T03:30Z"),
        ],
        [counts("refund_rate", 0, 2, 1)],
    ),
    Scenario(
        "Of several policies the latest not after the local day is in force, from midnight there.",
        [
            policy("Asia/Tokyo", refund_rate=table("under 10%", windows=(30,))),
            policy("Asia/Tokyo", refund_rate=table("under 10%", windows=(60,)))
            | {"valid_from": date(2018, 3, 20)},
            policy("Asia/Tokyo", refund_rate=table("under 10%", windows=(90,)))
            | {"valid_from": date(2018, 3, 21)},
        ],
        "2018-03-19T15:00Z",
        [placed("o1", "2018-03-10T12:00Z")],
        [counts("refund_rate", 0, 1, 60)],
    ),
    Scenario(
        'A named marketplace beats "*"; one that no policy names gives no series.',
        [
            policy(refund_rate=table("under 10%", windows=(30,))),
            policy(refund_rate=table("under 10%", windows=(60,)))
            | {"marketplaces": {"n": {"time_zone": "UTC"}}},
        ],
        "2018-03-20T12:00Z",
        [
            placed("o1", "2018-03-10T12:00Z"),
            placed("o1", "2018-03-10T12:00Z", marketplace="n"),
            placed("o1", "2018-03-10T12:00Z", marketplace="q"),
        ],
        [
            counts("refund_rate", 0, 1, 30, marketplace="m"),
            counts("refund_rate", 0, 1, 60, marketplace="n"),
        ],
        late=0,
    ),
    Scenario(
        "Open items leave when they are too old to count.",
        policy(contact_response_rate=table("at least 90%", windows=(3,))) | {"retention_days": 5},
        "2018-03-20T12:00Z",
        [message("g1", "2018-03-15T23:59Z"), message("g2", "2018-03-16T00:00Z")],
        [],
        open_items=[opened("reply", 1, 1, "2018-03-17T00:00Z")],
        late=1,
    ),
]
