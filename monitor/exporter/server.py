"""Serves ``/metrics``: the snapshot is taken on the event loop, the page made in a thread."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web

from monitor.core.rules import Rulebook
from monitor.errors import ConfigError, Problem
from monitor.exporter.collector import SERIES_MAX, SnapshotCollector
from monitor.exporter.page import CONTENT_TYPE, text_of
from monitor.snapshot import Snapshot


@asynccontextmanager
async def metrics_server(
    latest: Callable[[], Snapshot | None],
    rulebook: Rulebook,
    *,
    host: str = "127.0.0.1",
    port: int = 9464,
    series_max: int = SERIES_MAX,
) -> AsyncIterator[str]:
    """Serve until the context ends; gives the URL of the page.

    Args:
        latest: the present snapshot; called on the event loop.
        rulebook: the policies, for their limits.
        host: address to listen on.
        port: 0 takes a free one.
        series_max: how many series a page may have (``SnapshotCollector``).

    Raises:
        ConfigError: the address cannot be listened on.
    """

    async def metrics(request: web.Request) -> web.Response:  # noqa: ARG001
        snapshot = latest()
        collector = SnapshotCollector(lambda: snapshot, rulebook, series_max)
        body = await asyncio.to_thread(lambda: text_of(collector.collect()))
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE})

    app = web.Application()
    app.router.add_get("/metrics", metrics)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await _listen(runner, host, port)
        taken = runner.addresses[0][1]
        yield f"http://{host}:{taken}/metrics"
    finally:
        await runner.cleanup()


async def _listen(runner: web.AppRunner, host: str, port: int) -> None:
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        fault = f"{host}:{port} cannot be listened on: {error.strerror or error}"
        raise ConfigError([Problem("settings", "prometheus.port", fault)]) from error
