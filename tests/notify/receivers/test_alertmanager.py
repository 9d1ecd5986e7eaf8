"""What Alertmanager's members are told, while an alert is open and once it is over."""

import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import trustme

from monitor.core.alert_records import AlertRecord, MetricRecord
from monitor.core.instants import SECOND, Instant, isoformat, parse_instant
from monitor.core.readings import Level
from monitor.errors import NotifyError
from monitor.notify.notification import Notification
from monitor.notify.receiver import Receiver
from tests.notify.messages import deadline, item, metric, notice, text
from tests.notify.servers import Fault, Line, http_server
from tests.notify.services import TOKEN, AlertmanagerService
from tests.notify.stands import http_section, made, stand_of

BEGUN = parse_instant("2018-03-01T00:00:00Z")
LASTS = 240 * SECOND


@dataclass
class Time:
    now: Instant = BEGUN

    def __call__(self) -> Instant:
        return self.now

    def passes(self, seconds: float) -> None:
        self.now += int(seconds * SECOND)


@dataclass
class Cluster:
    """Two members, and a receiver that knows both."""

    receiver: Receiver
    time: Time
    lines: list[Line] = field(default_factory=list)
    members: list[AlertmanagerService] = field(default_factory=list)

    @property
    def last(self) -> list[dict[str, Any]]:
        return self.members[0].pushes[-1]

    def firing(self) -> set[str]:
        return self.members[0].firing(isoformat(self.time.now))


@pytest.fixture
async def cluster() -> AsyncIterator[Cluster]:
    time, lines, members, urls = Time(), [], [], []
    async with AsyncExitStack() as closing:
        for _ in range(2):
            members.append(AlertmanagerService())
            base, line = await closing.enter_async_context(http_server(members[-1]))
            lines.append(line)
            urls.append(base)
        section = http_section("alertmanager", urls[0], urls=urls)
        yield Cluster(made(section, time), time, lines, members)


def at(cluster: Cluster, level: Level, seq: int, **over: Any) -> MetricRecord:
    return metric(to=level, seq=seq, episode=1, as_of=isoformat(cluster.time.now), **over)


async def test_an_alert_lasts_four_intervals_and_longer_when_told_again(cluster: Cluster) -> None:
    opened = item(at(cluster, Level.BREACHED, 1))
    await cluster.receiver.deliver(notice(opened), text())
    assert (cluster.last[0]["startsAt"], cluster.last[0]["endsAt"]) == (
        isoformat(BEGUN),
        isoformat(BEGUN + LASTS),
    )
    assert cluster.receiver.resend_seconds == 60
    cluster.time.passes(60)
    first = cluster.last[0]
    await cluster.receiver.resend([opened])
    assert cluster.last[0] == first | {"endsAt": isoformat(cluster.time.now + LASTS)}
    assert cluster.members[0].pushes == cluster.members[1].pushes


async def test_labels_identify_and_figures_are_annotations(cluster: Cluster) -> None:
    records: list[AlertRecord] = [
        metric(),
        metric(alert="shop/m/order_defect_rate/60/Books", category="Books"),
        deadline(),
    ]
    items = [item(records[0]), item(records[1]), item(records[2], "warning")]
    await cluster.receiver.deliver(notice(*items), text("First", "Second", "Third"))
    common = {"seller": "shop", "marketplace": "m"}
    rate = common | {"alertname": "SellerAccountHealth", "metric": "order_defect_rate"}
    rate |= {"window_days": "60", "severity": "critical"}
    due = common | {"alertname": "SellerDeadline", "kind": "reply", "severity": "warning"}
    assert [one["labels"] for one in cluster.last] == [rate, rate | {"category": "Books"}, due]
    assert cluster.last[0]["annotations"] == {
        "summary": "First",
        "description": "5 of 412 (1.21%), limit under 1%\nnewest: o-1, o-2 and 3 more",
        "level": "breached",
        "numerator": "5",
        "denominator": "412",
        "limit": "under 1%",
        "headroom": "-1",
    }
    assert cluster.last[2]["annotations"]["open"] == "3"
    assert cluster.last[0]["generatorURL"] == "https://status.example.com/?seller=shop&m=m"


