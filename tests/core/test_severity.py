"""How urgent a record is by the policy, and what a closing inherits."""

from dataclasses import replace

from monitor.core.instants import HOUR
from monitor.core.readings import Level
from monitor.core.rules import AlertRule, DeadlineRule, MarketplaceRules
from monitor.core.severity import Urgency, urgency_of
from tests.notify.messages import deadline, metric
from tests.policies.documents import parsed, table

ALERT = AlertRule(
    volume_min=500,
    page_below_volume_min=False,
    severity_approaching="info",
    severity_breached="critical",
)
DEADLINE = DeadlineRule(4 * HOUR, runbook="answer them")


def rules(alert: AlertRule) -> MarketplaceRules:
    found = parsed({"order_defect_rate": table("order_defect_rate")}).marketplaces["M1"]
    metrics = tuple(replace(rule, alert=alert, runbook="look") for rule in found.metrics)
    return replace(found, metrics=metrics, deadlines={"reply": DEADLINE})


def test_levels_have_the_severity_that_the_policy_gives_them() -> None:
    loud = replace(ALERT, volume_min=0)
    assert urgency_of(metric(), rules(loud)) == Urgency("critical", "look", 0)
    near = metric(to=Level.APPROACHING)
    assert urgency_of(near, rules(loud)).severity == "info"
    assert urgency_of(metric(to=Level.UNKNOWN), rules(loud)).severity == "warning"


def test_a_closing_is_as_urgent_as_what_it_closes() -> None:
    loud = replace(ALERT, volume_min=0)
    closed = metric(from_=Level.BREACHED, to=Level.OK)
    assert urgency_of(closed, rules(loud)).severity == "critical"
    gone = metric(from_=Level.UNKNOWN, to=Level.NO_DATA)
    assert urgency_of(gone, rules(loud)).severity == "warning"


def test_below_the_minimum_volume_the_policy_says_whether_anybody_is_woken() -> None:
    assert urgency_of(metric(), rules(ALERT)) == Urgency("info", "look", 500)
    paged = replace(ALERT, page_below_volume_min=True)
    assert urgency_of(metric(), rules(paged)) == Urgency("critical", "look", 500)
    assert urgency_of(metric(denominator=500), rules(ALERT)).severity == "critical"
    assert urgency_of(metric(denominator=None), rules(ALERT)).severity == "critical"


def test_open_items_have_the_urgency_of_their_kind() -> None:
    found = urgency_of(deadline(), rules(ALERT))
    assert found == Urgency("warning", "answer them", warn_before=4 * HOUR)
    assert urgency_of(deadline(to=Level.BREACHED), rules(ALERT)).severity == "critical"


def test_what_no_policy_knows_is_only_information() -> None:
    assert urgency_of(metric(), None) == Urgency("info")
    assert urgency_of(metric(metric="unheard_of"), rules(ALERT)) == Urgency("info")
    assert urgency_of(deadline(kind="claim_answer"), rules(ALERT)) == Urgency("info")
