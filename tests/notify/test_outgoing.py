"""The one HTTP client: where it connects to, whatever names say, and on which event loop."""

import asyncio
import socket

import pytest
import uvloop
from aiohttp.abc import AbstractResolver, ResolveResult
from pydantic import SecretStr

from monitor.errors import NotifyError
from monitor.notify.outgoing import Outgoing
from tests.notify.servers import http_server
from tests.notify.services import SlackService
from tests.notify.stands import clock


class Names(AbstractResolver):
    """Answers as somebody likes who owns a name, and may change its mind."""

    def __init__(self, *answers: list[str]) -> None:
        self._answers = list(answers)
        self.asked = 0

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        addresses = self._answers[min(self.asked, len(self._answers) - 1)]
        self.asked += 1
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in addresses
        ]

    async def close(self) -> None:
        """Nothing is open."""


async def refusal_of(outgoing: Outgoing, url: str) -> NotifyError:
    with pytest.raises(NotifyError) as caught:
        await outgoing.post(SecretStr(url), b"{}")
    return caught.value


@pytest.mark.parametrize("addresses", [["127.0.0.1"], ["::1", "127.0.0.1"], ["::ffff:127.0.0.1"]])
async def test_a_name_that_leads_to_this_machine_is_refused(addresses: list[str]) -> None:
    async with http_server(SlackService()) as (base, line):
        port = base.rpartition(":")[2]
        names = Names(addresses)
        outgoing = Outgoing(clock, resolver=names)
        error = await refusal_of(outgoing, f"http://receiver.example:{port}/")
        assert "allow_private_addresses" in str(error)
        assert (names.asked, line.connections, error.permanent) == (1, 0, False)


async def test_a_name_that_changes_its_mind_does_not_help() -> None:
    async with http_server(SlackService()) as (base, line):
        port = base.rpartition(":")[2]
        # Were a name looked at first and resolved again to connect, the second would be taken.
        names = Names(["::ffff:10.0.0.1"], ["127.0.0.1"])
        outgoing = Outgoing(clock, resolver=names, timeout_seconds=2)
        for _ in range(2):
            await refusal_of(outgoing, f"http://receiver.example:{port}/")
        assert line.connections == 0


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.1", "2130706433", "0x7f.1", "[::1]", "[::ffff:7f00:1]", "localhost"]
)
async def test_no_way_to_write_this_machine_is_let_through(host: str) -> None:
    async with http_server(SlackService()) as (base, line):
        port = base.rpartition(":")[2]
        error = await refusal_of(Outgoing(clock), f"http://{host}:{port}/")
        assert line.connections == 0
        assert host not in str(error)


async def test_a_private_address_is_permitted_where_it_is_allowed() -> None:
    async with http_server(SlackService()) as (base, line):
        line.status = 200
        port = base.rpartition(":")[2]
        names = Names(["127.0.0.1"])
        outgoing = Outgoing(clock, allow_private_addresses=True, resolver=names)
        await outgoing.post(SecretStr(f"http://receiver.example:{port}/"), b"{}")
        assert line.requests[0].body == b"{}"


async def test_a_name_that_nobody_knows_is_worth_another_attempt() -> None:
    class Unknown(Names):
        async def resolve(
            self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
        ) -> list[ResolveResult]:
            raise OSError("no such name: receiver.example")

    error = await refusal_of(Outgoing(clock, resolver=Unknown()), "http://receiver.example/")
    assert not error.permanent
    assert "receiver.example" not in str(error)


async def test_only_a_known_reason_is_quoted() -> None:
    async with http_server(SlackService()) as (base, line):
        outgoing = Outgoing(clock, allow_private_addresses=True)
        for body, said in [(b"no_service\n", "answered 404 no_service"), (b"a", "answered 404")]:
            line.status, line.body = 404, body
            with pytest.raises(NotifyError) as caught:
                await outgoing.post(SecretStr(base), b"", known_reasons=frozenset({"no_service"}))
            assert str(caught.value) == said


def test_it_is_the_same_on_the_event_loop_of_the_worker() -> None:
    async def posts() -> tuple[int, int, bool]:
        async with http_server(SlackService()) as (base, line):
            line.status = 200
            await Outgoing(clock, allow_private_addresses=True).post(SecretStr(base), b"{}")
            connections = line.connections
            error = await refusal_of(Outgoing(clock), base)
            return connections, line.connections, error.permanent

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(posts()) == (1, 1, False)
