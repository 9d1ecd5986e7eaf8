"""A real Alertmanager takes, groups and forwards our alerts, and hears when they are over."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest

from monitor.core.instants import SECOND, Instant, instant_of, isoformat
from monitor.core.readings import Level
from monitor.notify.receiver import Receiver
from tests.notify.messages import HOSTILE, deadline, item, metric, notice, text
from tests.notify.servers import http_server
from tests.notify.services import Request
from tests.notify.stands import made
from tests.programs import free_port, need, running, until

PROGRAM = "prometheus-alertmanager"

_CONFIG = """
route:
  receiver: sink
  group_by: [seller, marketplace]
  group_wait: 500ms
  group_interval: 1s
  repeat_interval: 1h
receivers:
  - name: sink
    webhook_configs:
      - url: {url}
        send_resolved: true
"""


def now() -> Instant:
    return instant_of(datetime.now(UTC))  # noqa: TID251 - the real one goes by the clock


def this_second() -> str:
    """As records have it."""
    return isoformat(now() // SECOND * SECOND)


@dataclass
class Sink:
    """Where Alertmanager forwards to."""

    said: list[str] = field(default_factory=list)
    groups: list[dict[str, Any]] = field(default_factory=list)

    def answer(self, request: Request) -> tuple[int, bytes]:
        self.groups.append(msgspec.json.decode(request.body))
        return 200, b""

    def states(self, seller: str) -> dict[str, str]:
        """The last word on each of a seller's alerts, by metric or kind and severity."""
        found: dict[str, str] = {}
        for group in self.groups:
            for alert in group["alerts"]:
                labels = alert["labels"]
                if labels.get("seller") == seller:
                    name = labels.get("metric") or labels.get("kind")
                    found[f"{name} {labels['severity']}"] = alert["status"]
        return found


@dataclass
class Members:
    """Alertmanagers, our receiver that knows them all, and their sink."""

    receiver: Receiver
    urls: list[str]
    sink: Sink

    async def alerts(self, member: int) -> list[dict[str, Any]]:
        return await _alerts_at(self.urls[member])


async def _alerts_at(url: str) -> list[dict[str, Any]]:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{url}/api/v2/alerts") as response,
    ):
        found: list[dict[str, Any]] = await response.json()
        return found


@pytest.fixture
async def members(tmp_path: Path) -> AsyncIterator[Members]:
    """Two members that do not know of each other, as they are while a network is cut."""
    need(PROGRAM)
    sink = Sink()
    async with (
        http_server(sink) as (sink_url, _),
        _running(tmp_path, sink_url, free_port()) as first,
        _running(tmp_path, sink_url, free_port()) as second,
    ):
        section = {"kind": "alertmanager", "urls": [first, second]}
        receiver = made(section | {"allow_private_addresses": True}, now)
        yield Members(receiver, [first, second], sink)


@asynccontextmanager
async def _running(folder: Path, sink_url: str, port: int) -> AsyncIterator[str]:
    config = folder / f"{port}.yml"
    await asyncio.to_thread(config.write_text, _CONFIG.format(url=sink_url))
    command = [
        PROGRAM,
        f"--config.file={config}",
        f"--storage.path={folder}/{port}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
    ]
    url = f"http://127.0.0.1:{port}"
    async with running(command, f"{url}/-/ready", folder / f"{port}.log"):
        yield url


async def until_states(members: Members, expected: dict[str, str]) -> None:
    async def holds() -> bool:
        return members.sink.states("shop") == expected

    await until(holds)


async def test_it_groups_forwards_and_resolves_what_we_tell_it(members: Members) -> None:
    begun = this_second()
    approach = item(metric(to=Level.APPROACHING, as_of=begun), "warning")
    due = item(deadline(as_of=begun), "warning")
    await members.receiver.deliver(notice(approach, due), text("Approaching", "Due soon"))
    await until_states(members, {"order_defect_rate warning": "firing", "reply warning": "firing"})
    (group, *_) = members.sink.groups
    assert group["groupLabels"] == {"seller": "shop", "marketplace": "m"}
    assert {alert["annotations"]["summary"] for alert in group["alerts"]} == {
        "Approaching",
        "Due soon",
    }
    for member in range(2):
        assert len(await members.alerts(member)) == 2

    breach = item(metric(seq=2, as_of=this_second()), "critical", previous=approach.record)
    await members.receiver.deliver(notice(breach), text("Breached"))
    await until_states(
        members,
        {
            "order_defect_rate warning": "resolved",
            "order_defect_rate critical": "firing",
            "reply warning": "firing",
        },
    )
    for member in range(2):
        (found,) = [one for one in await members.alerts(member) if "metric" in one["labels"]]
        assert found["labels"]["severity"] == "critical"
        # It keeps the beginning of the episode.
        assert datetime.fromisoformat(found["startsAt"]) == datetime.fromisoformat(begun)

    over = item(metric(seq=3, to=Level.OK, as_of=this_second()), "info")
    await members.receiver.deliver(notice(over), text("Recovered"))
    await members.receiver.resend([over, due])
    await until_states(
        members,
        {
            "order_defect_rate warning": "resolved",
            "order_defect_rate critical": "resolved",
            "reply warning": "firing",
        },
    )


async def test_it_takes_hostile_text_as_text(members: Members) -> None:
    hostile = metric(alert="shop/m/x/60/h", category=HOSTILE, as_of=this_second())
    await members.receiver.deliver(notice(item(hostile)), text(HOSTILE))
    (found,) = await members.alerts(0)
    assert "<!channel>" in found["labels"]["category"]
    assert found["annotations"]["summary"].isprintable()


async def test_a_member_that_was_away_hears_it_with_the_next_resend(
    members: Members, tmp_path: Path
) -> None:
    port = free_port()
    away = f"http://127.0.0.1:{port}"
    section = {"kind": "alertmanager", "urls": [members.urls[0], away]}
    receiver = made(section | {"allow_private_addresses": True}, now)
    opened = item(metric(as_of=this_second()))
    await receiver.deliver(notice(opened), text())
    assert len(await members.alerts(0)) == 1
    async with _running(tmp_path, "http://127.0.0.1:1", port):
        await receiver.resend([opened])
        assert await members.alerts(0) != []
        assert [one["labels"] for one in await _alerts_at(away)] == [
            one["labels"] for one in await members.alerts(0)
        ]
