"""Shipment, promises, delivery and tracking."""

from tests.builders import (
    amended,
    cancelled,
    delivered,
    placed,
    policy,
    scanned,
    shipped,
    table,
)
from tests.scenarios import Scenario, counts, opened

AT = "2018-03-20T12:00Z"
DAY = "2018-03-10T10:00Z"
LATE = policy(late_shipment_rate=table("under 4%"))
ON_TIME = policy(on_time_delivery_rate=table("at least 90%"))
TRACKING = policy(valid_tracking_rate=table("at least 95%"))

SCENARIOS = [
    Scenario(
        "Shipped at ship_by is in time; open at ship_by is not overdue; cancelled is not late.",
        LATE,
        AT,
        [
            placed("o1", DAY, ship_by="2018-03-12T10:00Z"),
            shipped("o1", "2018-03-12T10:00Z"),
            placed("o2", DAY, ship_by="2018-03-12T10:00Z"),
            shipped("o2", "2018-03-12T10:00:00.000001Z"),
            placed("o3", DAY, ship_by="2018-03-20T12:00Z"),
            placed("o4", DAY, ship_by="2018-03-20T11:59:59.999999Z"),
            placed("o5", DAY, ship_by="2018-03-12T10:00Z"),
            cancelled("o5", "2018-03-15T10:00Z"),
        ],
        [counts("late_shipment_rate", 2, 5)],
        open_items=[opened("shipment", 2, 1, "2018-03-20T11:59:59.999999Z")],
    ),
    Scenario(
        "The earliest shipment counts, the later confirmation does not make it late.",
        LATE,
        AT,
        [
            placed("o1", DAY, ship_by="2018-03-12T10:00Z"),
            shipped("o1", "2018-03-15T10:00Z"),
            shipped("o1", "2018-03-11T10:00Z"),
        ],
        [counts("late_shipment_rate", 0, 1)],
    ),
    Scenario(
        "Per promise the latest that names it holds, the later date at the same instant, also one "
        "of a second order_placed, which else decides nothing.",
        policy(late_shipment_rate=table("under 4%"), on_time_delivery_rate=table("at least 90%")),
        AT,
        [
            placed("o1", DAY, ship_by="2018-03-12T10:00Z", deliver_by="2018-03-14T10:00Z"),
            amended("o1", "2018-03-11T10:00Z", ship_by="2018-03-13T10:00Z"),
            amended("o1", "2018-03-11T10:00Z", ship_by="2018-03-11T10:00Z"),
            placed(
                "o1",
                "2018-03-11T12:00Z",
                deliver_by="2018-03-18T10:00Z",
                fulfilled_by="marketplace",
            ),
            shipped("o1", "2018-03-13T10:00Z"),
            delivered("o1", "2018-03-18T10:00Z"),
        ],
        [counts("late_shipment_rate", 0, 1), counts("on_time_delivery_rate", 1, 1)],
    ),
    Scenario(
        "Of two placements at the same instant the greater fields win: the seller's.",
        LATE,
        AT,
        [
            placed("o1", DAY, fulfilled_by="marketplace"),
            placed("o1", DAY),
            shipped("o1", DAY),
        ],
        [counts("late_shipment_rate", 0, 1)],
    ),
    Scenario(
        "Delivery: delivered or overdue counts, cancelled or without deliver_by does not, an order "
        "under way does not yet.",
        ON_TIME,
        AT,
        [
            placed("o1", DAY, deliver_by="2018-03-15T10:00Z"),
            delivered("o1", "2018-03-15T10:00Z"),
            placed("o2", DAY, deliver_by="2018-03-15T10:00Z"),
            delivered("o2", "2018-03-15T10:00:01Z"),
            placed("o3", DAY, deliver_by="2018-03-15T10:00Z"),
            placed("o4", DAY, deliver_by="2018-03-20T12:00Z"),
            placed("o5", DAY),
            delivered("o5", "2018-03-15T10:00Z"),
            placed("o6", DAY, deliver_by="2018-03-15T10:00Z"),
            delivered("o6", "2018-03-14T10:00Z"),
            cancelled("o6", "2018-03-15T10:00Z"),
            placed("o7", DAY, deliver_by="2018-03-15T10:00Z", fulfilled_by="marketplace"),
        ],
        [counts("on_time_delivery_rate", 1, 3, level="breached", headroom=-2)],
    ),
    Scenario(
        "Counted on deliver_by: the day of the promise must lie in the window; one in the future "
        "or without promise counts nowhere.",
        policy(
            refund_rate=table("under 10%", windows=(3,), count_on="deliver_by"),
            late_shipment_rate=table("under 4%", windows=(3,), count_on="ship_by"),
        ),
        AT,
        [
            placed("o1", DAY, deliver_by="2018-03-18T10:00Z", ship_by="2018-03-17T23:59Z"),
            placed("o2", DAY, deliver_by="2018-03-17T23:59Z", ship_by="2018-03-18T00:00Z"),
            placed("o3", DAY, deliver_by="2018-03-21T00:00Z", ship_by="2018-03-21T00:00Z"),
            placed("o4", "2018-03-16T10:00Z"),
        ],
        # o4 (a Friday) is due on Tuesday the 20th: a derived ship_by is a ship_by.
        [counts("late_shipment_rate", 1, 2, 3), counts("refund_rate", 0, 1, 3)],
    ),
    Scenario(
        "Tracking: carrier and number are compared trimmed and case folded, of the earliest "
        "shipment; blank is none.",
        TRACKING,
        AT,
        [
            *(placed(f"o{n}", DAY) for n in range(5)),
            shipped("o0", "2018-03-11T10:00Z", carrier=" UPS", tracking="1z"),
            scanned("o0", "2018-03-12T10:00Z", "ups", "1Z "),
            shipped("o1", "2018-03-11T10:00Z", carrier="Straße", tracking="7"),
            scanned("o1", "2018-03-12T10:00Z", "STRASSE", "7"),
            shipped("o2", "2018-03-11T10:00Z", carrier="UPS", tracking=" "),
            scanned("o2", "2018-03-12T10:00Z", "UPS", ""),
            shipped("o3", "2018-03-11T10:00Z", carrier="UPS", tracking="7"),
            scanned("o3", "2018-03-12T10:00Z", "DHL", "7"),
            shipped("o4", "2018-03-11T10:00Z", carrier="UPS", tracking="7"),
            shipped("o4", "2018-03-12T10:00Z", carrier="UPS", tracking="8"),
            scanned("o4", "2018-03-12T10:00Z", "UPS", "8"),
        ],
        [counts("valid_tracking_rate", 2, 5)],
    ),
    Scenario(
        "Tracking counts what was shipped at least scan_grace_hours ago, or is validly scanned.",
        TRACKING,
        AT,
        [
            placed("o1", DAY),
            shipped("o1", "2018-03-17T12:00Z", carrier="UPS", tracking="1"),
            placed("o2", DAY),
            shipped("o2", "2018-03-17T12:00:00.000001Z", carrier="UPS", tracking="2"),
            placed("o3", DAY),
            shipped("o3", "2018-03-19T12:00Z", carrier="UPS", tracking="3"),
            scanned("o3", "2018-03-19T13:00Z", "UPS", "3"),
        ],
        [counts("valid_tracking_rate", 1, 2)],
    ),
    Scenario(
        "Categories: one line for each that is named, with its own limit, the metric's approach.",
        policy(
            valid_tracking_rate=table(
                "at least 50%", approach="99%", by_category={"shoes": "over 99%"}
            )
        ),
        AT,
        [
            placed("o1", DAY, category="shoes"),
            shipped("o1", "2018-03-11T10:00Z", carrier="UPS", tracking="1"),
            scanned("o1", "2018-03-12T10:00Z", "UPS", "1"),
            placed("o2", DAY, category="home"),
            shipped("o2", "2018-03-11T10:00Z", carrier="UPS", tracking="2"),
        ],
        [
            counts("valid_tracking_rate", 1, 2, level="approaching", headroom=0),
            counts("valid_tracking_rate", 1, 1, category="shoes", level="ok", headroom=0),
        ],
    ),
]