async def test_changing_figures_make_no_new_alert(cluster: Cluster) -> None:
    for seq, numerator in enumerate((5, 6, 7), 1):
        record = at(cluster, Level.BREACHED, seq, numerator=numerator)
        await cluster.receiver.deliver(notice(item(record)), text())
        cluster.time.passes(30)
    assert len(cluster.members[0].alerts) == 1


async def test_a_change_of_severity_ends_the_alert_of_the_one_before(cluster: Cluster) -> None:
    approach = item(at(cluster, Level.APPROACHING, 1), "warning")
    await cluster.receiver.deliver(notice(approach), text())
    assert cluster.firing() == {"warning"}
    cluster.time.passes(100)
    breach = item(at(cluster, Level.BREACHED, 2), "critical", previous=approach.record)
    await cluster.receiver.deliver(notice(breach), text())
    assert cluster.firing() == {"critical"}
    starts = {one["labels"]["severity"]: one["startsAt"] for one in cluster.last}
    assert starts == {"warning": isoformat(BEGUN), "critical": isoformat(BEGUN)}


async def test_a_change_of_severity_that_was_not_taken_is_made_by_the_next_attempt(
    cluster: Cluster,
) -> None:
    await cluster.receiver.deliver(
        notice(item(at(cluster, Level.APPROACHING, 1), "warning")), text()
    )
    cluster.time.passes(100)
    breach = notice(item(at(cluster, Level.BREACHED, 2)))
    for line in cluster.lines:
        line.status = 503
    with pytest.raises(NotifyError):
        await cluster.receiver.deliver(breach, text())
    for line in cluster.lines:
        line.heal()
    await cluster.receiver.deliver(breach, text())
    assert cluster.firing() == {"critical"}


async def test_what_another_process_told_ends_by_itself(cluster: Cluster) -> None:
    approach = item(at(cluster, Level.APPROACHING, 1), "warning")
    await cluster.receiver.deliver(notice(approach), text())
    cluster.time.passes(100)
    section = http_section("alertmanager", "http://x", urls=_urls(cluster))
    restarted = made(section, cluster.time)
    breach = item(at(cluster, Level.BREACHED, 2), previous=approach.record)
    await restarted.deliver(notice(breach), text())
    assert cluster.firing() == {"warning", "critical"}
    assert cluster.last[0]["startsAt"] == isoformat(BEGUN)
    cluster.time.passes(141)
    await restarted.resend([breach])
    assert cluster.firing() == {"critical"}


def _urls(cluster: Cluster) -> list[str]:
    hosts = [line.requests[0].headers["host"] for line in cluster.lines]
    return [f"http://{host}" for host in hosts]


@pytest.mark.parametrize("level", [Level.OK, Level.NO_DATA])
async def test_what_is_over_ends_once_and_stays_ended_when_told_again(
    cluster: Cluster, level: Level
) -> None:
    await cluster.receiver.deliver(notice(item(at(cluster, Level.BREACHED, 1))), text())
    cluster.time.passes(600)
    # The severity of a closing is nobody's business: what was open is ended.
    closing = item(at(cluster, level, 2), "info")
    await cluster.receiver.deliver(notice(closing), text())
    ended = cluster.last
    assert [(one["labels"]["severity"], one["endsAt"]) for one in ended] == [
        ("critical", isoformat(cluster.time.now))
    ]
    cluster.time.passes(60)
    await cluster.receiver.resend([closing])
    assert cluster.last == ended
    assert cluster.firing() == set()


