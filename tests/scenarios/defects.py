"""What makes an order defective or imperfect: feedback, claims, chargebacks, cancellations."""

from tests.builders import (
    cancelled,
    claim,
    decided,
    delivered,
    feedback,
    feedback_removed,
    message,
    placed,
    policy,
    refunded,
    shipped,
    table,
)
from tests.scenarios import Scenario, counts

AT = "2018-03-20T12:00Z"
DAY = "2018-03-10T10:00Z"
DEFECTS = table("under 1%", chargeback_kinds=["chargeback_service"])
UNLESS_CLEARED = DEFECTS | {"guarantee_claims": "unless_cleared"}

SCENARIOS = [
    Scenario(
        "Two stars are negative, three are not, and one order counts once however bad.",
        policy(order_defect_rate=DEFECTS),
        AT,
        [
            placed("o1", DAY),
            placed("o2", DAY),
            feedback("o1", "2018-03-12T10:00Z", 2),
            feedback("o1", "2018-03-12T10:00Z", 1, feedback="f2"),
            claim("o1", "2018-03-12T10:00Z"),
            feedback("o2", "2018-03-12T10:00Z", 3),
        ],
        [counts("order_defect_rate", 1, 2, level="breached", headroom=-1, orders_to_recover=99)],
    ),
    Scenario(
        "Removed feedback no longer counts; left again later it does; at the same instant it is "
        "removed.",
        policy(order_defect_rate=DEFECTS),
        AT,
        [
            placed("o1", DAY),
            feedback("o1", "2018-03-11T10:00Z", 1),
            feedback_removed("o1", "2018-03-12T10:00Z"),
            placed("o2", DAY),
            feedback_removed("o2", "2018-03-12T10:00Z"),
            feedback("o2", "2018-03-13T10:00Z", 1),
            placed("o3", DAY),
            feedback_removed("o3", "2018-03-12T10:00Z"),
            feedback("o3", "2018-03-12T10:00Z", 1),
        ],
        [counts("order_defect_rate", 1, 3)],
    ),
    Scenario(
        "Of two ratings of one feedback at the same instant the greater counts.",
        policy(order_defect_rate=DEFECTS),
        AT,
        [
            placed("o1", DAY),
            feedback("o1", "2018-03-11T10:00Z", 1),
            feedback("o1", "2018-03-11T10:00Z", 3),
        ],
        [counts("order_defect_rate", 0, 1, level="ok", headroom=0, orders_to_recover=0)],
    ),
    Scenario(
        "By default every guarantee claim counts, also a withdrawn one, on the day of the order.",
        policy(order_defect_rate=DEFECTS),
        AT,
        [
            placed("o1", DAY),
            claim("o1", "2018-03-11T10:00Z"),
            decided("o1", "2018-03-12T10:00Z", "withdrawn"),
        ],
        [counts("order_defect_rate", 1, 1)],
    ),
    Scenario(
        "Unless cleared: withdrawn, or denied without the seller's fault, does not count; open, "
        "granted, and denied at the seller's fault do.",
        policy(order_defect_rate=UNLESS_CLEARED),
        AT,
        [
            *(placed(f"o{n}", DAY) for n in range(6)),
            *(claim(f"o{n}", "2018-03-11T10:00Z") for n in range(6)),
            decided("o0", "2018-03-12T10:00Z", "withdrawn"),
            decided("o1", "2018-03-12T10:00Z", "denied"),
            decided("o2", "2018-03-12T10:00Z", "denied", at_fault="carrier"),
            decided("o3", "2018-03-12T10:00Z", "denied", at_fault="seller"),
            decided("o4", "2018-03-12T10:00Z", "granted"),
        ],
        [counts("order_defect_rate", 3, 6)],
    ),
    Scenario(
        "The latest decision on a claim holds: granted, then denied, clears.",
        policy(order_defect_rate=UNLESS_CLEARED),
        AT,
        [
            placed("o1", DAY),
            claim("o1", "2018-03-11T10:00Z"),
            decided("o1", "2018-03-13T10:00Z", "denied", at_fault="buyer"),
            decided("o1", "2018-03-12T10:00Z", "granted"),
        ],
        [counts("order_defect_rate", 0, 1)],
    ),
    Scenario(
        "Decisions at the same instant: the greater outcome wins, withdrawn over granted.",
        policy(order_defect_rate=UNLESS_CLEARED),
        AT,
        [
            placed("o1", DAY),
            claim("o1", "2018-03-11T10:00Z"),
            decided("o1", "2018-03-12T10:00Z", "withdrawn"),
            decided("o1", "2018-03-12T10:00Z", "granted"),
        ],
        [counts("order_defect_rate", 0, 1)],
    ),
    Scenario(
        "Only the named kinds of chargeback are defects, but any spoils a perfect order.",
        policy(order_defect_rate=DEFECTS, perfect_order_rate=table("at least 95%")),
        AT,
        [
            placed("o1", DAY, fulfilled_by="marketplace"),
            claim("o1", "2018-03-11T10:00Z", kind="chargeback_fraud"),
            placed("o2", DAY, fulfilled_by="marketplace"),
            claim("o2", "2018-03-11T10:00Z", kind="chargeback_service"),
        ],
        [counts("order_defect_rate", 1, 2), counts("perfect_order_rate", 0, 2)],
    ),
    Scenario(
        "A perfect order: not one cleared claim, refund, message, late shipment or cancellation, "
        "but the buyer may cancel before shipment.",
        policy(perfect_order_rate=table("at least 95%")),
        AT,
        [
            *(placed(f"o{n}", DAY, ship_by="2018-03-12T10:00Z") for n in range(9)),
            shipped("o0", "2018-03-12T10:00Z"),
            shipped("o1", "2018-03-12T10:00:00.000001Z"),
            cancelled("o2", "2018-03-11T10:00Z", by="buyer"),
            cancelled("o3", "2018-03-11T10:00Z", by="marketplace"),
            shipped("o4", "2018-03-11T10:00Z"),
            cancelled("o4", "2018-03-12T10:00Z", by="buyer"),
            *(shipped(f"o{n}", "2018-03-11T10:00Z") for n in range(5, 8)),
            claim("o5", "2018-03-12T10:00Z"),
            decided("o5", "2018-03-13T10:00Z", "withdrawn"),
            refunded("o6", "2018-03-12T10:00Z"),
            message("g1", "2018-03-12T10:00Z", order="o7"),
        ],
        [counts("perfect_order_rate", 2, 9)],
    ),
    Scenario(
        "The perfect order rate takes the rating limit of the order defect rate where it has none.",
        policy(
            order_defect_rate=DEFECTS | {"negative_rating_max": 3},
            perfect_order_rate=table("at least 95%"),
        ),
        AT,
        [placed("o1", DAY, fulfilled_by="marketplace"), feedback("o1", "2018-03-12T10:00Z", 3)],
        [counts("order_defect_rate", 1, 1), counts("perfect_order_rate", 0, 1)],
    ),
    Scenario(
        "Cancelled by the seller before shipment, not excused; without a reason is not excused; a "
        "shipment at the same instant is not earlier; the marketplace's orders are not counted.",
        policy(pre_fulfilment_cancel_rate=table("under 2.5%", excused_reasons=["buyer_request"])),
        AT,
        [
            *(placed(f"o{n}", DAY) for n in range(6)),
            cancelled("o0", "2018-03-11T10:00Z"),
            cancelled("o1", "2018-03-11T10:00Z", reason="buyer_request"),
            cancelled("o2", "2018-03-11T10:00Z", by="buyer"),
            shipped("o3", "2018-03-11T10:00Z"),
            cancelled("o3", "2018-03-11T10:00Z", reason="out_of_stock"),
            shipped("o4", "2018-03-11T10:00Z"),
            cancelled("o4", "2018-03-11T10:00:00.000001Z"),
            placed("o6", DAY, fulfilled_by="marketplace"),
            cancelled("o6", "2018-03-11T10:00Z"),
        ],
        [counts("pre_fulfilment_cancel_rate", 2, 6)],
    ),
    Scenario(
        "`population` replaces who is counted, and only that.",
        policy(
            pre_fulfilment_cancel_rate=table("under 2.5%", population="all"),
            refund_rate=table("under 10%", population="marketplace"),
        ),
        AT,
        [
            placed("o1", DAY),
            placed("o2", DAY, fulfilled_by="marketplace"),
            cancelled("o2", "2018-03-11T10:00Z"),
            refunded("o1", "2018-03-11T10:00Z"),
            refunded("o2", "2018-03-11T10:00Z"),
            refunded("o2", "2018-03-11T10:00Z", refund="p2"),
        ],
        [counts("pre_fulfilment_cancel_rate", 1, 2), counts("refund_rate", 1, 1)],
    ),
    Scenario(
        "An order that was never placed counts nowhere, whatever happened to it.",
        policy(order_defect_rate=DEFECTS, on_time_delivery_rate=table("at least 90%")),
        AT,
        [
            feedback("o1", "2018-03-11T10:00Z", 1),
            shipped("o1", "2018-03-11T10:00Z"),
            delivered("o1", "2018-03-12T10:00Z"),
        ],
        [],
        open_items=[],
        late=0,
    ),
]
