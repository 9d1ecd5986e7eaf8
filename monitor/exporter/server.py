"""Serves ``/metrics``, ``/readyz`` and ``/livez`` without holding up the event loop.

A snapshot is gathered in slices on the loop, since engines change there; the page is made of
it in a thread, since nothing in a snapshot changes any more.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest

from monitor.core.rules import Rulebook
from monitor.errors import ConfigError, Problem
from monitor.exporter.collector import collect
from monitor.exporter.page import CONTENT_TYPE
from monitor.exporter.readiness import missing
from monitor.exporter.selection import EVERY_SELLER, Bounds
from monitor.snapshot import Watched

_CHUNK_BYTES = 1 << 18


@asynccontextmanager
async def metrics_server(
    watched: Watched,
    rulebook: Rulebook,
    *,
    host: str = "127.0.0.1",
    port: int = 9464,
    bounds: Bounds = EVERY_SELLER,
) -> AsyncIterator[str]:
    """Serve until the context ends; gives the URL of ``/metrics``.

    ``/readyz`` is 200 once all that is assigned is restored and read to where it ended, else
    503 and a text of what is missing; ``/livez`` is 200 wherever the event loop answers.

    Args:
        watched: the worker.
        rulebook: the policies, for their limits.
        host: address to listen on.
        port: 0 takes a free one.
        bounds: which sellers have series of their own (``collect``).

    Raises:
        ConfigError: the address cannot be listened on.
    """
    process = CollectorRegistry()
    ProcessCollector(registry=process)

    async def metrics(request: web.Request) -> web.StreamResponse:
        snapshot = await watched.observe()
        body = await asyncio.to_thread(collect, snapshot, rulebook, bounds)
        return await _send(request, body + generate_latest(process))

    async def readyz(request: web.Request) -> web.Response:  # noqa: ARG001
        waits_for = missing(watched.progress())
        text = "\n".join(waits_for or ["ready"])
        return web.Response(status=503 if waits_for else 200, text=f"{text}\n")

    async def livez(request: web.Request) -> web.Response:  # noqa: ARG001
        return web.Response(text="alive\n")

    app = web.Application()
    app.router.add_get("/metrics", metrics)
    app.router.add_get("/readyz", readyz)
    app.router.add_get("/livez", livez)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await _listen(runner, host, port)
        taken = runner.addresses[0][1]
        yield f"http://{host}:{taken}/metrics"
    finally:
        await runner.cleanup()


async def _send(request: web.Request, body: bytes) -> web.StreamResponse:
    """Answer piece by piece: megabytes at once would be copied while everything waits."""
    response = web.StreamResponse(headers={"Content-Type": CONTENT_TYPE})
    response.content_length = len(body)
    await response.prepare(request)
    wanted = 0 if request.method == "HEAD" else len(body)
    for begin in range(0, wanted, _CHUNK_BYTES):
        await response.write(body[begin : begin + _CHUNK_BYTES])
    await response.write_eof()
    return response


async def _listen(runner: web.AppRunner, host: str, port: int) -> None:
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        fault = f"{host}:{port} cannot be listened on: {error.strerror or error}"
        raise ConfigError([Problem("settings", "prometheus.port", fault)]) from error