async def test_what_is_unknown_stays_open_as_it_was(cluster: Cluster) -> None:
    await cluster.receiver.deliver(notice(item(at(cluster, Level.BREACHED, 1))), text())
    cluster.time.passes(60)
    await cluster.receiver.deliver(
        notice(item(at(cluster, Level.UNKNOWN, 2), "warning")), text("UNKNOWN shop in m")
    )
    assert cluster.firing() == {"critical"}
    assert cluster.last[0]["annotations"]["level"] == "unknown"


async def test_a_new_episode_begins_when_it_begins(cluster: Cluster) -> None:
    for seq, level in enumerate((Level.BREACHED, Level.OK), 1):
        await cluster.receiver.deliver(notice(item(at(cluster, level, seq))), text())
        cluster.time.passes(3600)
    again = metric(seq=3, episode=3, as_of=isoformat(cluster.time.now))
    await cluster.receiver.deliver(notice(item(again)), text())
    assert cluster.last[0]["startsAt"] == isoformat(cluster.time.now)


async def test_after_a_restart_what_is_open_is_told_by_its_records(cluster: Cluster) -> None:
    await cluster.receiver.resend([item(at(cluster, Level.BREACHED, 1))])
    assert "order defect rate" in cluster.last[0]["annotations"]["summary"]
    assert cluster.firing() == {"critical"}


async def test_one_member_that_takes_it_is_enough_and_the_other_is_named(
    cluster: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    cluster.lines[0].fault = Fault.RESETTING
    with caplog.at_level(logging.WARNING):
        await cluster.receiver.deliver(notice(), text())
    host = cluster.lines[1].requests[0].headers["host"]
    assert "member 1 (127.0.0.1:" in caplog.text
    assert host not in caplog.text
    assert TOKEN not in caplog.text
    cluster.lines[0].heal()
    await cluster.receiver.resend([item()])
    assert len(cluster.members[0].pushes) == 1


async def test_where_no_member_takes_it_each_says_why(cluster: Cluster) -> None:
    cluster.lines[0].status, cluster.lines[1].status = 400, 503
    cluster.lines[1].headers = {"Retry-After": "9"}
    with pytest.raises(NotifyError, match=r"member 1 \(.*\): answered 400; member 2 .* 503") as one:
        await cluster.receiver.deliver(notice(), text())
    assert not one.value.permanent
    cluster.lines[1].status = 400
    with pytest.raises(NotifyError) as both:
        await cluster.receiver.deliver(notice(), text())
    assert both.value.permanent


async def test_a_test_ends_by_itself_and_concerns_no_seller(cluster: Cluster) -> None:
    test = notice(item(metric(), "info"), occasion="test")
    await cluster.receiver.deliver(test, text("A test", title="TEST"))
    assert cluster.last[0]["labels"] == {"alertname": "MonitorTest", "severity": "info"}
    assert cluster.last[0]["endsAt"] == isoformat(BEGUN + 300 * SECOND)


async def test_a_failing_receiver_is_an_alert_until_it_is_back(cluster: Cluster) -> None:
    failing = Notification((), occasion="delivery", about="pager")
    await cluster.receiver.deliver(failing, text("Receiver pager takes no notifications"))
    assert cluster.last[0]["labels"]["receiver"] == "pager"
    cluster.time.passes(3600)
    assert cluster.firing() == {"critical"}
    back = Notification((), occasion="delivery", about="pager", resolves=True)
    await cluster.receiver.deliver(back, text("Receiver pager takes notifications again"))
    assert cluster.firing() == set()


async def test_it_logs_in_with_a_name_and_a_password_too(tmp_path: Path, ca: trustme.CA) -> None:
    own = {"bearer_token": None, "username": "monitor", "password": "never-shown-7f3a"}
    async with stand_of("alertmanager", tmp_path, ca, **own) as stand:
        with pytest.raises(NotifyError, match="answered 401"):
            await stand.receiver.deliver(notice(), text())
        header = stand.line.requests[0].headers["authorization"]
    assert header == "Basic bW9uaXRvcjpuZXZlci1zaG93bi03ZjNh"
