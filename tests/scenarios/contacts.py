"""Returns, messages, votes and violations, and the open items of all kinds."""

from tests.builders import (
    answered,
    claim,
    decided,
    dismissed,
    message,
    placed,
    policy,
    return_answered,
    return_rated,
    return_requested,
    table,
    violation,
    violation_resolved,
    voted,
)
from tests.scenarios import Scenario, counts, opened

AT = "2018-03-20T12:00Z"
ASKED = "2018-03-10T10:00Z"
RETURNS = policy(return_dissatisfaction_rate=table("under 10%"))
CONTACT = policy(contact_response_rate=table("at least 90%"))

SCENARIOS = [
    Scenario(
        "A return hits when rated badly, or valid and rejected, or valid and answered late; it "
        "counts though its order was never seen.",
        RETURNS,
        AT,
        [
            *(return_requested(f"o{n}", ASKED) for n in range(3)),
            *(return_requested(f"o{n}", ASKED, valid=False) for n in range(3, 6)),
            return_answered("o0", "2018-03-12T10:00Z", "approved"),
            return_answered("o1", "2018-03-12T10:00:00.000001Z", "approved"),
            return_answered("o2", "2018-03-11T10:00Z", "rejected"),
            return_answered("o3", "2018-03-11T10:00Z", "rejected"),
            return_rated("o4", "2018-03-15T10:00Z", satisfied=False),
        ],
        [counts("return_dissatisfaction_rate", 3, 6)],
    ),
    Scenario(
        "The latest approved or rejected is the decision, a reply is none; at the same instant "
        "rejected is greater; the latest rating counts, satisfied at the same instant.",
        RETURNS,
        AT,
        [
            *(return_requested(f"o{n}", ASKED) for n in range(3)),
            return_answered("o0", "2018-03-11T10:00Z", "rejected"),
            return_answered("o0", "2018-03-12T10:00Z", "approved"),
            return_answered("o0", "2018-03-13T10:00Z", "replied"),
            return_answered("o1", "2018-03-11T10:00Z", "approved"),
            return_answered("o1", "2018-03-11T10:00Z", "rejected"),
            return_answered("o2", "2018-03-11T10:00Z", "approved"),
            return_rated("o2", "2018-03-15T10:00Z", satisfied=True),
            return_rated("o2", "2018-03-15T10:00Z", satisfied=False),
        ],
        [counts("return_dissatisfaction_rate", 1, 3)],
    ),
    Scenario(
        "Answered within reply_hours, dismissed included; an answer before the message takes no "
        "time; open messages count once overdue. The mean of 24 h, 0 h and 48 h is 24 h.",
        CONTACT,
        AT,
        [
            message("g1", ASKED),
            answered("g1", "2018-03-11T10:00Z"),
            message("g2", ASKED),
            dismissed("g2", "2018-03-10T09:00Z"),
            message("g3", ASKED),
            answered("g3", "2018-03-12T10:00Z"),
            message("g4", "2018-03-19T11:59:59Z"),
            message("g5", "2018-03-19T12:00Z"),
        ],
        [counts("contact_response_rate", 2, 4, mean_hours=24.0)],
        open_items=[opened("reply", 2, 1, "2018-03-20T11:59:59Z")],
    ),
    Scenario(
        "The mean is rounded half to even: 1.8 s are 0.0005 h, the mean of 1.8 s and 9 s is "
        "0.0015 h.",
        policy(contact_response_rate=table("at least 90%", windows=(1, 2))),
        AT,
        [
            message("g1", "2018-03-20T10:00Z"),
            answered("g1", "2018-03-20T10:00:01.8Z"),
            message("g2", "2018-03-19T10:00Z"),
            answered("g2", "2018-03-19T10:00:09Z"),
        ],
        [
            counts("contact_response_rate", 1, 1, 1, mean_hours=0.0),
            counts("contact_response_rate", 2, 2, 2, mean_hours=0.002),
        ],
    ),
    Scenario(
        "Hours are elapsed hours: over the night the clocks go back 24 h end at 09:00, not 10:00.",
        policy("America/Sao_Paulo", contact_response_rate=table("at least 90%")),
        "2018-02-20T12:00Z",
        [
            message("g1", "2018-02-17T10:00-02:00"),
            answered("g1", "2018-02-18T09:00-03:00"),
            message("g2", "2018-02-17T10:00-02:00"),
            answered("g2", "2018-02-18T09:00:01-03:00"),
        ],
        [counts("contact_response_rate", 1, 2)],
    ),
    Scenario(
        "A vote counts on its first day with its last word; at the same instant solved wins.",
        policy(service_dissatisfaction_rate=table("under 25%", windows=(5,))),
        AT,
        [
            voted("v1", "2018-03-17T10:00Z", solved=True),
            voted("v1", "2018-03-18T10:00Z", solved=False),
            voted("v2", "2018-03-17T10:00Z", solved=False),
            voted("v2", "2018-03-17T10:00Z", solved=True),
            voted("v3", "2018-03-15T10:00Z", solved=True),
            voted("v3", "2018-03-17T10:00Z", solved=False),
        ],
        [counts("service_dissatisfaction_rate", 1, 2, 5)],
    ),
    Scenario(
        "Violations are a count: neither appealed nor fixed; three is not under three, and no good "
        "orders help.",
        policy(policy_violations=table("under 3", approach="1", windows=(5, 30))),
        AT,
        [
            violation("x1", "2018-03-01T10:00Z"),
            violation("x2", "2018-03-17T10:00Z"),
            violation("x3", "2018-03-01T10:00Z"),
            violation("x4", "2018-03-01T10:00Z"),
            violation_resolved("x4", "2018-03-05T10:00Z", "fixed"),
            violation("x5", "2018-03-01T10:00Z"),
            violation_resolved("x5", "2018-03-05T10:00Z", "appealed"),
        ],
        [
            counts("policy_violations", 1, None, 5, level="approaching", headroom=1),
            counts(
                "policy_violations",
                3,
                None,
                level="breached",
                headroom=-1,
                orders_to_recover=None,
                ratio=None,
            ),
        ],
    ),
    Scenario(
        "Open items: valid returns unanswered, guarantee claims undecided; at its due instant an "
        "item is not overdue.",
        policy(
            return_dissatisfaction_rate=table("under 10%"),
            order_defect_rate=table("under 1%", chargeback_kinds=[], claim_hours=72),
        ),
        "2018-03-12T10:00Z",
        [
            placed("o1", ASKED, ship_by="2018-03-11T10:00Z", fulfilled_by="marketplace"),
            return_requested("o1", ASKED),
            return_requested("o1", ASKED, name="r2", valid=False),
            claim("o1", "2018-03-08T10:00Z"),
            claim("o1", "2018-03-09T10:00Z", claim="c2", kind="chargeback_fraud"),
            claim("o1", "2018-03-09T10:00Z", claim="c3"),
            claim("o1", "2018-03-09T10:00Z", claim="c4"),
            decided("o1", "2018-03-10T10:00Z", "granted", claim="c4"),
        ],
        [counts("order_defect_rate", 1, 1), counts("return_dissatisfaction_rate", 0, 2)],
        open_items=[
            opened("return_answer", 1, 0, "2018-03-12T10:00Z"),
            opened("claim_answer", 2, 1, "2018-03-11T10:00Z"),
        ],
    ),
]
