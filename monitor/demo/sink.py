"""A webhook of the demo's own: it shows what a receiver would get."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web


@dataclass(slots=True)
class Sink:
    """Where it listens, and the bodies posted to it so far."""

    url: str = ""
    bodies: list[bytes] = field(default_factory=list)

    async def receive(self, request: web.Request) -> web.Response:
        """Keep a body."""
        self.bodies.append(await request.read())
        return web.Response(status=204)


@asynccontextmanager
async def listening_sink() -> AsyncIterator[Sink]:
    """A sink on a free port of this machine."""
    sink = Sink()
    app = web.Application()
    app.router.add_post("/", sink.receive)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        sink.url = f"http://127.0.0.1:{port}/"
        yield sink
    finally:
        await runner.cleanup()
